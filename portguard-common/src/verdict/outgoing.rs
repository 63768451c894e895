//! The verdict on a frame that leaves: the peer is where it goes to.
//!
//! What answers a peer that the inbound rules admit passes without a rule of its own, so that guarding what leaves never
//! breaks what is served. What the node opens itself needs a rule, or the outbound posture.

use super::{
    Arrival, Context, Outcome, Settled, general,
    matrix::{self, Access},
    ports, reply,
};
use crate::{
    Reason,
    abi::{port_entries, undocumented},
    tables::{Flow, OutboundTables, SourceAddress},
    wire::{Frame, Packet, ethernet, ipv4, ipv6, protocol, tcp, transport},
};

/// Decides about one Ethernet frame that leaves by an interface; the zone of `departure` is the interface's outbound one, as
/// many zones beyond its own as there are.
#[inline(always)]
pub fn outgoing<F: Frame + ?Sized, T: OutboundTables>(frame: &F, departure: Arrival, tables: &T) -> Outcome {
    let Err(outcome) = link(frame, departure, tables);
    outcome.outbound()
}

#[inline(always)]
fn link<F: Frame + ?Sized, T: OutboundTables>(frame: &F, departure: Arrival, tables: &T) -> Settled {
    match ethernet::parse(frame)? {
        ethernet::Payload::Ipv4(offset) => ip4(frame, offset, departure, tables),
        ethernet::Payload::Ipv6(offset) => ip6(frame, offset, departure, tables),
        ethernet::Payload::Arp => Err(Outcome::of(Reason::Arp)),
        ethernet::Payload::LinkControl => Err(Outcome::of(Reason::LinkControl)),
        ethernet::Payload::Other => general::other_ether_type(tables),
    }
}

#[inline(always)]
fn ip4<F: Frame + ?Sized, T: OutboundTables>(
    frame: &F,
    offset: usize,
    departure: Arrival,
    tables: &T,
) -> Settled {
    let packet = ipv4::parse(frame, offset)?;
    let context = destined(&packet, departure, tables)?;
    if let Some(offset) = packet.fragment.later() {
        return later_fragment(&packet, offset);
    }
    match packet.protocol {
        protocol::ICMP => general::icmp4(frame, &packet, context, tables),
        protocol::IGMP => Err(Outcome::of(Reason::Igmp)),
        _ => any(frame, &packet, context, tables, ports::DHCP4),
    }
}

#[inline(always)]
fn ip6<F: Frame + ?Sized, T: OutboundTables>(
    frame: &F,
    offset: usize,
    departure: Arrival,
    tables: &T,
) -> Settled {
    let packet = ipv6::parse(frame, offset)?;
    let context = destined(&packet, departure, tables)?;
    if let Some(offset) = packet.fragment.later() {
        return later_fragment(&packet, offset);
    }
    if packet.protocol == protocol::ICMPV6 {
        return general::icmp6(frame, &packet, context, tables);
    }
    any(frame, &packet, context, tables, ports::DHCP6)
}

/// Whom the packet goes to. Its authentication header needs a rule, or that the peer's come in.
#[inline(always)]
fn destined<A: SourceAddress, T: OutboundTables>(
    packet: &Packet<A>,
    departure: Arrival,
    tables: &T,
) -> Result<Context, Outcome> {
    let class = packet.destination.class(tables).ok_or(Reason::Internal)?;
    let context = Context { arrival: departure, class };
    if let Err(refusal) = matrix::authentication(packet, context, tables)
        && !came_in(port_entries::PROTOCOL, protocol::AH.into(), context, tables)?
    {
        return Err(refusal);
    }
    Ok(context)
}

/// Nothing without its first, which is judged by port.
#[inline(always)]
fn later_fragment<A>(packet: &Packet<A>, offset: u16) -> Settled {
    general::completes_no_header(packet, offset)?;
    Err(Outcome::of(Reason::LaterFragment))
}

