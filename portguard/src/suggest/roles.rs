//! Which role of which document a source would have to play.
//!
//! Of the roles that open a port to a source, the one that opens the fewest ports beside is suggested; of a source at several
//! ports, the roles that are the fewest together.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use super::{Grounds, Join, Names, Seen, members, sift::Found};
use crate::{
    compile::Target,
    matrix::{Direction, Matrix, Origin, PeerKind},
};

/// A product's name on the site, and a role.
type Place = (String, String);

/// Groups for the roles of documents, and what was found where no document's role is to be had: at ports that only the site's own
/// rules name.
pub(super) fn joins(grounds: &Grounds<'_>, found: Vec<Found>, names: &mut Names) -> (Vec<Join>, Vec<Found>) {
    let opens = opens(grounds);
    let mut homeless = Vec::new();
    // Who has done nothing but ping plays no role for that.
    let speaks: BTreeSet<_> = found
        .iter()
        .filter(|found| !matches!(found.target, Target::Icmpv4(_) | Target::Icmpv6(_)))
        .map(|found| found.seen.source)
        .collect();
    let mut by_source: BTreeMap<_, Vec<(Found, BTreeSet<Place>)>> = BTreeMap::new();
    for found in found {
        let places = places(grounds.matrix, &found);
        if places.is_empty() || !speaks.contains(&found.seen.source) {
            homeless.push(found);
        } else {
            by_source.entry(found.seen.source).or_default().push((found, places));
        }
    }
    let mut chosen: BTreeMap<Place, (Vec<Seen>, BTreeSet<Place>)> = BTreeMap::new();
    for (_, mut left) in by_source {
        while !left.is_empty() {
            let candidates: BTreeSet<&Place> = left.iter().flat_map(|(_, places)| places).collect();
            let covers = |place: &Place| left.iter().filter(|(_, places)| places.contains(place)).count();
            let best = candidates.into_iter().min_by_key(|&place| {
                (Reverse(covers(place)), opens.get(place).copied().unwrap_or_default(), place)
            });
            let Some(best) = best.cloned() else { break };
            let (covered, others): (Vec<_>, Vec<_>) =
                left.into_iter().partition(|(_, places)| places.contains(&best));
            left = others;
            let (seen, would_do) = chosen.entry(best).or_default();
            for (found, places) in covered {
                seen.push(found.seen);
                would_do.extend(places);
            }
        }
    }
    let joins = chosen.into_iter().map(|((product, role), (seen, would_do))| {
        let place = (product.clone(), role.clone());
        let others = would_do.iter().filter(|other| **other != place);
        Join {
            bound: bound(grounds.matrix, &place),
            opens: opens.get(&place).copied().unwrap_or_default(),
            others: others.map(|(product, role)| format!("{role} of {product}")).collect(),
            group: members(names.take(&format!("seen-{product}-{role}")), grounds.widen, seen),
            product,
            role,
        }
    });
    (joins.collect(), homeless)
}

/// The roles that a site can bind to let a source in.
fn places(matrix: &Matrix, found: &Found) -> BTreeSet<Place> {
    let rules = found.rules.iter().map(|&id| matrix.rule(id));
    rules
        .filter_map(|rule| match &rule.origin {
            Origin::Document { product, .. } => Some((product, &rule.peers)),
            Origin::Site { .. } | Origin::Failsafe { .. } => None,
        })
        .flat_map(|(product, peers)| {
            let can_be_bound = peers.iter().filter(|peer| match &peer.kind {
                PeerKind::Node => false,
                // Addresses that the document itself fixes.
                PeerKind::Groups(groups) => {
                    !groups.iter().any(|&group| matrix.group(group).name.contains(':'))
                }
            });
            can_be_bound.map(|peer| (product.clone(), peer.role.clone()))
        })
        .collect()
}

/// How many ports each role opens.
fn opens(grounds: &Grounds<'_>) -> BTreeMap<Place, usize> {
    let mut opens: BTreeMap<Place, usize> = BTreeMap::new();
    for port in grounds.image.legend().ports_of(Direction::In) {
        let mut places: BTreeSet<Place> = BTreeSet::new();
        for rule in port.rules.iter().map(|&id| grounds.matrix.rule(id)) {
            if let Origin::Document { product, .. } = &rule.origin {
                places.extend(rule.peers.iter().map(|peer| (product.clone(), peer.role.clone())));
            }
        }
        for place in places {
            *opens.entry(place).or_default() += 1;
        }
    }
    opens
}

fn bound(matrix: &Matrix, (product, role): &Place) -> Vec<String> {
    let of_product =
        |origin: &Origin| matches!(origin, Origin::Document { product: of, .. } if of == product);
    let mut rules = matrix.rules.iter().filter(|rule| of_product(&rule.origin));
    let peer = rules.find_map(|rule| rule.peers.iter().find(|peer| peer.role == *role));
    match peer.map(|peer| &peer.kind) {
        Some(PeerKind::Groups(groups)) => {
            groups.iter().map(|&group| matrix.group(group).name.clone()).collect()
        }
        _ => Vec::new(),
    }
}
