//! The judgement on a frame that has been read.

use std::net::{IpAddr, SocketAddr};

use portguard::{
    compile::{Sockets, Target},
    matrix::{Matrix, Posture, RuleId, Transport, ZoneId},
};
use portguard_common::Reason;

use super::{
    Fault, Layer, Reading, Segment,
    ports::{Found, find, may_send},
};

/// The counter of a documented port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Of this rule.
    Rule(Target, RuleId),
    /// Of sources that no rule admits.
    Refused(Target),
    /// Of the other drops.
    Unanswered(Target),
}

/// What should become of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opinion {
    /// Why.
    pub reason: Reason,
    /// The counter of the documented port that it concerns.
    pub counted: Option<Counted>,
}

impl From<Reason> for Opinion {
    fn from(reason: Reason) -> Self {
        Self { reason, counted: None }
    }
}

/// The site that a frame comes in to.
#[derive(Clone, Copy, Debug)]
struct Place<'a> {
    matrix: &'a Matrix,
    zone: ZoneId,
    dhcp: bool,
}

/// Judges a frame that came in by the `interface`th interface of a node with these addresses.
pub fn judge(
    reading: &Reading,
    (matrix, interface): (&Matrix, usize),
    own: &[IpAddr],
    sockets: &impl Sockets,
) -> Opinion {
    let interface = &matrix.interfaces[interface];
    let place = Place { matrix, zone: interface.zone, dhcp: interface.dhcp };
    link(reading, place)
        .and_then(|packet| internet(&packet, reading, place, own).map(|()| packet))
        .and_then(|packet| transport(&packet, reading, place, sockets))
        .unwrap_or_else(|opinion| opinion)
}

/// An IP packet: its headers behind IPv4's or IPv6's own, and what the walk to the last of them found.
struct Packet<'a> {
    group: bool,
    v6: bool,
    hop_limit: u8,
    ends: [IpAddr; 2],
    /// Offset and whether more follow; for IPv6 `None` without a fragment header.
    fragment: Option<(u16, bool)>,
    authenticated: bool,
    /// The transport header.
    last: &'a Layer,
}

impl Packet<'_> {
    fn is_first(&self) -> bool {
        self.fragment == Some((0, true))
    }

    fn is_later(&self) -> bool {
        self.fragment.is_some_and(|(offset, _)| offset > 0)
    }

    fn is_whole(&self) -> bool {
        !self.is_first() && !self.is_later()
    }
}

/// The link layer, and the layers of IP.
fn link<'a>(reading: &'a Reading, place: Place<'_>) -> Result<Packet<'a>, Opinion> {
    let mut layers = reading.layers.as_slice();
    let Some((Layer::Ethernet { group }, rest)) = layers.split_first() else {
        return Err(Reason::Short.into());
    };
    let tags = rest.iter().take_while(|layer| matches!(layer, Layer::Tag { .. })).count();
    if tags > 4 {
        return Err(Reason::VlanDepth.into());
    }
    layers = &rest[tags..];
    match layers.split_first() {
        Some((Layer::NoIp(ether_type, begin), _)) => Err(no_ip(*ether_type, begin, place).into()),
        Some((Layer::V4 { ttl, ends, fragment, options, .. }, rest)) => {
            check_v4(reading, options, rest)?;
            let packet = Packet {
                group: *group,
                v6: false,
                hop_limit: *ttl,
                ends: *ends,
                fragment: (*fragment != (0, false)).then_some(*fragment),
                authenticated: false,
                last: &layers[0],
            };
            walk(packet, rest, reading)
        }
        Some((Layer::V6 { hop_limit, ends }, rest)) => {
            if rest.is_empty() {
                return Err(cut_or_wrong(reading).into());
            }
            let packet = Packet {
                group: *group,
                v6: true,
                hop_limit: *hop_limit,
                ends: *ends,
                fragment: None,
                authenticated: false,
                last: &layers[0],
            };
            walk(packet, rest, reading)
        }
        _ => Err(Reason::Short.into()),
    }
}

