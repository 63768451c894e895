//! Who was dropped where: a table of fixed size, and what it says of each packet that is dropped.
//!
//! The counters are exact and know nothing of sources, of which an attacker has as many as he likes. This table knows
//! sources, as many as it has places for; what it has no place for it counts as lost. The kernel's program notes each drop
//! here; userspace takes turns between two halves, so that it reads one which nobody writes.

mod key;
mod table;

pub use key::{Aim, DropKey, Family, Peer, key, plain_key};
pub use table::{Clock, Noted, bucket_index, note};
