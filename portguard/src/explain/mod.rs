//! What would the filter do with a packet from this address to that port, and which line of which document says so?
//!
//! Builds the packet and asks the verdict function that the kernel runs, over the very image that it would run on.
//! Needs no privilege and no kernel.

mod answer;
mod frame;
mod question;

pub use answer::{Explanation, Near, RuleCited};
pub use question::{Destination, Question, QuestionError};
