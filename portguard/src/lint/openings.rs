//! What rules open, cut into pieces in which nothing changes: for each piece the rules that name it.

use std::collections::{BTreeMap, BTreeSet};

use portguard_common::wire::icmp;

use super::lookup::Inbound;
use crate::matrix::{IcmpTypes, PortRange, Service, Transport, ZoneId};

/// What numbers count: ports of a transport, types of an ICMP, protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Space {
    Port(Transport),
    Icmpv4,
    Icmpv6,
    Protocol,
}

/// The numbers that a service opens.
pub(super) fn numbers(service: &Service) -> Vec<(Space, PortRange)> {
    match service {
        Service::Transport { transport, ports } => {
            ports.ranges().iter().map(|&range| (Space::Port(*transport), range)).collect()
        }
        Service::Icmp { families, types } => {
            let v4 = families.v4().then(|| icmp_types(Space::Icmpv4, types, icmp::kind_v4));
            let v6 = families.v6().then(|| icmp_types(Space::Icmpv6, types, icmp::kind_v6));
            v4.into_iter().chain(v6).flatten().collect()
        }
        Service::Protocol(number) => vec![(Space::Protocol, PortRange::single(u16::from(*number)))],
        // No port of its own: nobody asks of it what rules share.
        Service::All => Vec::new(),
    }
}

fn icmp_types(space: Space, types: &IcmpTypes, kind: fn(u8) -> icmp::Kind) -> Vec<(Space, PortRange)> {
    let opened: Vec<u8> = match types {
        IcmpTypes::All => (0..=u8::MAX).filter(|&number| kind(number) == icmp::Kind::ByRule).collect(),
        IcmpTypes::Listed(types) => types.clone(),
    };
    opened.into_iter().map(|number| (space, PortRange::single(u16::from(number)))).collect()
}

/// The most that the sets may hold together. Ranges that all overlap have as many sets as there are rules, each as large:
/// a file made for that is not worth the memory.
const MOST: usize = 1 << 22;

/// The different sets of rules that name one and the same thing, each ascending. Thousands of ports share one. Beyond
/// [`MOST`] the rest is left out.
pub(super) fn rule_sets(inbound: &[Inbound<'_>]) -> Vec<Vec<usize>> {
    let mut edges: BTreeMap<(ZoneId, Space), Vec<NumberEdge>> = BTreeMap::new();
    for (index, Inbound { rule, .. }) in inbound.iter().enumerate() {
        for (space, range) in numbers(&rule.service) {
            for &zone in &rule.zones {
                let edges = edges.entry((zone, space)).or_default();
                edges.push((u32::from(range.first()), Edge::Opens, index));
                edges.push((u32::from(range.last()) + 1, Edge::Closes, index));
            }
        }
    }
    let mut sets = BTreeSet::new();
    let mut held = 0;
    for edges in edges.values_mut() {
        edges.sort_unstable();
        let mut open: BTreeSet<usize> = BTreeSet::new();
        let mut rest = edges.as_slice();
        while let Some(&(at, ..)) = rest.first() {
            let here = rest.partition_point(|&(other, ..)| other == at);
            for &(_, edge, rule) in &rest[..here] {
                match edge {
                    Edge::Opens => open.insert(rule),
                    Edge::Closes => open.remove(&rule),
                };
            }
            rest = &rest[here..];
            held += open.len();
            if !open.is_empty() && held <= MOST {
                sets.insert(open.iter().copied().collect());
            }
        }
    }
    sets.into_iter().collect()
}

/// A number, what happens at it, and to which rule.
type NumberEdge = (u32, Edge, usize);

/// At one and the same number what ends comes before what begins: a rule's ranges may touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Edge {
    Closes,
    Opens,
}
