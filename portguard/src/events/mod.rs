//! Drops as events: for collectors, for `portguard drops --follow`, for whoever wants to know at once.
//!
//! The first packet of a kind is told when it is dropped, and what followed it every few seconds in sums. The names of the
//! fields are promised: `docs/events.md`.

mod event;
mod known;
mod sink;

pub use event::{Event, EventKind, MOST_SUMS, Verdict};
pub use known::Known;
pub use sink::{Sink, SinkError};
