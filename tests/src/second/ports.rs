//! Which rules name what a packet wants, and which of them admits its source: the rules scanned in order.

use std::net::IpAddr;

use portguard::{
    compile::Target,
    matrix::{Direction, IcmpTypes, Matrix, PeerKind, Rule, RuleId, Service, Transport, ZoneId},
};

/// What the rules of a zone say about one source and one target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// This rule is the first that admits the source.
    Admits(RuleId),
    /// Rules name the target, and none admits the source.
    Refuses,
    /// No rule names the target, and this one, of the failsafe groups, admits the source to everything.
    Failsafe(RuleId),
    /// No rule names the target.
    Nothing,
}

/// The types of ICMP that a rule for all of them opens: not those that always pass, and not those that an administrator
/// must name.
fn is_ordinary_type(v4: bool, kind: u8) -> bool {
    let special: &[u8] = if v4 {
        &[0, 3, 4, 5, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18]
    } else {
        &[1, 2, 3, 4, 129, 130, 131, 132, 133, 134, 135, 136, 137, 139, 140, 143]
    };
    !special.contains(&kind)
}

fn opens(service: &Service, target: Target) -> bool {
    match (service, target) {
        (Service::Transport { transport, ports }, Target::Port { transport: wanted, port }) => {
            *transport == wanted
                && ports.ranges().iter().any(|range| range.first() <= port && port <= range.last())
        }
        (Service::Icmp { families, types }, Target::Icmpv4(kind)) => {
            families.v4() && opens_type(types, true, kind)
        }
        (Service::Icmp { families, types }, Target::Icmpv6(kind)) => {
            families.v6() && opens_type(types, false, kind)
        }
        (Service::Protocol(number), Target::Protocol(wanted)) => *number == wanted,
        (Service::All, _) => true,
        _ => false,
    }
}

fn opens_type(types: &IcmpTypes, v4: bool, kind: u8) -> bool {
    match types {
        IcmpTypes::All => is_ordinary_type(v4, kind),
        IcmpTypes::Listed(types) => types.contains(&kind),
    }
}

/// Whether a rule is about packets of this protocol at all. For IPv6, whose later fragments don't tell theirs, every rule
/// but one for IPv4's ICMP is.
fn concerns(service: &Service, protocol: Option<u8>) -> bool {
    match (service, protocol) {
        (Service::Transport { transport: Transport::Tcp, .. }, Some(protocol)) => protocol == 6,
        (Service::Transport { transport: Transport::Udp, .. }, Some(protocol)) => protocol == 17,
        (Service::Transport { transport: Transport::Sctp, .. }, Some(protocol)) => protocol == 132,
        (Service::Icmp { families, .. }, Some(protocol)) => families.v4() && protocol == 1,
        (Service::Protocol(number), Some(protocol)) => *number == protocol,
        (Service::Icmp { families, .. }, None) => families.v6(),
        // IPv4 has no fragment header.
        (Service::All, Some(protocol)) => protocol != 44,
        (Service::Transport { .. } | Service::Protocol(_) | Service::All, None) => true,
    }
}

fn admits(matrix: &Matrix, rule: &Rule, source: IpAddr) -> bool {
    rule.peers.iter().any(|peer| match &peer.kind {
        PeerKind::Node => false,
        PeerKind::Groups(groups) => groups
            .iter()
            .any(|&group| matrix.group(group).prefixes.iter().any(|prefix| prefix.contains(&source))),
    })
}

fn scan(matrix: &Matrix, zone: ZoneId, source: IpAddr, names: impl Fn(&Service) -> bool) -> Found {
    let (mut found, mut failsafe) = (Found::Nothing, None);
    for (index, rule) in matrix.rules.iter().enumerate() {
        if rule.direction == Direction::In && rule.zones.contains(&zone) && names(&rule.service) {
            match (admits(matrix, rule, source), &rule.service) {
                (true, Service::All) => failsafe = Some(RuleId::new(index)),
                (false, Service::All) => {}
                (true, _) => return Found::Admits(RuleId::new(index)),
                (false, _) => found = Found::Refuses,
            }
        }
    }
    match (found, failsafe) {
        (found, None) => found,
        (Found::Nothing, Some(rule)) => Found::Failsafe(rule),
        (_, Some(rule)) => Found::Admits(rule),
    }
}

/// What the rules say about `target`.
pub(super) fn find(matrix: &Matrix, zone: ZoneId, source: IpAddr, target: Target) -> Found {
    scan(matrix, zone, source, |service| opens(service, target))
}

/// Whether a rule admits the source to anything of `protocol`; `None` stands for one that nobody tells.
pub(super) fn may_send(matrix: &Matrix, zone: ZoneId, source: IpAddr, protocol: Option<u8>) -> bool {
    let found = scan(matrix, zone, source, |service| concerns(service, protocol));
    matches!(found, Found::Admits(_) | Found::Failsafe(_))
}
