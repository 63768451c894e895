//! What the kernel counted, told in the documents' words.
//!
//! Takes a snapshot of a generation's counters and the chart that says what each counts, adds up the generations, and gives
//! rows for people and for JSON. Knows nothing of maps.

mod chart;
mod ranges;
mod report;
mod table;
mod totals;

pub use crate::matrix::Direction;
pub use chart::{Chart, ChartPort};
pub use ranges::{RangeRow, RangeRule, direction_of, port_text, split_direction};
pub use report::{Count, Counted, CounterReport, Idle, PortRow, ReasonRow, RuleRow, UndocumentedRow};
pub use totals::Totals;
