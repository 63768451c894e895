//! The report: what this node accepts and may connect to by which document, what it dropped, what changed, and how sure the record of
//! it is.
//!
//! Takes what the audit store answers and what is known of what is in force, and writes it for an auditor's browser, a ticket, a
//! spreadsheet or a program. Whatever comes from the store or the site is data, never markup. It asks nobody but the store.

mod absence;
mod accepts;
mod csv;
mod html;
mod in_force;
mod markdown;
mod model;
mod reaches;
mod says;
mod used;
mod words;

pub use absence::Absence;
pub use accepts::{Accepts, GroupInForce, Origin, Proof};
pub use csv::write as write_csv;
pub use html::page as html_page;
pub use in_force::{GenerationKnown, InForce, Witness};
pub use markdown::write as markdown;
pub use model::{About, Gaps, Report, Totals, UndocumentedPort, Verified};
pub use reaches::Reaches;
