//! What is judged otherwise where a packet leaves: only what opens something needs a rule.

use std::net::SocketAddr;

use portguard::{
    compile::{Kernel, Target},
    matrix::{Direction, Transport},
};
use portguard_common::Reason;

use super::{
    Layer, Opinion, Segment,
    judge::Packet,
    place::Place,
    ports::Found,
    transport::{ask_port, authentication, because, passes},
};

/// The authentication header, later fragments. The source is the node's own affair.
pub(super) fn internet(packet: &Packet<'_>, place: Place<'_>) -> Result<(), Opinion> {
    if !answers(packet, place, Target::Protocol(51)) {
        authentication(packet, place)?;
    }
    match (packet.is_later(), packet.last, packet.fragment) {
        (true, Layer::Other(6 | 132), Some((1, _))) => Err(Reason::FragmentOffset1.into()),
        (true, ..) => Err(Reason::LaterFragment.into()),
        (false, ..) => Ok(()),
    }
}

/// `opinion` on a packet without connections that goes out from `from`, unless it answers.
pub(super) fn unless_answer(
    packet: &Packet<'_>,
    place: Place<'_>,
    opinion: Opinion,
    from: Target,
) -> Opinion {
    let reply = opinion.reason != Reason::Admitted && answers(packet, place, from);
    if reply { Reason::Reply.into() } else { opinion }
}

/// Whether what the peer sends to `from`, a port or protocol of this node, comes in: a rule admits it, or names the port and
/// is only observed.
fn answers(packet: &Packet<'_>, place: Place<'_>, from: Target) -> bool {
    match place.rules_of(Direction::In).find(place.peer(packet), from) {
        Found::Admits(_) | Found::Failsafe(_) => true,
        Found::Refuses => place.observes_inbound(),
        Found::Nothing => false,
    }
}

pub(super) fn udp(packet: &Packet<'_>, (from, to): (u16, u16), place: Place<'_>) -> Opinion {
    if place.dhcp && (from, to) == if packet.v6 { (546, 547) } else { (68, 67) } {
        return Reason::Dhcp.into();
    }
    let opinion = ask_port(packet, place, Transport::Udp, to);
    unless_answer(packet, place, opinion, Target::Port { transport: Transport::Udp, port: from })
}

/// What asks for a connection needs a rule. Of every other segment the connection may be the peer's: inbound rules admit it,
/// or the kernel has it and a listener, who answers from no connection only where it agrees to one.
pub(super) fn tcp(packet: &Packet<'_>, segment: &Segment, place: Place<'_>, kernel: &impl Kernel) -> Opinion {
    let (from, to) = segment.ports;
    let opinion = ask_port(packet, place, Transport::Tcp, to);
    if opinion.reason == Reason::Admitted || segment.syn && !segment.ack {
        return opinion;
    }
    let served = Target::Port { transport: Transport::Tcp, port: from };
    if place.rules_of(Direction::In).find(place.peer(packet), served).admits() {
        return Reason::Reply.into();
    }
    if passes(opinion) {
        return opinion;
    }
    if segment.rst && !segment.data {
        return Reason::Reset.into();
    }
    let [source, destination] = packet.ends;
    let [local, peer] = [SocketAddr::new(source, from), SocketAddr::new(destination, to)];
    match kernel.tcp(peer, local).map(|state| state.0) {
        // LISTEN.
        Some(10) if segment.syn => Reason::Reply.into(),
        None | Some(10) => because(opinion, Reason::NoSocket),
        // SYN_SENT.
        Some(2) => because(opinion, Reason::Revoked),
        Some(_) if kernel.tcp_listener(local) => Reason::Reply.into(),
        Some(_) => because(opinion, Reason::Revoked),
    }
}