/// TCP, UDP, SCTP and what has no ports. `dhcp` is the server's port and the client's.
#[inline(always)]
fn any<F: Frame + ?Sized, A: SourceAddress, T: OutboundTables>(
    frame: &F,
    packet: &Packet<A>,
    context: Context,
    tables: &T,
    dhcp: [u16; 2],
) -> Settled {
    match packet.protocol {
        protocol::TCP => tcp(packet, tcp::parse(frame, packet)?, context, tables),
        protocol::UDP => {
            let ports = transport::ports(frame, packet, transport::UDP_LEN)?;
            udp(ports, context, tables, dhcp)
        }
        protocol::SCTP => {
            let ports = transport::ports(frame, packet, transport::SCTP_LEN)?;
            let Err(outcome) = matrix::sctp(ports.destination(), context, tables);
            unless_answer(outcome, port_entries::SCTP, ports.source(), context, tables)
        }
        other => {
            let Err(outcome) = matrix::other_protocol(other, context, tables);
            unless_answer(outcome, port_entries::PROTOCOL, other.into(), context, tables)
        }
    }
}

/// A segment that asks for a connection needs a rule; of every other one the connection may be the peer's.
#[inline(always)]
fn tcp<A: SourceAddress, T: OutboundTables>(
    packet: &Packet<A>,
    segment: tcp::Segment,
    context: Context,
    tables: &T,
) -> Settled {
    let access = matrix::access(port_entries::TCP, segment.ports.destination(), context, tables)?;
    if !is_admitted(access)
        && !segment.opens()
        && is_admitted(matrix::opposite_access(port_entries::TCP, segment.ports.source(), context, tables)?)
    {
        return Err(Outcome::of(Reason::Reply));
    }
    let place = undocumented::TCP + u32::from(segment.ports.destination());
    let refusal = ports::refused(access, place, tables)?;
    if segment.opens() {
        return Err(refusal);
    }
    if segment.resets() {
        return Err(Outcome::of(Reason::Reset));
    }
    let ports = segment.ports.reversed();
    let flow = Flow { source: packet.destination, destination: packet.source, ports };
    Err(ports::unless_reply(refusal.because(reply::outgoing_tcp(&flow, &segment, tables))))
}

#[inline(always)]
fn udp<T: OutboundTables>(ports: transport::Ports, context: Context, tables: &T, dhcp: [u16; 2]) -> Settled {
    if context.arrival.dhcp() && [ports.destination(), ports.source()] == dhcp {
        return Err(Outcome::of(Reason::Dhcp));
    }
    let access = matrix::access(port_entries::UDP, ports.destination(), context, tables)?;
    let place = undocumented::UDP + u32::from(ports.destination());
    let (Ok(outcome) | Err(outcome)) = ports::refused(access, place, tables);
    unless_answer(outcome, port_entries::UDP, ports.source(), context, tables)
}

/// What has no connections answers where the peer's packets to the port or protocol that it goes out from come in.
#[inline(always)]
fn unless_answer<T: OutboundTables>(
    outcome: Outcome,
    first: u32,
    index: u16,
    context: Context,
    tables: &T,
) -> Settled {
    let answers = outcome.reason != Reason::Admitted && came_in(first, index, context, tables)?;
    Err(if answers { Outcome::of(Reason::Reply) } else { outcome })
}

/// Whether the peer's packets to this port or protocol of the node come in, because a rule admits the peer, or because those
/// whom no rule admits are only counted. Ports that no rule names don't count, whoever reaches them: the node's own traffic
/// goes out from such ports.
#[inline(always)]
fn came_in<T: OutboundTables>(first: u32, index: u16, context: Context, tables: &T) -> Result<bool, Reason> {
    Ok(match matrix::opposite_access(first, index, context, tables)? {
        Access::Admitted { .. } => true,
        Access::Refused { .. } => tables.observes_inbound(),
        Access::Undocumented => false,
    })
}

#[inline(always)]
fn is_admitted(access: Access) -> bool {
    matches!(access, Access::Admitted { .. })
}
