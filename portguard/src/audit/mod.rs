//! The audit store: what was dropped, from whom, by which line of which document, and what changed; on the node, in one file.
//!
//! Plain data in, plain data out. One [`Store`] writes, any number of [`Reader`]s read, also while nobody writes. The room knows
//! nothing of the kernel, nor of the daemon: who harvests hands over a [`Harvest`], as often as need be, and it is recorded
//! exactly once.

mod amount;
mod booking;
mod changes;
mod counters;
mod details;
mod error;
mod fate;
mod file;
mod keep;
mod labels;
mod process;
mod query;
mod reader;
mod record;
mod retention;
mod seal;
mod section;
mod source;
mod span;
mod store;
mod tally;
mod verify;
mod words;

pub use error::AuditError;
pub use file::FILE;
pub use keep::Kept;
pub use process::Process;
pub use query::{
    DayOfDrops, DropFilter, DropRow, Drops, Lost, LostAtPort, LostByReason, Order, Point, PortTotals,
    ReasonTotals, RuleTotal, Series, SourceRow, TopSources,
};
pub use reader::{Held, Reader};
pub use record::{Change, ChangeKind, Detail, Harvest, SourceDrops};
pub use retention::Limits;
pub use seal::Seal;
pub use span::Span;
pub use store::Store;
pub use verify::{Fault, Verification};