fn no_ip(ether_type: u16, begin: &[u8], place: Place<'_>) -> Reason {
    match ether_type {
        0x0806 => Reason::Arp,
        0x88cc | 0x8809 | 0x888e | 0x88f7 => Reason::LinkControl,
        0..0x600 if begin.len() < 3 => Reason::Short,
        0..0x600 if begin == [0x42, 0x42, 3] => Reason::LinkControl,
        0..0x600 => Reason::Encapsulated,
        0x9100 | 0x9200 | 0x9300 | 0x8847 | 0x8848 | 0x8863 | 0x8864 | 0x880b | 0x88e5 | 0x88e7 | 0x22f3
        | 0x894f | 0x4305 | 0x6558 => Reason::Encapsulated,
        _ if place.matrix.posture == Posture::Pass => Reason::EtherTypePassed,
        _ => Reason::EtherType,
    }
}

fn cut_or_wrong(reading: &Reading) -> Reason {
    if reading.fault == Some(Fault::Cut) { Reason::Short } else { Reason::Malformed }
}

fn check_v4(reading: &Reading, options: &[u8], rest: &[Layer]) -> Result<(), Opinion> {
    if rest.is_empty() {
        return Err(cut_or_wrong(reading).into());
    }
    let mut left = options;
    while let Some((&kind, behind)) = left.split_first() {
        left = match (kind, behind.first()) {
            (0, _) => break,
            (1, _) => behind,
            (131 | 137, _) => return Err(Reason::SourceRoute.into()),
            (_, Some(&length)) if length >= 2 && usize::from(length) <= left.len() => {
                &left[usize::from(length)..]
            }
            _ => return Err(Reason::Malformed.into()),
        };
    }
    Ok(())
}

/// Walks what follows IPv4 or IPv6. At most eight extension headers; of each kind its own fault counts before its length,
/// and its length before the limit.
fn walk<'a>(mut packet: Packet<'a>, layers: &'a [Layer], reading: &Reading) -> Result<Packet<'a>, Opinion> {
    for (position, layer) in layers.iter().enumerate() {
        let is_last = position + 1 == layers.len();
        let faulty = is_last && reading.fault.is_some();
        let drop = match layer {
            Layer::HopByHop if position > 0 => Some(Reason::ExtensionOrder),
            Layer::Routing => Some(Reason::RoutingHeader),
            Layer::Fragment(_) if packet.fragment.is_some() => Some(Reason::ExtensionOrder),
            Layer::Authentication if packet.authenticated => Some(Reason::ExtensionOrder),
            Layer::HopByHop | Layer::Destination | Layer::Fragment(_) | Layer::Authentication if faulty => {
                let wrong = reading.fault == Some(Fault::Wrong);
                Some(if wrong { Reason::Malformed } else { ends_early(&packet, Reason::FragmentChain) })
            }
            Layer::HopByHop | Layer::Destination | Layer::Fragment(_) | Layer::Authentication
                if packet.v6 && position == 8 =>
            {
                Some(Reason::ExtensionDepth)
            }
            Layer::Other(59) if packet.v6 && !packet.is_later() => Some(Reason::NoNextHeader),
            Layer::Other(135 | 139 | 140 | 253 | 254) if packet.v6 && !packet.is_later() => {
                Some(Reason::ExtensionUnknown)
            }
            _ => None,
        };
        if let Some(reason) = drop {
            return Err(reason.into());
        }
        match layer {
            Layer::Fragment(place) => packet.fragment = *place,
            Layer::Authentication => packet.authenticated = true,
            _ => {}
        }
        packet.last = layer;
    }
    if packet.v6 && packet.is_first() && reading.empty {
        return Err(Reason::FragmentChain.into());
    }
    Ok(packet)
}

