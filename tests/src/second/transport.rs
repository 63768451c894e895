//! The judgement on what an IP packet carries.

use std::net::{IpAddr, SocketAddr};

use portguard::{
    compile::{Kernel, Target},
    matrix::{Direction, Transport},
};
use portguard_common::{Action, Reason};

use super::{
    Counted, Fault, Layer, Opinion, Reading, Segment,
    judge::{Packet, ends_early},
    leaving,
    place::Place,
    ports::Found,
};

/// Judges a whole packet or a first fragment, by its last header.
pub(super) fn judge(
    packet: &Packet<'_>,
    reading: &Reading,
    place: Place<'_>,
    kernel: &impl Kernel,
) -> Opinion {
    match packet.last {
        Layer::Icmp(kind) => kind.map_or(Reason::Short.into(), |kind| icmp(packet, kind, place)),
        Layer::Other(2) if !packet.v6 => Reason::Igmp.into(),
        Layer::Other(number) => {
            let (opinion, sent) = (other(packet, *number, place), Target::Protocol(*number));
            unless_answer(packet, place, opinion, sent)
        }
        Layer::Tcp(None) => match reading.fault {
            Some(Fault::Wrong) => Reason::Malformed,
            Some(Fault::CutOptions) if !packet.is_first() => Reason::Malformed,
            _ => ends_early(packet, Reason::FragmentTiny),
        }
        .into(),
        Layer::Udp(None) | Layer::Sctp(None) => ends_early(packet, Reason::FragmentTiny).into(),
        Layer::Sctp(Some((from, to))) => {
            let [from, to] = [*from, *to].map(|port| Target::Port { transport: Transport::Sctp, port });
            unless_answer(packet, place, ask(packet, place, to, Reason::Protocol), from)
        }
        Layer::Udp(Some(ports)) => match place.direction {
            Direction::In => udp(packet, *ports, place, kernel),
            Direction::Out => leaving::udp(packet, *ports, place),
        },
        Layer::Tcp(Some(segment)) => match place.direction {
            Direction::In => tcp(packet, segment, place, kernel),
            Direction::Out => leaving::tcp(packet, segment, place, kernel),
        },
        _ => Reason::Internal.into(),
    }
}

/// `opinion`, unless the packet leaves from `from` and answers.
fn unless_answer(packet: &Packet<'_>, place: Place<'_>, opinion: Opinion, from: Target) -> Opinion {
    match place.direction {
        Direction::In => opinion,
        Direction::Out => leaving::unless_answer(packet, place, opinion, from),
    }
}

/// What the rules say about `target`; `undocumented` when none names it.
fn ask(packet: &Packet<'_>, place: Place<'_>, target: Target, undocumented: Reason) -> Opinion {
    match place.rules().find(place.peer(packet), target) {
        Found::Admits(rule) => {
            Opinion { reason: Reason::Admitted, counted: Some(Counted::Rule(target, rule)) }
        }
        Found::Refuses => {
            let reason = match place.direction {
                Direction::In => Reason::SourceNotAdmitted,
                Direction::Out => Reason::DestinationNotAdmitted,
            };
            Opinion { reason, counted: Some(Counted::Refused(target)) }
        }
        Found::Failsafe(rule) => {
            Opinion { reason: Reason::Admitted, counted: Some(Counted::Rule(Target::Other, rule)) }
        }
        Found::Nothing => {
            let reason = undocumented;
            let counted = reason.may_be_undocumented().then_some(Counted::Undocumented(target));
            Opinion { reason, counted }
        }
    }
}

/// The same for a port; the posture decides when no rule names it.
pub(super) fn ask_port(packet: &Packet<'_>, place: Place<'_>, transport: Transport, port: u16) -> Opinion {
    let undocumented = place.by_posture(Reason::UndocumentedPassed, Reason::Undocumented);
    ask(packet, place, Target::Port { transport, port }, undocumented)
}

fn icmp(packet: &Packet<'_>, kind: u8, place: Place<'_>) -> Opinion {
    let kept = if packet.v6 { icmp6(packet, kind) } else { icmp4(packet, kind) };
    if let Some(reason) = kept {
        return reason.into();
    }
    let target = if packet.v6 { Target::Icmpv6(kind) } else { Target::Icmpv4(kind) };
    let unwanted = is_unwanted(packet.v6, kind);
    let ordinary = place.by_posture(Reason::UndocumentedPassed, Reason::Undocumented);
    ask(packet, place, target, if unwanted { Reason::IcmpType } else { ordinary })
}

/// Types that attack routing or tell about the host: no posture opens them.
pub(super) fn is_unwanted(v6: bool, kind: u8) -> bool {
    if v6 { matches!(kind, 137 | 139 | 140) } else { matches!(kind, 4 | 5 | 9 | 10 | 13..=18) }
}

