//! The matrix: policies and site, resolved to concrete ports and concrete addresses.
//!
//! A matrix that exists is consistent: each name it holds resolves, each rule is switched on, each port is a number.
//! Every rule still knows where it comes from ([`Origin`]), so that a verdict can name its line in the document. The
//! matrix knows nothing of maps, classes or slots (that is `compile`), and nothing of files (that is `policy`, `site`).

mod addresses;
mod diff;
mod dormant;
mod filter;
mod hook;
mod model;
mod pattern;
mod ports;
mod product;
mod resolve;
mod scope;
mod segments;
mod service;
mod view;

pub use diff::{Change, Changed, Diff, InterfaceChange, PortsOf};
pub use dormant::{Cause, Dormant, DormantRule};
pub use filter::{Filter, PortFilter, Unknown};
pub use hook::{Attach, Hook, OutboundAttach};
pub use model::{
    Direction, Fragments, Group, GroupId, Interface, Matrix, Mode, Origin, Outbound, Peer, PeerKind, Posture,
    Rule, RuleId, Zone, ZoneId,
};
pub(crate) use pattern::{LONGEST as LONGEST_INTERFACE, common_name};
pub use pattern::{covers, is_pattern, narrowest};
pub use ports::{PortRow, port_rows};
pub use product::{active_rules, read_settings};
pub use resolve::{Availability, Library, resolve};
pub use segments::Space;
pub(crate) use service::portless;
pub use service::{IcmpFamilies, IcmpTypes, PortRange, PortSet, Service, Transport};
pub use view::{PeerView, Row, rows, rows_kept};