fn ends_early(packet: &Packet<'_>, first: Reason) -> Reason {
    if packet.is_first() { first } else { Reason::Short }
}

/// The source, the authentication header, later fragments.
fn internet(
    packet: &Packet<'_>,
    reading: &Reading,
    place: Place<'_>,
    own: &[IpAddr],
) -> Result<(), Opinion> {
    let [source, _] = packet.ends;
    // What a host without an address sends, or what its own neighbours may say in its name.
    let discovers = packet.v6
        && packet.is_whole()
        && matches!(packet.last, Layer::Icmp(Some(130..=136 | 143)));
    let impossible = match source {
        IpAddr::V4(source) if source.is_unspecified() => {
            let asks_dhcp = packet.is_whole() && *packet.last == Layer::Udp(Some((68, 67)));
            // Of a later fragment the protocol is known, for IGMP too.
            !asks_dhcp && *packet.last != Layer::Other(2)
        }
        IpAddr::V4(source) => matches!(source.octets()[0], 0 | 127 | 224..),
        IpAddr::V6(source) if source.is_unspecified() => !discovers,
        IpAddr::V6(source) => {
            source.is_loopback() || source.is_multicast() || source.to_ipv4_mapped().is_some()
        }
    };
    if impossible || own.contains(&source) && !discovers {
        return Err(Reason::Martian.into());
    }
    if packet.authenticated
        && !matches!(find(place.matrix, place.zone, source, Target::Protocol(51)), Found::Admits(_))
    {
        return Err(Reason::Protocol.into());
    }
    if !packet.is_later() {
        debug_assert!(reading.layers.len() > 1, "Ethernet and IP were read");
        return Ok(());
    }
    let &Layer::Other(claimed) = packet.last else { return Err(Reason::Internal.into()) };
    if packet.fragment.is_some_and(|(offset, _)| offset == 1) && matches!(claimed, 6 | 132) {
        return Err(Reason::FragmentOffset1.into());
    }
    let protocol = (!packet.v6).then_some(claimed);
    let passes =
        place.matrix.posture == Posture::Pass || may_send(place.matrix, place.zone, source, protocol);
    Err(if passes { Reason::LaterFragment } else { Reason::FragmentSource }.into())
}

