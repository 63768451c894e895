//! The judgement on a frame that has been read.

use std::net::IpAddr;

use portguard::{
    compile::{Kernel, Target},
    matrix::{Direction, Fragments, Matrix, RuleId},
};
use portguard_common::Reason;

use super::{Fault, Layer, Reading, leaving, place::Place, transit, transport};

/// A port's counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Of this rule.
    Rule(Target, RuleId),
    /// Of peers that no rule admits.
    Refused(Target),
    /// Of the other drops.
    Unanswered(Target),
    /// Of a port that no rule names.
    Undocumented(Target),
}

/// What should become of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opinion {
    /// Why.
    pub reason: Reason,
    /// The counter of the port that it concerns.
    pub counted: Option<Counted>,
}

impl From<Reason> for Opinion {
    fn from(reason: Reason) -> Self {
        Self { reason, counted: None }
    }
}

/// Judges a frame that came in, or leaves, by the `interface`th interface of a node with these addresses.
///
/// # Panics
/// When it leaves, and the site does not judge what leaves.
pub fn judge(
    reading: &Reading,
    (matrix, interface): (&Matrix, usize),
    direction: Direction,
    own: &[IpAddr],
    kernel: &impl Kernel,
) -> Opinion {
    let interface = &matrix.interfaces[interface];
    let place = Place { matrix, zone: interface.zone, dhcp: interface.dhcp, direction, own };
    let packet = match link(reading, place) {
        Ok(packet) => packet,
        Err(opinion) => return opinion,
    };
    let internet = match direction {
        Direction::In => internet(&packet, place),
        Direction::Out => leaving::internet(&packet, place),
    };
    let opinion =
        internet.map_or_else(|opinion| opinion, |()| transport::judge(&packet, reading, place, kernel));
    match direction {
        Direction::In => transit::unless((&packet, reading), opinion, place, kernel),
        Direction::Out => opinion,
    }
}

/// An IP packet: its headers behind IPv4's or IPv6's own, and what the walk to the last of them found.
pub(super) struct Packet<'a> {
    /// Whether the frame went to several hosts.
    pub(super) group: bool,
    pub(super) v6: bool,
    pub(super) hop_limit: u8,
    /// Source and destination.
    pub(super) ends: [IpAddr; 2],
    /// Offset and whether more follow; for IPv6 `None` without a fragment header.
    pub(super) fragment: Option<(u16, bool)>,
    pub(super) authenticated: bool,
    /// The transport header.
    pub(super) last: &'a Layer,
}

impl Packet<'_> {
    pub(super) fn is_first(&self) -> bool {
        self.fragment == Some((0, true))
    }

    pub(super) fn is_later(&self) -> bool {
        self.fragment.is_some_and(|(offset, _)| offset > 0)
    }

    pub(super) fn is_whole(&self) -> bool {
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
        0..0x600
        | 0x9100
        | 0x9200
        | 0x9300
        | 0x8847
        | 0x8848
        | 0x8863
        | 0x8864
        | 0x880b
        | 0x88e5
        | 0x88e7
        | 0x22f3
        | 0x892f
        | 0x894f
        | 0x4305
        | 0x6558 => Reason::Encapsulated,
        _ => place.by_posture(Reason::EtherTypePassed, Reason::EtherType),
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

pub(super) fn ends_early(packet: &Packet<'_>, first: Reason) -> Reason {
    if packet.is_first() { first } else { Reason::Short }
}

/// The source, the authentication header, later fragments.
fn internet(packet: &Packet<'_>, place: Place<'_>) -> Result<(), Opinion> {
    let [source, _] = packet.ends;
    // What a host without an address sends, or what its own neighbours may say in its name.
    let discovers =
        packet.v6 && packet.is_whole() && matches!(packet.last, Layer::Icmp(Some(130..=136 | 143)));
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
    if impossible || place.own.contains(&source) && !discovers {
        return Err(Reason::Martian.into());
    }
    transport::authentication(packet, place)?;
    if !packet.is_later() {
        return Ok(());
    }
    let &Layer::Other(claimed) = packet.last else { return Err(Reason::Internal.into()) };
    if packet.fragment.is_some_and(|(offset, _)| offset == 1) && matches!(claimed, 6 | 132) {
        return Err(Reason::FragmentOffset1.into());
    }
    let protocol = (!packet.v6).then_some(claimed);
    let anybody = place.matrix.fragments == Fragments::Anybody;
    Err(if anybody || place.rules().may_send(source, protocol) {
        Reason::LaterFragment
    } else {
        place.by_posture(Reason::LaterFragment, Reason::FragmentSource)
    }
    .into())
}
