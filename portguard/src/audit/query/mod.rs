//! Questions to the record, and answers as plain rows.

mod changes;
mod daily;
mod drops;
mod lost;
mod series;
mod totals;

pub use daily::DayOfDrops;
pub use drops::{DropFilter, DropRow, Drops, Order, SourceRow, TopSources};
pub use lost::{Lost, LostAtPort, LostByReason};
pub use series::{Point, Series};
pub use totals::{PortTotals, ReasonTotals, RuleTotal};
