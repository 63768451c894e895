//! The judgement on what is for others.

use std::net::IpAddr;

use portguard::{compile::Kernel, matrix::Posture};
use portguard_common::Reason;

use super::{
    Layer, Opinion, Reading,
    judge::Packet,
    place::Place,
    transport::{is_for_several, passes},
};

/// `opinion`, unless nothing but the rules is against the packet, the site lets pass what is for others, and the node sends it on.
pub(super) fn unless(
    (packet, reading): (&Packet<'_>, &Reading),
    opinion: Opinion,
    place: Place<'_>,
    kernel: &impl Kernel,
) -> Opinion {
    let [source, destination] = packet.ends;
    let stays = is_for_several(packet) || is_nobody(destination) || place.own.contains(&destination);
    let goes_on = !stays && !asks_routers(reading) && kernel.forwards(source, destination);
    if place.matrix.transit == Posture::Pass && goes_on && !passes(opinion) && by_rules(opinion.reason) {
        Reason::Transit.into()
    } else {
        opinion
    }
}

/// Whether an address is none that a route leads to: "this network", loopback, and what IPv6 has beside that.
fn is_nobody(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => matches!(address.octets()[0], 0 | 127),
        IpAddr::V6(address) => address.segments().starts_with(&[0; 4]),
    }
}

/// Whether each router on the way may have to look at it.
fn asks_routers(reading: &Reading) -> bool {
    reading.layers.iter().any(|layer| match layer {
        Layer::V4 { words, .. } => *words > 5,
        Layer::HopByHop => true,
        _ => false,
    })
}

/// What is wrong with a packet itself, or with its source, is so wherever it goes.
fn by_rules(reason: Reason) -> bool {
    !matches!(
        reason,
        Reason::Short
            | Reason::VlanDepth
            | Reason::Encapsulated
            | Reason::EtherType
            | Reason::Malformed
            | Reason::SourceRoute
            | Reason::Martian
            | Reason::ExtensionDepth
            | Reason::ExtensionOrder
            | Reason::ExtensionUnknown
            | Reason::RoutingHeader
            | Reason::NoNextHeader
            | Reason::FragmentTiny
            | Reason::FragmentOffset1
            | Reason::FragmentChain
            | Reason::NeighbourHopLimit
            | Reason::NeighbourFragment
            | Reason::Internal
    )
}
