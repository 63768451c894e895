//! The judgement on what is for others.

use portguard::{compile::Sockets, matrix::Posture};
use portguard_common::Reason;

use super::{
    Opinion,
    judge::Packet,
    place::Place,
    transport::{is_for_several, passes},
};

/// `opinion`, unless nothing but the rules is against the packet, the site lets pass what is for others, and the node sends it on.
pub(super) fn unless(
    packet: &Packet<'_>,
    opinion: Opinion,
    place: Place<'_>,
    sockets: &impl Sockets,
) -> Opinion {
    let [source, destination] = packet.ends;
    let goes_on =
        !is_for_several(packet) && !place.own.contains(&destination) && sockets.forwards(source, destination);
    if place.matrix.transit == Posture::Pass && goes_on && !passes(opinion) && by_rules(opinion.reason) {
        Reason::Transit.into()
    } else {
        opinion
    }
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