fn icmp4(packet: &Packet<'_>, kind: u8) -> Option<Reason> {
    match kind {
        0 => Some(Reason::EchoReply),
        3 | 11 | 12 => Some(if packet.is_whole() { Reason::IcmpError } else { Reason::Short }),
        _ => None,
    }
}

fn icmp6(packet: &Packet<'_>, kind: u8) -> Option<Reason> {
    match kind {
        1..=4 => Some(if packet.is_whole() { Reason::IcmpError } else { Reason::Short }),
        129 => Some(Reason::EchoReply),
        130..=132 | 143 => Some(Reason::MulticastListener),
        133..=136 if packet.fragment.is_some() => Some(Reason::NeighbourFragment),
        133..=136 if packet.hop_limit != 255 => Some(Reason::NeighbourHopLimit),
        133..=136 => Some(Reason::NeighbourDiscovery),
        _ => None,
    }
}

/// What of the authentication header lets the packet pass no further.
pub(super) fn authentication(packet: &Packet<'_>, place: Place<'_>) -> Result<(), Opinion> {
    let header = Target::Protocol(51);
    let opinion = ask(packet, place, header, Reason::Protocol);
    if packet.authenticated && !passes(opinion) { Err(because(opinion, Reason::Protocol)) } else { Ok(()) }
}

/// Tunnels, IPsec, and name spaces of ports that nobody reads: no posture opens them.
pub(super) fn is_opaque(number: u8) -> bool {
    [4, 33, 41, 47, 50, 51, 55, 93, 94, 97, 98, 108, 115, 131, 132, 136, 137, 143, 145].contains(&number)
}

fn other(packet: &Packet<'_>, number: u8, place: Place<'_>) -> Opinion {
    let ordinary = place.by_posture(Reason::ProtocolPassed, Reason::Protocol);
    let undocumented = if is_opaque(number) { Reason::Protocol } else { ordinary };
    let opinion = ask(packet, place, Target::Protocol(number), undocumented);
    if passes(opinion) { opinion } else { because(opinion, Reason::Protocol) }
}

fn udp(packet: &Packet<'_>, (from, to): (u16, u16), place: Place<'_>, kernel: &impl Kernel) -> Opinion {
    if place.dhcp && (from, to) == if packet.v6 { (547, 546) } else { (67, 68) } {
        return Reason::Dhcp.into();
    }
    let opinion = ask_port(packet, place, Transport::Udp, to);
    if passes(opinion) || is_for_several(packet) {
        return opinion;
    }
    let [peer, local] = sockets_of(packet, from, to);
    match kernel.udp(peer, local).map(|state| state.0) {
        Some(1) if kernel.udp_listener(local) => because(opinion, Reason::Revoked),
        Some(1) => Reason::Reply.into(),
        None if opinion.reason == Reason::Undocumented => because(opinion, Reason::NoSocket),
        _ => opinion,
    }
}

fn tcp(packet: &Packet<'_>, segment: &Segment, place: Place<'_>, kernel: &impl Kernel) -> Opinion {
    let opinion = ask_port(packet, place, Transport::Tcp, segment.ports.1);
    if passes(opinion) || is_for_several(packet) || segment.syn && !segment.ack {
        return opinion;
    }
    let [peer, local] = sockets_of(packet, segment.ports.0, segment.ports.1);
    match kernel.tcp(peer, local).map(|state| state.0) {
        // LISTEN, and NEW_SYN_RECV.
        Some(10 | 12) => because(opinion, Reason::NoReplyState),
        Some(_) if kernel.tcp_listener(local) => because(opinion, Reason::Revoked),
        Some(_) => Reason::Reply.into(),
        None if !segment.syn && (segment.ack || segment.rst) && !segment.data => {
            because(opinion, Reason::Stale)
        }
        None => because(opinion, Reason::NoSocket),
    }
}

pub(super) fn passes(opinion: Opinion) -> bool {
    opinion.reason.action() == Action::Pass
}

/// A drop for another reason than that no rule admits the source is counted apart.
pub(super) fn because(opinion: Opinion, reason: Reason) -> Opinion {
    let counted = opinion.counted.map(|counted| match counted {
        Counted::Refused(target) => Counted::Unanswered(target),
        other => other,
    });
    Opinion { reason, counted }
}

pub(super) fn is_for_several(packet: &Packet<'_>) -> bool {
    let [_, destination] = packet.ends;
    packet.group
        || match destination {
            IpAddr::V4(address) => address.octets()[0] >= 224,
            IpAddr::V6(address) => address.is_multicast(),
        }
}

/// The peer's end and the node's.
fn sockets_of(packet: &Packet<'_>, from: u16, to: u16) -> [SocketAddr; 2] {
    let [source, destination] = packet.ends;
    [SocketAddr::new(source, from), SocketAddr::new(destination, to)]
}
