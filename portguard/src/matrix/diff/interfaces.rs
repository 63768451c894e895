//! The interfaces of both sites, paired by name.
//!
//! A name or a pattern of one site is compared with what holds in the other for all that it matches. Where nothing there
//! does, it is told as guarded or not guarded as a whole, also if several narrower patterns together would hold for it.

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
        let mut pair = |name: &String, before: &Interface, after: &Interface, changes: &mut Vec<_>| {
            pairs.entry((before.zone, after.zone)).or_default().push(name.clone());
            changes.extend(settings(name, before, after));
        };
        for before in &old.interfaces {
            let name = &before.name;
            match new.interface_for(name) {
                None => changes.push(InterfaceChange::Unguarded { interface: name.clone() }),
                // Told with the others of the new site below.
                Some(after) if after.name == *name => {}
                Some(after) => pair(name, before, after, &mut changes),
            }
        }
        for after in &new.interfaces {
            let name = &after.name;
            match old.interface_for(name) {
                None => {
                    let zone = new.zone(after.zone).name.clone();
                    changes.push(InterfaceChange::Guarded { interface: name.clone(), zone });
                }
                Some(before) => pair(name, before, after, &mut changes),
            }
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

fn settings(name: &str, before: &Interface, after: &Interface) -> Vec<InterfaceChange> {
    let Interface { name: _, zone: _, attach, dhcp } = after;
    let mut changes = Vec::new();
    if before.dhcp != *dhcp {
        changes.push(InterfaceChange::Dhcp { interface: name.to_owned(), passes: *dhcp });
    }
    if before.attach != *attach {
        let (old, new) = (before.attach, *attach);
        changes.push(InterfaceChange::Attach { interface: name.to_owned(), old, new });
    }
    changes
}
