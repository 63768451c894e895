//! What a node counts and how it is, for Prometheus: as OpenMetrics text, over HTTP.
//!
//! Takes a [`Snapshot`], which the daemon fills when it is asked, and knows nothing of the daemon. How many series there are
//! depends on the site and its documents, never on what is sent to the node: there is none by source, and none for a single port
//! of a range. `docs/metrics.md` says what each means.

mod families;
mod server;
mod snapshot;
mod text;

pub use server::{Scrape, Server};
pub use snapshot::{Counts, EventCounts, Generation, InterfaceState, Snapshot};
pub use text::text;
