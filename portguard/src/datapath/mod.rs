//! The kernel: an image in, counters out. The only room that knows aya.
//!
//! [`Loaded`] is a generation that the verifier has accepted and whose maps are filled, but that filters nothing yet;
//! [`Loaded::attach`] puts it on the interfaces and gives an [`Attached`]. Dropping that takes the program off again.

mod attach;
mod counters;
mod error;
mod interfaces;
mod load;
mod object;
mod pod;
pub mod probe;
mod tables;
mod test_run;

pub use attach::{Attached, AttachedInterface, AttachedMode};
pub use counters::CounterSnapshot;
pub use error::DatapathError;
pub use interfaces::{Link, node_addresses, resolve};
pub use load::Loaded;
pub use object::embedded;
pub use test_run::{TestRun, XdpVerdict, leave_network};
