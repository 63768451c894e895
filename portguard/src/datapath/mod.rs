//! The kernel: an image in, counters out. The only room that knows aya.
//!
//! [`Loaded`] is a generation that the verifier has accepted and whose maps are filled, but that filters nothing yet.
//! [`Filter`] is all that PortGuard has in the kernel, pinned; [`Filter::replace`] gives the interfaces to a loaded
//! generation. What is pinned outlives the process, and the next one opens it again.

mod attach;
mod bpffs;
mod change;
mod clsact;
mod counters;
mod drops;
mod error;
mod filter;
mod generation;
mod guarded;
mod held;
mod interfaces;
mod load;
mod log;
mod network;
mod node;
mod object;
mod pod;
pub mod probe;
mod programs;
mod record;
mod survey;
mod tables;
mod test_run;
mod unnamed;

pub use bpffs::goes_with_the_namespace;
pub use change::Change;
pub use counters::CounterSnapshot;
pub use drops::{DropTable, Epoch, Events};
pub use error::DatapathError;
pub use filter::Filter;
pub use generation::Generation;
pub use guarded::{AttachedMode, Guarded};
pub use interfaces::{AttachedProgram, Link, Placement, Present, resolve};
pub use load::{Loaded, identity};
pub use log::ProgramLog;
pub use network::{Network, NetworkChange};
pub use node::{forwards, node};
pub use object::embedded;
pub use survey::{Survey, SurveyedLink, filters_before, tcx_before};
pub use test_run::{Answer, TestRun, leave_network};
