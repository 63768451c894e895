//! The matrix cut along its ports: ranges of numbers that the same rules name.

use std::{collections::BTreeSet, fmt};

use portguard_common::wire::{icmp, protocol};
use serde::{Serialize, Serializer};

use super::{Direction, IcmpTypes, Matrix, PortRange, PortSet, Posture, RuleId, Service, Transport, ZoneId};

/// Numbers of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Space {
    /// The ports of a transport protocol.
    Ports(Transport),
    /// The types of ICMP for IPv4.
    Icmpv4,
    /// The types of ICMPv6.
    Icmpv6,
    /// IP protocols without ports.
    Protocols,
}

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ports(transport) => transport.fmt(f),
            Self::Icmpv4 => f.write_str("icmpv4"),
            Self::Icmpv6 => f.write_str("icmpv6"),
            Self::Protocols => f.write_str("ip"),
        }
    }
}

impl Serialize for Space {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What happens to a number that no rule names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Unnamed {
    /// It drops.
    Closed,
    /// It passes.
    Open,
    /// It passes or drops whatever the rules say.
    BeyondRules,
}

impl Space {
    /// Every space, in the order of the tables.
    pub(super) const ALL: [Self; 6] = [
        Self::Ports(Transport::Tcp),
        Self::Ports(Transport::Udp),
        Self::Ports(Transport::Sctp),
        Self::Icmpv4,
        Self::Icmpv6,
        Self::Protocols,
    ];

    fn last(self) -> u16 {
        match self {
            Self::Ports(_) => u16::MAX,
            Self::Icmpv4 | Self::Icmpv6 | Self::Protocols => u8::MAX.into(),
        }
    }

    /// Whether packets of this kind exist for IPv4 and for IPv6.
    pub(super) fn families(self) -> (bool, bool) {
        match self {
            Self::Icmpv4 => (true, false),
            Self::Icmpv6 => (false, true),
            Self::Ports(_) | Self::Protocols => (true, true),
        }
    }

    /// What happens to `number` where no rule names it.
    pub(super) fn unnamed(self, number: u16, posture: Posture) -> Unnamed {
        let by_posture = match posture {
            Posture::Pass => Unnamed::Open,
            Posture::Drop => Unnamed::Closed,
        };
        let byte = number.to_be_bytes()[1];
        let by_type = |kind: icmp::Kind| match kind {
            icmp::Kind::ByRule => by_posture,
            icmp::Kind::Unwanted => Unnamed::Closed,
            icmp::Kind::Error
            | icmp::Kind::EchoReply
            | icmp::Kind::NeighbourDiscovery
            | icmp::Kind::MulticastListener => Unnamed::BeyondRules,
        };
        match self {
            // No socket look-up can tell SCTP's replies, so it passes by rule only.
            Self::Ports(Transport::Sctp) => Unnamed::Closed,
            Self::Icmpv4 => by_type(icmp::kind_v4(byte)),
            Self::Icmpv6 => by_type(icmp::kind_v6(byte)),
            Self::Protocols if has_space_of_its_own(byte) || byte == protocol::IGMP => Unnamed::BeyondRules,
            Self::Protocols if protocol::needs_rule(byte) => Unnamed::Closed,
            Self::Ports(Transport::Tcp | Transport::Udp) | Self::Protocols => by_posture,
        }
    }

    /// `ports` as tables show them: `*` where it is all that a posture opens, `all` where it is all that a rule can open.
    pub(super) fn text(self, ports: &PortSet) -> String {
        let by_posture =
            (0..=self.last()).filter(|&number| self.unnamed(number, Posture::Pass) == Unnamed::Open);
        let by_posture = PortSet::new(by_posture.map(PortRange::single).collect());
        if by_posture.as_ref() == Some(ports) {
            "*".to_owned()
        } else if PortSet::new(self.named_by(&Service::All)).as_ref() == Some(ports) {
            "all".to_owned()
        } else {
            ports.to_string()
        }
    }

