//! Policies: a vendor's document as data.
//!
//! A policy is read in two steps. [`raw`](self) takes the TOML as written, with places; `check` follows every name and
//! evaluates every port with the defaults, and yields a [`Policy`], which cannot contradict itself. The room knows
//! nothing of any site: which addresses a role stands for, and which parameters a site changes, is decided in `matrix`.
//! It never opens a file.

mod builtin;
mod check;
mod citations;
mod fault;
mod import;
mod model;
mod name;
mod parameter;
mod port;
mod raw;
mod skeleton;
mod thousands;

pub use builtin::{BUILT_IN, BuiltIn, built_in};
pub use citations::{Citation, unsupported};
pub use fault::Fault;
pub use import::{Draft, Misshapen, Unread, import};
pub use model::{
    Basis, Condition, Declared, Place, Policy, ProfileChoice, Protocol, Reach, Role, Rule, SELF, Test,
};
pub use name::{NotAName, PolicyName};
pub(crate) use parameter::parse_range;
pub use parameter::{Parameter, ParameterType, Setting, Settings, read_setting};
pub use port::{PortExpression, PortFault};
pub use skeleton::skeleton;

use crate::reading::{self, Faults, Source};

/// Reads a policy; on failure every fault it has, in the order of the file.
pub fn parse(source: &Source) -> Result<Policy, Vec<Fault>> {
    let mut faults = Faults::default();
    let table = reading::parse(source.text(), &mut faults);
    let raw = raw::read(table, &mut faults);
    let policy = check::check(raw, &mut faults);
    match policy {
        Some(policy) if faults.is_empty() => Ok(policy),
        _ => Err(faults.into_sorted()),
    }
}
