//! Rules of the site's own, for ports that no document names.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use super::{Grounds, Names, RuleDraft, Seen, members, sift::Found};
use crate::{
    compile::Target,
    matrix::{PortRange, PortSet, Transport, ZoneId},
};

/// Ports, and what was seen at them.
type Used = (Vec<Target>, Vec<Seen>);

/// One rule for the ports of a zone that the same sources use.
pub(super) fn rules(
    grounds: &Grounds<'_>,
    found: impl Iterator<Item = Found>,
    names: &mut Names,
) -> Vec<RuleDraft> {
    let mut by_port: BTreeMap<(ZoneId, Target), Vec<Seen>> = BTreeMap::new();
    for found in found {
        by_port.entry((found.zone, found.target)).or_default().push(found.seen);
    }
    let mut by_sources: BTreeMap<(ZoneId, BTreeSet<IpAddr>), Used> = BTreeMap::new();
    for ((zone, target), seen) in by_port {
        let sources = seen.iter().map(|seen| seen.source).collect();
        let (targets, evidence) = by_sources.entry((zone, sources)).or_default();
        targets.push(target);
        evidence.extend(seen);
    }
    let mut drafts: Vec<(ZoneId, Vec<Target>, Vec<Seen>)> =
        by_sources.into_iter().map(|((zone, _), (targets, seen))| (zone, targets, seen)).collect();
    drafts.sort_by(|left, right| (left.0, &left.1).cmp(&(right.0, &right.1)));
    let drafts = drafts.into_iter().map(|(zone, targets, seen)| {
        let name = names.take(&format!("seen-{}", name(&targets)));
        // A rule without zones holds everywhere.
        let zones = if grounds.matrix.zones.len() > 1 {
            vec![grounds.matrix.zone(zone).name.clone()]
        } else {
            Vec::new()
        };
        RuleDraft { ports: ports(&targets), zones, group: members(name.clone(), grounds.widen, seen), name }
    });
    drafts.collect()
}

/// `9100-tcp`, after the first of them.
fn name(targets: &[Target]) -> String {
    targets.first().map(|target| target.to_string().replace('/', "-")).unwrap_or_default()
}

/// As a site writes them: neighbours as ranges.
fn ports(targets: &[Target]) -> Vec<String> {
    let mut ports = Vec::new();
    for transport in [Transport::Tcp, Transport::Udp, Transport::Sctp] {
        let of_transport = targets.iter().filter_map(|&target| match target {
            Target::Port { transport: of, port } if of == transport => Some(PortRange::single(port)),
            _ => None,
        });
        if let Some(set) = PortSet::new(of_transport.collect()) {
            ports.extend(set.ranges().iter().map(|range| format!("{range}/{transport}")));
        }
    }
    ports.extend(targets.iter().filter_map(|&target| match target {
        Target::Port { .. } | Target::Other => None,
        Target::Icmpv4(kind) => Some(format!("icmp/{kind}")),
        Target::Icmpv6(_) | Target::Protocol(_) => Some(target.to_string()),
    }));
    ports
}
