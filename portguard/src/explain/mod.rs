//! What would the filter do with a packet from this address to that port, and which line of which document says so?
//!
//! Builds the packet and asks the verdict function that the kernel runs, over the very image that it would run on.
//! Needs no privilege and no kernel. Outbound packets are not filtered; of them it tells which rule declares them.

mod answer;
mod batch;
mod frame;
mod near;
mod question;
mod verdict;

pub use answer::{Explanation, RuleCited};
pub use batch::{Answer, Asked, BatchFault, Defaults, read_batch};
pub use near::{Distance, Near};
pub use question::{Destination, Question, QuestionError};
