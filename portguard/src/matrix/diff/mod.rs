//! What changes for whom from one matrix to another: addresses x ports x interfaces, gained and lost.
//!
//! It compares what is open, not how the files say it: to rename a group or a zone, or to split a prefix, changes nothing.
//! Cells are compared as mode `enforce` decides. An interface keeps its identity by its name, so what moves to another
//! zone is compared with what the interface let in before.

mod cells;
mod interfaces;
mod text;

use ipnet::IpNet;
use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::{Direction, Fragments, Matrix, Mode, Outbound, PortSet, Posture, Space};
pub use interfaces::InterfaceChange;
use interfaces::Pairing;

/// A setting before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Changed<T> {
    /// Before.
    pub old: T,
    /// After.
    pub new: T,
}

impl<T: PartialEq> Changed<T> {
    fn between(old: T, new: T) -> Option<Self> {
        (old != new).then_some(Self { old, new })
    }
}

/// Addresses for which the same ports change, in the same way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The addresses, in as few prefixes as hold them.
    pub addresses: Vec<IpNet>,
    /// Where that is shorter: the addresses that are missing from all of the same families.
    pub all_but: Option<Vec<IpNet>>,
    /// The ports.
    pub ports: Vec<PortsOf>,
    /// The interfaces.
    pub interfaces: Vec<String>,
    /// The rules that let in, or let in before; none where the posture does.
    pub rules: Vec<String>,
}

/// Ports of a protocol, types of an ICMP, or numbers of IP protocols.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortsOf {
    /// What is numbered.
    pub space: Space,
    /// The numbers.
    pub ports: PortSet,
}

impl PortsOf {
    /// `8086, 9000-9010`, or `*` for all that a posture opens.
    pub fn text(&self) -> String {
        self.space.text(&self.ports)
    }
}

impl Serialize for PortsOf {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut ports = serializer.serialize_struct("PortsOf", 2)?;
        ports.serialize_field("protocol", &self.space)?;
        ports.serialize_field("ports", &self.text())?;
        ports.end()
    }
}

/// The difference of two matrices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// The mode, if it changes.
    pub mode: Option<Changed<Mode>>,
    /// The posture, if it changes. What it opens and closes is among the cells.
    pub posture: Option<Changed<Posture>>,
    /// What becomes of what no rule admits and is for others, if that changes.
    pub transit: Option<Changed<Posture>>,
    /// Whose later fragments come in, if that changes.
    pub fragments: Option<Changed<Fragments>>,
    /// What becomes of what leaves, if that changes; none where nothing judges it. What it opens and closes is told below.
    pub outbound: Option<Changed<Option<Outbound>>>,
    /// The interfaces that change.
    pub interfaces: Vec<InterfaceChange>,
    /// What was closed and is open.
    pub opened: Vec<Change>,
    /// What was open and is closed.
    pub closed: Vec<Change>,
    /// What this node could not reach and can, where either site judges what leaves.
    pub outbound_opened: Vec<Change>,
    /// What it could reach and cannot.
    pub outbound_closed: Vec<Change>,
    /// What outbound rules declare now and did not, where neither site judges what leaves.
    pub outbound_added: Vec<Change>,
    /// What they declared and do not any more.
    pub outbound_removed: Vec<Change>,
}

impl Diff {
    /// What changes from `old` to `new`.
    pub fn new(old: &Matrix, new: &Matrix) -> Self {
        let pairing = Pairing::new(old, new);
        let (opened, closed) = cells::changes(old, new, &pairing, Direction::In);
        let leaving = cells::changes(old, new, &pairing, Direction::Out);
        let judged = old.outbound.is_some() || new.outbound.is_some();
        let (kept, declared) =
            if judged { (leaving, Default::default()) } else { (Default::default(), leaving) };
        let ((outbound_opened, outbound_closed), (outbound_added, outbound_removed)) = (kept, declared);
        Self {
            mode: Changed::between(old.mode, new.mode),
            posture: Changed::between(old.posture, new.posture),
            transit: Changed::between(old.transit, new.transit),
            fragments: Changed::between(old.fragments, new.fragments),
            outbound: Changed::between(old.outbound, new.outbound),
            interfaces: pairing.changes,
            opened,
            closed,
            outbound_opened,
            outbound_closed,
            outbound_added,
            outbound_removed,
        }
    }

    /// Whether anything may come in, or leave, that could not before.
    pub fn opens(&self) -> bool {
        self.opens_by_mode()
            || !self.opened.is_empty()
            || !self.outbound_opened.is_empty()
            || self.transit.is_some_and(|Changed { old: _, new }| new == Posture::Pass)
            || self.fragments.is_some_and(|Changed { old: _, new }| new == Fragments::Anybody)
            || self.interfaces.iter().any(InterfaceChange::opens)
    }

    /// Whether what was dropped is only counted from now on, in either direction.
    pub fn opens_by_mode(&self) -> bool {
        let outbound = self.outbound.and_then(|Changed { old, new }| {
            let (old, new) = (old?.mode, new?.mode);
            Some(Changed { old, new })
        });
        [self.mode, outbound]
            .into_iter()
            .flatten()
            .any(|mode| matches!(mode, Changed { old: Mode::Enforce, new: Mode::Observe }))
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        let Self {
            mode,
            posture,
            transit,
            fragments,
            outbound,
            interfaces,
            opened,
            closed,
            outbound_opened,
            outbound_closed,
            outbound_added,
            outbound_removed,
        } = self;
        let changes = [opened, closed, outbound_opened, outbound_closed, outbound_added, outbound_removed];
        mode.is_none()
            && posture.is_none()
            && transit.is_none()
            && fragments.is_none()
            && outbound.is_none()
            && interfaces.is_empty()
            && changes.iter().all(|changes| changes.is_empty())
    }
}
