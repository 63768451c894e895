//! The names that a site's rules may use: its groups and its zones, numbered as the matrix numbers them.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::{Direction, Group, GroupId, Zone, ZoneId};
use crate::{
    reading::{self, Located, did_you_mean},
    site::{ANY, DEFAULT_ZONE, Fault, Site},
};

type Faults = reading::Faults<Fault>;

/// After so many unknown names the nearest known one is no longer looked for: the reader has one cause, not thousands,
/// and looking compares every name with every other.
const SUGGESTIONS: usize = 50;

/// Groups and zones by name. A group gets its number when it is first used.
pub(super) struct Scope<'a> {
    declared: BTreeMap<&'a str, &'a [Located<IpNet>]>,
    numbers: BTreeMap<String, GroupId>,
    groups: Vec<Group>,
    zones: BTreeMap<&'a str, ZoneId>,
    zone_order: Vec<&'a str>,
    outbound: bool,
    suggested: usize,
}

impl<'a> Scope<'a> {
    pub(super) fn new(site: &'a Site) -> Self {
        let mut zones = BTreeMap::new();
        let mut zone_order = Vec::new();
        let mut names: Vec<&str> = site.interfaces.iter().map(zone_name).collect();
        if names.is_empty() {
            names.push(DEFAULT_ZONE);
        }
        for name in names {
            zones.entry(name).or_insert_with(|| {
                zone_order.push(name);
                ZoneId::new(zone_order.len() - 1)
            });
        }
        Self {
            declared: site
                .groups
                .iter()
                .map(|group| (group.name.as_str(), group.prefixes.as_slice()))
                .collect(),
            numbers: BTreeMap::new(),
            groups: Vec::new(),
            zones,
            zone_order,
            outbound: site.outbound.is_some(),
            suggested: 0,
        }
    }

    /// Whether rules of `direction` are kept.
    pub(super) fn enforces(&self, direction: Direction) -> bool {
        direction == Direction::In || self.outbound
    }

    /// The group of this name; a name that the site does not declare is a fault.
    pub(super) fn group(&mut self, name: &Located<String>, faults: &mut Faults) -> Option<GroupId> {
        if name.value == ANY {
            let everyone = ["0.0.0.0/0", "::/0"].iter().map(|text| text.parse().expect("both are prefixes"));
            return Some(self.number(ANY, || everyone.collect()));
        }
        let Some(&prefixes) = self.declared.get(name.as_str()) else {
            self.suggested += 1;
            let known = self.declared.keys().copied().chain([ANY]);
            let remedy = remedy(self.suggested, name.as_str(), "groups", known);
            faults.push(Fault::Undeclared { kind: "group", name: name.value.clone(), at: name.at, remedy });
            return None;
        };
        Some(self.number(&name.value, || prefixes.iter().map(|prefix| prefix.value).collect()))
    }

    /// The addresses of a group.
    pub(super) fn prefixes(&self, group: GroupId) -> &[IpNet] {
        &self.groups[group.index()].prefixes
    }

    /// The group of the addresses that a document fixes.
    pub(super) fn fixed_group(&mut self, policy: &str, role: &str, addresses: &[IpNet]) -> GroupId {
        self.number(&format!("{policy}:{role}"), || addresses.to_vec())
    }

    fn number(&mut self, name: &str, prefixes: impl FnOnce() -> Vec<IpNet>) -> GroupId {
        if let Some(&number) = self.numbers.get(name) {
            return number;
        }
        let number = GroupId::new(self.groups.len());
        self.groups.push(Group { name: name.to_owned(), prefixes: prefixes() });
        self.numbers.insert(name.to_owned(), number);
        number
    }

    /// The zone of this name; a name that no interface has is a fault.
    pub(super) fn zone(&mut self, name: &Located<String>, faults: &mut Faults) -> Option<ZoneId> {
        let zone = self.zones.get(name.as_str()).copied();
        if zone.is_none() {
            self.suggested += 1;
            let known = self.zones.keys().copied();
            let remedy = remedy(self.suggested, name.as_str(), "zones of this site's interfaces", known);
            faults.push(Fault::Undeclared { kind: "zone", name: name.value.clone(), at: name.at, remedy });
        }
        zone
    }

    /// Every zone of the site.
    pub(super) fn every_zone(&self) -> Vec<ZoneId> {
        (0..self.zone_order.len()).map(ZoneId::new).collect()
    }

    /// The one zone of a site whose interfaces name none.
    pub(super) fn unnamed_zone(&self) -> Option<ZoneId> {
        (self.zone_order == [DEFAULT_ZONE]).then(|| ZoneId::new(0))
    }

    /// The groups that were declared and are in no list.
    pub(super) fn idle_groups(&self, site: &Site) -> Vec<Group> {
        let idle = site.groups.iter().filter(|group| !self.numbers.contains_key(&group.name.value));
        idle.map(|group| Group {
            name: group.name.value.clone(),
            prefixes: group.prefixes.iter().map(|prefix| prefix.value).collect(),
        })
        .collect()
    }

    /// The lists that the numbers point into.
    pub(super) fn into_lists(self) -> (Vec<Group>, Vec<Zone>) {
        let zones = self.zone_order.into_iter().map(|name| Zone { name: name.to_owned() }).collect();
        (self.groups, zones)
    }
}

/// The remedy for the `count`th unknown name of a file.
fn remedy<'k>(count: usize, unknown: &str, what: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    if count > SUGGESTIONS {
        return format!("declare it, or name one of the {what} that are");
    }
    did_you_mean(unknown, what, known)
}

/// The zone that an interface belongs to.
pub(super) fn zone_name(interface: &crate::site::Interface) -> &str {
    interface.zone.as_ref().map_or(DEFAULT_ZONE, |zone| zone.as_str())
}