fn transport(
    packet: &Packet<'_>,
    reading: &Reading,
    place: Place<'_>,
    sockets: &impl Sockets,
) -> Result<Opinion, Opinion> {
    let [source, destination] = packet.ends;
    let several = packet.group
        || match destination {
            IpAddr::V4(address) => address.octets()[0] >= 224,
            IpAddr::V6(address) => address.is_multicast(),
        };
    let pass = place.matrix.posture == Posture::Pass;
    let refuse = |target: Target, undocumented: Reason| -> Result<Opinion, Opinion> {
        match find(place.matrix, place.zone, source, target) {
            Found::Admits(rule) => {
                Err(Opinion { reason: Reason::Admitted, counted: Some(Counted::Rule(target, rule)) })
            }
            Found::Refuses => Ok(Opinion {
                reason: Reason::SourceNotAdmitted,
                counted: Some(Counted::Refused(target)),
            }),
            Found::Nothing => Ok(undocumented.into()),
        }
    };
    let ends = |(from, to)| (SocketAddr::new(source, from), SocketAddr::new(destination, to));
    match packet.last {
        Layer::Icmp(None) => Err(Reason::Short.into()),
        Layer::Icmp(Some(kind)) => {
            let kept = if packet.v6 { icmp6(packet, *kind) } else { icmp4(packet, *kind) };
            if let Some(reason) = kept {
                return Err(reason.into());
            }
            let unwanted = if packet.v6 {
                matches!(kind, 137 | 139 | 140)
            } else {
                matches!(kind, 4 | 5 | 9 | 10 | 13..=18)
            };
            let target = if packet.v6 { Target::Icmpv6(*kind) } else { Target::Icmpv4(*kind) };
            let undocumented = match (unwanted, pass) {
                (true, _) => Reason::IcmpType,
                (false, true) => Reason::UndocumentedPassed,
                (false, false) => Reason::Undocumented,
            };
            refuse(target, undocumented)
        }
        Layer::Other(2) if !packet.v6 => Err(Reason::Igmp.into()),
        Layer::Other(number) => {
            // Tunnels, IPsec, and name spaces of ports that nobody reads.
            let opaque = [4, 33, 41, 47, 50, 51, 55, 93, 94, 97, 98, 108, 115, 131, 132, 136, 137, 143];
            let undocumented =
                if pass && !opaque.contains(number) { Reason::ProtocolPassed } else { Reason::Protocol };
            let refusal = refuse(Target::Protocol(*number), undocumented)?;
            Err(no_reply(refusal, refusal.counted.map_or(undocumented, |_| Reason::Protocol)))
        }
        Layer::Tcp(None) => Err(match reading.fault {
            Some(Fault::Wrong) => Reason::Malformed,
            Some(Fault::CutOptions) if !packet.is_first() => Reason::Malformed,
            _ => ends_early(packet, Reason::FragmentTiny),
        }
        .into()),
        Layer::Udp(None) | Layer::Sctp(None) => Err(ends_early(packet, Reason::FragmentTiny).into()),
        Layer::Sctp(Some((_, port))) => {
            refuse(Target::Port { transport: Transport::Sctp, port: *port }, Reason::Protocol)
        }
        Layer::Udp(Some(ports)) => {
            if place.dhcp && *ports == if packet.v6 { (547, 546) } else { (67, 68) } {
                return Err(Reason::Dhcp.into());
            }
            let refusal = open(refuse(port(Transport::Udp, ports.1), Reason::Undocumented)?, pass)?;
            if several {
                return Err(refusal);
            }
            let (peer, local) = ends(*ports);
            Err(match sockets.udp(peer, local).map(|state| state.0) {
                Some(1) => Reason::Reply.into(),
                None if refusal.counted.is_none() => Reason::NoSocket.into(),
                _ => refusal,
            })
        }
        Layer::Tcp(Some(segment)) => {
            let target = port(Transport::Tcp, segment.ports.1);
            let refusal = open(refuse(target, Reason::Undocumented)?, pass)?;
            if several || segment.syn && !segment.ack {
                return Err(refusal);
            }
            let (peer, local) = ends(segment.ports);
            Err(match reply(segment, peer, local, sockets) {
                Reason::Reply => Reason::Reply.into(),
                reason => no_reply(refusal, reason),
            })
        }
        _ => Err(Reason::Internal.into()),
    }
}

fn port(transport: Transport, port: u16) -> Target {
    Target::Port { transport, port }
}

/// Under posture pass what no document names is open.
fn open(refusal: Opinion, pass: bool) -> Result<Opinion, Opinion> {
    match refusal.counted {
        None if pass => Err(Reason::UndocumentedPassed.into()),
        _ => Ok(refusal),
    }
}

/// A drop for another reason than that no rule admits the source is counted apart.
fn no_reply(refusal: Opinion, reason: Reason) -> Opinion {
    let counted = refusal.counted.map(|counted| match counted {
        Counted::Refused(target) => Counted::Unanswered(target),
        other => other,
    });
    Opinion { reason, counted }
}

fn reply(segment: &Segment, peer: SocketAddr, local: SocketAddr, sockets: &impl Sockets) -> Reason {
    match sockets.tcp(peer, local).map(|state| state.0) {
        // LISTEN, and NEW_SYN_RECV.
        Some(10 | 12) => Reason::NoReplyState,
        Some(_) if sockets.tcp_listener(local) => Reason::Revoked,
        Some(_) => Reason::Reply,
        None if !segment.syn && (segment.ack || segment.rst) && !segment.data => Reason::Stale,
        None => Reason::NoSocket,
    }
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
