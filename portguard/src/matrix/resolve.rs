//! From a site and its policies to the matrix.

use std::collections::BTreeMap;

use super::{
    Direction, Dormant, Interface, Matrix, Origin, Peer, PeerKind, Rule, Service,
    addresses::Addresses,
    product::resolve_product,
    scope::{Scope, zone_name},
};
use crate::{
    policy::Policy,
    reading::{self, Located},
    site::{self, Failsafe, Fault, PolicyReference, Site},
};

type Faults = reading::Faults<Fault>;

/// The policies that a site refers to, as far as they could be had.
pub type Library = BTreeMap<PolicyReference, Availability>;

/// Whether a policy that a site refers to can be used.
#[derive(Clone, Debug)]
pub enum Availability {
    /// It can.
    Sound(Box<Policy>),
    /// It was read and has faults, which its own report tells.
    Faulty,
    /// Its file cannot be read, for this reason.
    Unreadable(String),
}

/// Follows every name of the site. The matrix is there only if the site has no fault at all.
pub fn resolve(site: &Site, library: &Library, faults: &mut Faults) -> Option<Matrix> {
    if faults.has_lost_text() {
        return None;
    }
    let mut scope = Scope::new(site);
    let mut rules = Vec::new();
    let mut dormant = Vec::new();
    for product in &site.products {
        rules.extend(resolve_product(product, library, &mut scope, &mut dormant, faults));
    }
    for rule in &site.rules {
        rules.extend(resolve_rule(rule, &mut scope, faults));
    }
    rules.extend(site.failsafe.as_ref().and_then(|failsafe| resolve_failsafe(failsafe, &mut scope, faults)));
    let interfaces = resolve_interfaces(site, &mut scope, faults);
    let dormant = Dormant { groups: scope.idle_groups(site), rules: dormant };
    let (groups, zones) = scope.into_lists();
    match (site.mode, site.posture) {
        (Some(mode), Some(posture)) if faults.is_empty() => {
            let details = site.audit.details;
            Some(Matrix {
                mode,
                posture: posture.value,
                transit: site.transit,
                fragments: site.fragments,
                outbound: site.outbound.map(|outbound| outbound.value),
                details,
                zones,
                interfaces,
                groups,
                rules,
                dormant,
            })
        }
        _ => None,
    }
}

fn resolve_interfaces(site: &Site, scope: &mut Scope<'_>, faults: &mut Faults) -> Vec<Interface> {
    let interfaces = site.interfaces.iter().filter_map(|interface| {
        let zone = Located::new(zone_name(interface).to_owned(), interface.name.at);
        Some(Interface {
            name: interface.name.value.clone(),
            zone: scope.zone(&zone, faults)?,
            attach: interface.attach,
            dhcp: interface.dhcp,
        })
    });
    interfaces.collect()
}

/// The failsafe groups: one rule for everything. None where no group is named.
fn resolve_failsafe(failsafe: &Failsafe, scope: &mut Scope<'_>, faults: &mut Faults) -> Option<Rule> {
    let &Failsafe { ref groups, at, line } = failsafe;
    let peers = peers(groups, scope, faults);
    let rule = Rule {
        origin: Origin::Failsafe { line },
        description: "always admitted, to every port".to_owned(),
        direction: Direction::In,
        service: Service::All,
        zones: scope.every_zone(),
        peers,
    };
    let admitted = rule.groups();
    let addresses = Addresses::of(admitted.iter().flat_map(|&group| scope.prefixes(group)));
    let (v4, v6) = addresses.whole_families();
    for (_, family) in [(v4, "IPv4"), (v6, "IPv6")].into_iter().filter(|(whole, _)| *whole) {
        faults.push(Fault::FailsafeEverybody { family, at });
    }
    (!groups.is_empty()).then_some(rule)
}

/// Groups that stand for themselves.
fn peers(groups: &[Located<String>], scope: &mut Scope<'_>, faults: &mut Faults) -> Vec<Peer> {
    let groups = groups.iter().filter_map(|name| {
        let group = scope.group(name, faults)?;
        Some(Peer { role: name.value.clone(), kind: PeerKind::Groups(vec![group]) })
    });
    groups.collect()
}

/// A site's own rule: one rule of the matrix for each service it opens.
fn resolve_rule(rule: &site::Rule, scope: &mut Scope<'_>, faults: &mut Faults) -> Vec<Rule> {
    let peers = peers(&rule.peers, scope, faults);
    let mut zones = match &rule.zones {
        None => scope.every_zone(),
        Some(names) => names.iter().filter_map(|name| scope.zone(name, faults)).collect(),
    };
    zones.sort_unstable();
    if zones.is_empty() {
        return Vec::new();
    }
    let services = rule.services.iter().map(|service| Rule {
        origin: Origin::Site { rule: rule.name.value.clone(), line: rule.line },
        description: rule.description.clone(),
        direction: rule.direction,
        service: service.clone(),
        zones: zones.clone(),
        peers: peers.clone(),
    });
    services.collect()
}
