//! Groups that nobody uses, and groups whose addresses another group has as well.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use super::{Warning, addresses::AddressSet, lookup::Lookup};
use crate::{
    matrix::Matrix,
    reading::{Located, SourceSpan, short_prefix},
    site::{Group, Site},
};

/// Groups that stand in no binding and in no rule.
pub(super) fn unused(site: &Site, matrix: &Matrix) -> Vec<Warning> {
    let used: BTreeSet<&str> = matrix.groups.iter().map(|group| group.name.as_str()).collect();
    let unused = site.groups.iter().filter(|group| !used.contains(group.name.as_str()));
    unused.map(|group| Warning::UnusedGroup { group: group.name.value.clone(), at: group.name.at }).collect()
}

/// What of one group lies inside another.
struct Overlap {
    first: Located<IpNet>,
    outer: Located<IpNet>,
    count: usize,
}

/// Groups with addresses that are part of a wider prefix of another group, and thereby are admitted where their own
/// group is not. The very same prefix in two groups is no accident, and says nothing.
pub(super) fn inside(lookup: &Lookup<'_>) -> Vec<Warning> {
    let rights = rights(lookup);
    let groups = &lookup.site.groups;
    let mut overlaps: BTreeMap<(usize, usize), Overlap> = BTreeMap::new();
    for (inner_group, prefix, outer_group, outer) in nested(groups) {
        let overlap = overlaps.entry((inner_group, outer_group));
        overlap.and_modify(|overlap| overlap.count += 1).or_insert(Overlap {
            first: prefix,
            outer,
            count: 1,
        });
    }
    let mut is_everybody: BTreeMap<usize, bool> = BTreeMap::new();
    let mut warnings = Vec::new();
    for ((inner, outer), Overlap { first, outer: outer_prefix, count }) in overlaps {
        if *is_everybody.entry(outer).or_insert_with(|| is_the_internet(&groups[outer])) {
            continue;
        }
        let (inner, outer) = (&groups[inner].name.value, &groups[outer].name.value);
        let (Some(own), Some(gained)) = (rights.get(inner.as_str()), rights.get(outer.as_str())) else {
            continue;
        };
        if gained.is_subset(own) {
            continue;
        }
        warnings.push(Warning::GroupInside {
            inner: inner.clone(),
            outer: outer.clone(),
            prefix: short_prefix(&first.value),
            others: if count > 1 { format!(" and {} more", count - 1) } else { String::new() },
            outer_prefix: short_prefix(&outer_prefix.value),
            at: first.at,
            outer_at: outer_prefix.at,
        });
    }
    warnings
}

/// Everything lies inside the internet; that is what such a group is for.
fn is_the_internet(group: &Group) -> bool {
    AddressSet::new(group.prefixes.iter().map(|prefix| &prefix.value)).is_the_internet()
}

/// The rules that admit each group, by name. Failsafe groups have them all, and one right more.
fn rights<'l>(lookup: &'l Lookup<'_>) -> BTreeMap<&'l str, BTreeSet<usize>> {
    let mut rights: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for (index, inbound) in lookup.inbound.iter().enumerate() {
        for &group in &inbound.groups {
            rights.entry(&lookup.matrix.group(group).name).or_default().insert(index);
        }
    }
    for (group, _) in lookup.failsafe_groups() {
        rights.entry(group.name.as_str()).or_default().extend(0..=lookup.inbound.len());
    }
    rights
}

/// Each prefix that lies inside a shorter one of another group, with both groups. In ascending order a prefix follows all
/// that hold it, so they are on a stack, which is never deeper than there are lengths and groups.
fn nested(groups: &[Group]) -> Vec<(usize, Located<IpNet>, usize, Located<IpNet>)> {
    let mut sorted: Vec<(IpNet, usize, SourceSpan)> = Vec::new();
    for (position, group) in groups.iter().enumerate() {
        sorted.extend(group.prefixes.iter().map(|prefix| (prefix.value, position, prefix.at)));
    }
    sorted.sort_by_key(|&(prefix, position, _)| (prefix, position));
    let mut around: Vec<(IpNet, usize, SourceSpan)> = Vec::new();
    let mut nested = Vec::new();
    for (prefix, group, at) in sorted {
        while around.last().is_some_and(|(outer, ..)| !outer.contains(&prefix)) {
            around.pop();
        }
        let outers = around.iter().filter(|(outer, ..)| outer.prefix_len() < prefix.prefix_len());
        for &(outer, outer_group, outer_at) in outers {
            nested.push((group, Located::new(prefix, at), outer_group, Located::new(outer, outer_at)));
        }
        around.push((prefix, group, at));
    }
    nested
}
