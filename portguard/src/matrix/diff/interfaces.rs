//! The interfaces of both sites, paired by name.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::matrix::{Attach, Interface, Matrix, ZoneId};

/// How an interface changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum InterfaceChange {
    /// It was not guarded and is.
    Guarded {
        /// Its name.
        interface: String,
        /// Its zone.
        zone: String,
    },
    /// It was guarded and is not: whatever comes in by it passes.
    Unguarded {
        /// Its name.
        interface: String,
    },
    /// It parts from the interfaces that it shared a zone with, or joins others.
    Zone {
        /// Its name.
        interface: String,
        /// Its zone before.
        old: String,
        /// Its zone after.
        new: String,
    },
    /// DHCP answers pass from now on, or not any more.
    Dhcp {
        /// Its name.
        interface: String,
        /// Whether they pass.
        passes: bool,
    },
    /// The program is put on it in another way.
    Attach {
        /// Its name.
        interface: String,
        /// The way before.
        old: Attach,
        /// The way after.
        new: Attach,
    },
}

impl InterfaceChange {
    /// Whether something may come in that could not before. What another zone's rules let in is among the cells.
    pub fn opens(&self) -> bool {
        match self {
            Self::Unguarded { .. } | Self::Dhcp { passes: true, .. } => true,
            Self::Guarded { .. } | Self::Dhcp { .. } | Self::Zone { .. } | Self::Attach { .. } => false,
        }
    }
}

/// The interfaces that are in both matrices, by their zones there.
pub(super) struct Pairing {
    /// The interfaces of each pair of zones, the old zone first.
    pub(super) pairs: BTreeMap<(ZoneId, ZoneId), Vec<String>>,
    pub(super) changes: Vec<InterfaceChange>,
}

impl Pairing {
    pub(super) fn new(old: &Matrix, new: &Matrix) -> Self {
        let mut pairs: BTreeMap<(ZoneId, ZoneId), Vec<String>> = BTreeMap::new();
        let mut changes = Vec::new();
        for interface in &old.interfaces {
            if find(new, &interface.name).is_none() {
                changes.push(InterfaceChange::Unguarded { interface: interface.name.clone() });
            }
        }
        for after in &new.interfaces {
            let Some(before) = find(old, &after.name) else {
                let zone = new.zone(after.zone).name.clone();
                changes.push(InterfaceChange::Guarded { interface: after.name.clone(), zone });
                continue;
            };
            pairs.entry((before.zone, after.zone)).or_default().push(after.name.clone());
            changes.extend(settings(before, after));
        }
        let mut pairing = Self { pairs, changes };
        let moved = pairing.moved(old, new);
        pairing.changes.extend(moved);
        pairing
    }

    /// The interfaces that do not go with the others of their zone: a zone with another name is the same zone.
    fn moved(&self, old: &Matrix, new: &Matrix) -> Vec<InterfaceChange> {
        let splits = |&(before, after): &(ZoneId, ZoneId)| {
            self.pairs.keys().any(|&(other, to)| (other == before) != (to == after))
        };
        let renamed = |&(before, after): &(ZoneId, ZoneId)| old.zone(before).name != new.zone(after).name;
        let moved = self.pairs.iter().filter(|(pair, _)| splits(pair) && renamed(pair));
        let changes = moved.flat_map(|(&(before, after), names)| {
            names.iter().map(move |name| InterfaceChange::Zone {
                interface: name.clone(),
                old: old.zone(before).name.clone(),
                new: new.zone(after).name.clone(),
            })
        });
        changes.collect()
    }
}

fn find<'m>(matrix: &'m Matrix, name: &str) -> Option<&'m Interface> {
    matrix.interfaces.iter().find(|interface| interface.name == name)
}

fn settings(before: &Interface, after: &Interface) -> Vec<InterfaceChange> {
    let Interface { name, zone: _, attach, dhcp } = after;
    let mut changes = Vec::new();
    if before.dhcp != *dhcp {
        changes.push(InterfaceChange::Dhcp { interface: name.clone(), passes: *dhcp });
    }
    if before.attach != *attach {
        let (old, new) = (before.attach, *attach);
        changes.push(InterfaceChange::Attach { interface: name.clone(), old, new });
    }
    changes
}
