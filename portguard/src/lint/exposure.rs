//! What a document keeps within the cluster and the site opens to the whole internet.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Warning,
    lookup::{Lookup, addresses, few, name},
    openings::numbers,
};
use crate::{
    matrix::{GroupId, Origin, PeerKind, Rule},
    policy::Reach,
};

/// Roles of the cluster that are bound to everybody.
pub(super) fn open_roles(lookup: &Lookup<'_>) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for (product, policy) in lookup.products() {
        for (role, groups) in bound_roles(lookup, product.name.as_str()) {
            let Some((written, _)) = product.roles.iter().flatten().find(|(name, _)| name.value == role)
            else {
                continue;
            };
            let of_the_cluster = policy.roles.get(role).is_some_and(|role| role.reach == Reach::ClusterOnly)
                || reaches_cluster_ports(lookup, product.name.as_str(), role);
            if of_the_cluster && addresses(lookup.matrix, groups).is_the_internet() {
                warnings.push(Warning::OpenRole {
                    role: role.to_owned(),
                    product: product.name.value.clone(),
                    policy: policy.name.clone(),
                    document: policy.document.clone(),
                    at: written.at,
                });
            }
        }
    }
    warnings
}

/// The groups of each role of a product that lets somebody in.
fn bound_roles<'l>(lookup: &'l Lookup<'_>, product: &str) -> BTreeMap<&'l str, &'l [GroupId]> {
    let rules = lookup.inbound.iter().filter(|inbound| is_of(inbound.rule, product));
    let peers = rules.flat_map(|inbound| &inbound.rule.peers);
    let bound = peers.filter_map(|peer| match &peer.kind {
        PeerKind::Groups(groups) => Some((peer.role.as_str(), groups.as_slice())),
        PeerKind::Node => None,
    });
    bound.collect()
}

fn reaches_cluster_ports(lookup: &Lookup<'_>, product: &str, role: &str) -> bool {
    let mut rules = lookup.inbound.iter().map(|inbound| inbound.rule).filter(|rule| is_of(rule, product));
    rules.any(|rule| is_cluster_only(lookup, rule) && rule.peers.iter().any(|peer| peer.role == role))
}

fn is_of(rule: &Rule, wanted: &str) -> bool {
    matches!(&rule.origin, Origin::Document { product, .. } if product == wanted)
}

fn is_cluster_only(lookup: &Lookup<'_>, rule: &Rule) -> bool {
    lookup.documented(rule).is_some_and(|rule| rule.reach == Reach::ClusterOnly)
}

/// Rules of the site's own that open the cluster's ports to everybody.
pub(super) fn open_ports(lookup: &Lookup<'_>) -> Vec<Warning> {
    let inbound = lookup.inbound.iter().map(|inbound| inbound.rule);
    let clusters: Vec<&Rule> = inbound.filter(|rule| is_cluster_only(lookup, rule)).collect();
    let mut opened: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for inbound in lookup.inbound.iter().filter(|inbound| inbound.sources.is_the_internet()) {
        if let Origin::Site { rule, .. } = &inbound.rule.origin {
            let named = clusters.iter().filter(|documented| shares(inbound.rule, documented));
            opened.entry(rule).or_default().extend(named.map(|documented| name(documented)));
        }
    }
    let warnings =
        opened.into_iter().filter(|(_, documented)| !documented.is_empty()).map(|(rule, documented)| {
            let documented: Vec<String> = documented.into_iter().collect();
            Warning::OpenPort {
                rule: rule.to_owned(),
                documented: few(&documented),
                at: lookup.place_of_rule(rule),
            }
        });
    warnings.collect()
}

/// Whether both name some port, type or protocol in some zone.
fn shares(left: &Rule, right: &Rule) -> bool {
    let right_numbers = numbers(&right.service);
    left.zones.iter().any(|zone| right.zones.contains(zone))
        && numbers(&left.service).iter().any(|(space, range)| {
            right_numbers.iter().any(|(other_space, other)| {
                space == other_space && range.first() <= other.last() && other.first() <= range.last()
            })
        })
}
