//! Protocols with ports: does the matrix admit the source, and if not, is the packet a reply?

use super::{
    Context, Outcome, Settled,
    matrix::{self, Access},
    reply,
};
use crate::{
    Reason,
    abi::{port_entries, undocumented},
    tables::{Flow, SourceAddress, Tables},
    wire::{Frame, Packet, protocol, tcp, transport},
};

/// DHCP's server port and client port (RFC 2131 section 4.1).
pub(super) const DHCP4: [u16; 2] = [67, 68];
/// The same of DHCPv6 (RFC 8415 section 7.2).
pub(super) const DHCP6: [u16; 2] = [547, 546];

/// TCP, UDP, SCTP and what has no ports. `group` tells whether the packet went to several hosts: such a packet answers no
/// connection. `dhcp` is [`DHCP4`] or [`DHCP6`].
#[inline(always)]
pub(super) fn any<F: Frame + ?Sized, A: SourceAddress, T: Tables>(
    frame: &F,
    packet: &Packet<A>,
    context: Context,
    group: impl Fn() -> bool,
    tables: &T,
    dhcp: [u16; 2],
) -> Settled {
    match packet.protocol {
        protocol::TCP => tcp(packet, tcp::parse(frame, packet)?, context, group, tables),
        protocol::UDP => {
            let ports = transport::ports(frame, packet, transport::UDP_LEN)?;
            udp(packet, ports, context, group, tables, dhcp)
        }
        protocol::SCTP => {
            let ports = transport::ports(frame, packet, transport::SCTP_LEN)?;
            matrix::sctp(ports.destination(), context, tables)
        }
        other => matrix::other_protocol(other, context, tables),
    }
}

#[inline(always)]
fn tcp<A: SourceAddress, T: Tables>(
    packet: &Packet<A>,
    segment: tcp::Segment,
    context: Context,
    group: impl Fn() -> bool,
    tables: &T,
) -> Settled {
    let refusal = tcp_by_matrix(segment, context, tables)?;
    Err(tcp_by_socket(packet, segment, refusal, group, tables))
}

/// The refusal of a segment that may be a reply all the same.
#[inline(always)]
pub(super) fn tcp_by_matrix<T: Tables>(
    segment: tcp::Segment,
    context: Context,
    tables: &T,
) -> Result<Outcome, Outcome> {
    let access = matrix::access(port_entries::TCP, segment.ports.destination(), context, tables)?;
    let place = undocumented::TCP + u32::from(segment.ports.destination());
    let refusal = refused(access, place, tables)?;
    if segment.opens() { Err(refusal) } else { Ok(refusal) }
}

/// What becomes of a segment with this refusal, which asks for no connection.
#[inline(always)]
pub(super) fn tcp_by_socket<A: SourceAddress, T: Tables>(
    packet: &Packet<A>,
    segment: tcp::Segment,
    refusal: Outcome,
    group: impl Fn() -> bool,
    tables: &T,
) -> Outcome {
    by_socket(packet, segment.ports, refusal, group, |flow| reply::tcp(flow, &segment, tables))
}

#[inline(always)]
fn udp<A: SourceAddress, T: Tables>(
    packet: &Packet<A>,
    ports: transport::Ports,
    context: Context,
    group: impl Fn() -> bool,
    tables: &T,
    dhcp: [u16; 2],
) -> Settled {
    let refusal = udp_by_matrix(ports, context, tables, dhcp)?;
    Err(udp_by_socket(packet, ports, refusal, group, tables))
}

/// The refusal of a datagram that may be a reply all the same.
#[inline(always)]
pub(super) fn udp_by_matrix<T: Tables>(
    ports: transport::Ports,
    context: Context,
    tables: &T,
    dhcp: [u16; 2],
) -> Result<Outcome, Outcome> {
    if context.arrival.dhcp() && [ports.source(), ports.destination()] == dhcp {
        return Err(Outcome::of(Reason::Dhcp));
    }
    let access = matrix::access(port_entries::UDP, ports.destination(), context, tables)?;
    let place = undocumented::UDP + u32::from(ports.destination());
    refused(access, place, tables)
}

/// What becomes of a datagram with this refusal.
#[inline(always)]
pub(super) fn udp_by_socket<A: SourceAddress, T: Tables>(
    packet: &Packet<A>,
    ports: transport::Ports,
    refusal: Outcome,
    group: impl Fn() -> bool,
    tables: &T,
) -> Outcome {
    by_socket(packet, ports, refusal, group, |flow| reply::udp(flow, refusal.reason, tables))
}

/// The refusal, for the reason that `ask` gives for the packet's flow, or that it is a reply.
#[inline(always)]
fn by_socket<A: SourceAddress>(
    packet: &Packet<A>,
    ports: transport::Ports,
    refusal: Outcome,
    group: impl Fn() -> bool,
    ask: impl Fn(&Flow<A>) -> Reason,
) -> Outcome {
    if group() {
        return refusal;
    }
    let flow = Flow { source: packet.source, destination: packet.destination, ports };
    unless_reply(refusal.because(ask(&flow)))
}

/// The refusal that stands unless the packet is a reply, where the matrix alone does not let it pass. `place` is the port's
/// among the undocumented ones.
#[inline(always)]
pub(super) fn refused<T: Tables>(access: Access, place: u32, tables: &T) -> Result<Outcome, Outcome> {
    match access {
        Access::Admitted { slot } => Err(Outcome::admitted(slot)),
        Access::Refused { slot } => Ok(Outcome::refused(slot)),
        Access::Undocumented if tables.posture_pass() => {
            Err(Outcome::undocumented(Reason::UndocumentedPassed, place))
        }
        Access::Undocumented => Ok(Outcome::undocumented(Reason::Undocumented, place)),
    }
}

/// A packet that passes as a reply concerns no port of the matrix.
#[inline(always)]
pub(super) fn unless_reply(outcome: Outcome) -> Outcome {
    if outcome.reason == Reason::Reply { Outcome::of(Reason::Reply) } else { outcome }
}
