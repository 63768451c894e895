//! What the kernel counted, told in the documents' words.
//!
//! Takes a snapshot of the counters, the legend that says what each counts, and the matrix that says which rule is
//! which; gives rows for people and for JSON. Knows nothing of maps.

mod report;
mod table;

pub use report::{Count, CounterReport, Idle, PortRow, ReasonRow, RuleRow};
