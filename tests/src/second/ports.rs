//! Which rules name what a packet wants, and which of them admits its peer: the rules scanned in order.

use std::net::IpAddr;

use portguard::{
    compile::Target,
    matrix::{Direction, IcmpTypes, Matrix, PeerKind, Rule, RuleId, Service, Transport, ZoneId},
};

/// What the rules of a zone say about one peer and one target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// This rule is the first that admits the peer.
    Admits(RuleId),
    /// Rules name the target, and none admits the peer.
    Refuses,
    /// No rule names the target, and this one, of the failsafe groups, admits the peer to everything.
    Failsafe(RuleId),
    /// No rule names the target.
    Nothing,
}

impl Found {
    pub(super) fn admits(self) -> bool {
        matches!(self, Self::Admits(_) | Self::Failsafe(_))
    }
}

/// The rules of one direction in one zone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules<'a> {
    pub(super) matrix: &'a Matrix,
    pub(super) zone: ZoneId,
    pub(super) direction: Direction,
    /// The node's addresses, which are nobody's peer, whatever group they are in.
    pub(super) own: &'a [IpAddr],
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

impl Rules<'_> {
    /// What the rules say about `target`.
    pub(super) fn find(self, peer: IpAddr, target: Target) -> Found {
        self.scan(peer, |service| opens(service, target))
    }

    /// Whether a rule admits the peer to anything of `protocol`; `None` stands for one that nobody tells.
    pub(super) fn may_send(self, peer: IpAddr, protocol: Option<u8>) -> bool {
        self.scan(peer, |service| concerns(service, protocol)).admits()
    }

    fn scan(self, peer: IpAddr, names: impl Fn(&Service) -> bool) -> Found {
        let (mut found, mut failsafe) = (Found::Nothing, None);
        for (index, rule) in self.matrix.rules.iter().enumerate() {
            if self.has(rule) && names(&rule.service) {
                match (self.admits(rule, peer), &rule.service) {
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

    /// What failsafe groups are admitted to goes both ways.
    fn has(self, rule: &Rule) -> bool {
        (rule.direction == self.direction || rule.service == Service::All) && rule.zones.contains(&self.zone)
    }

    fn admits(self, rule: &Rule, peer: IpAddr) -> bool {
        let holds = |group| self.matrix.group(group).prefixes.iter().any(|prefix| prefix.contains(&peer));
        !self.own.contains(&peer)
            && rule.peers.iter().any(|peer| match &peer.kind {
                PeerKind::Node => false,
                PeerKind::Groups(groups) => groups.iter().copied().any(holds),
            })
    }
}