    /// The ranges of this space that `service` names.
    fn named_by(self, service: &Service) -> Vec<PortRange> {
        let types = |types: &IcmpTypes, kind: fn(u8) -> icmp::Kind| -> Vec<PortRange> {
            let named: Vec<u8> = match types {
                IcmpTypes::All => (0..=u8::MAX).filter(|&it| kind(it) == icmp::Kind::ByRule).collect(),
                IcmpTypes::Listed(types) => types.clone(),
            };
            named.into_iter().map(|number| PortRange::single(number.into())).collect()
        };
        match (self, service) {
            (Self::Ports(of), Service::Transport { transport, ports }) if of == *transport => {
                ports.ranges().to_vec()
            }
            (Self::Icmpv4, Service::Icmp { families, types: listed }) if families.v4() => {
                types(listed, icmp::kind_v4)
            }
            (Self::Icmpv6, Service::Icmp { families, types: listed }) if families.v6() => {
                types(listed, icmp::kind_v6)
            }
            (Self::Protocols, Service::Protocol(number)) => vec![PortRange::single((*number).into())],
            (Self::Ports(_), Service::All) => PortRange::new(0, self.last()).into_iter().collect(),
            (Self::Icmpv4 | Self::Icmpv6 | Self::Protocols, Service::All) => {
                let all = (0..=self.last()).map(PortRange::single);
                all.filter(|one| self.unnamed(one.first(), Posture::Drop) != Unnamed::BeyondRules).collect()
            }
            (_, Service::Transport { .. } | Service::Icmp { .. } | Service::Protocol(_)) => Vec::new(),
        }
    }
}

/// Whether a protocol is judged by ports or types, or is a header that others follow: no rule can name its number.
fn has_space_of_its_own(number: u8) -> bool {
    matches!(
        number,
        protocol::TCP
            | protocol::UDP
            | protocol::SCTP
            | protocol::ICMP
            | protocol::ICMPV6
            | protocol::HOP_BY_HOP
            | protocol::ROUTING
            | protocol::FRAGMENT
            | protocol::NO_NEXT_HEADER
            | protocol::DESTINATION_OPTIONS
    )
}

/// Neighbouring numbers that the same rules name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) range: PortRange,
    /// The rules, in the order of the matrix.
    pub(super) rules: Vec<RuleId>,
}

/// The whole of `space`, cut where the rules of a zone and a direction begin and end.
pub(super) fn cut(matrix: &Matrix, zone: ZoneId, direction: Direction, space: Space) -> Vec<Segment> {
    // The beginnings and ends of rules by number: who joins there, and who has left before.
    let mut edges: Vec<(u32, bool, RuleId)> = Vec::new();
    for (index, rule) in matrix.rules.iter().enumerate() {
        let everything = rule.service == Service::All && matrix.enforces(direction);
        if (rule.direction == direction || everything) && rule.zones.contains(&zone) {
            for range in space.named_by(&rule.service) {
                let id = RuleId::new(index);
                edges.push((range.first().into(), true, id));
                edges.push((u32::from(range.last()) + 1, false, id));
            }
        }
    }
    edges.sort_unstable();
    let (mut segments, mut active, mut first) = (Vec::new(), BTreeSet::new(), 0);
    let end = u32::from(space.last()) + 1;
    let mut close = |from: u32, to: u32, active: &BTreeSet<RuleId>| {
        if let Some(range) = range(from, to) {
            segments.push(Segment { range, rules: active.iter().copied().collect() });
        }
    };
    for (at, joins, id) in edges {
        if at > first {
            close(first, at, &active);
            first = at;
        }
        if joins {
            active.insert(id);
        } else {
            active.remove(&id);
        }
    }
    close(first, end, &active);
    segments
}

/// The range from `first` to the number before `end`.
fn range(first: u32, end: u32) -> Option<PortRange> {
    let last = end.checked_sub(1)?;
    PortRange::new(u16::try_from(first).ok()?, u16::try_from(last).ok()?)
}
