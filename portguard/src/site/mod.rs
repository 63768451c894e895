//! The site: the administrator's file.
//!
//! It says which interfaces are guarded, which addresses there are, which policies hold and who plays their roles. This
//! room reads what the file says, each value with its place. What the names in it stand for needs the policies, so
//! they are followed in `matrix`. The room never opens a file.

mod accept;
mod audit;
mod fault;
mod host;
mod members;
mod model;
mod read;
mod service;

pub use fault::Fault;
pub use host::{Answer, Answers, HostName, HostNameError, can_be_peer};
pub use members::{GroupFiles, read_group_file};
pub use model::{
    Acceptance, Audit, Bindings, EventsTo, Failsafe, Group, GroupFile, Host, Interface, PolicyReference,
    Product, Rule, Site,
};
pub use read::read;

/// The group that every site has without declaring it: every address of both families.
pub const ANY: &str = "any";

/// The zone of interfaces that name none.
pub const DEFAULT_ZONE: &str = "default";
