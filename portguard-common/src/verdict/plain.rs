//! The verdict on the frames that nearly all are: TCP and UDP without tags, options, extension headers or fragments.
//!
//! A shortcut and no second opinion: it recognizes such headers in a few comparisons at fixed offsets, and hands them to
//! the same steps as [`general`](super::general()) does. What is the least unusual about a frame is left to that one.

use super::{Arrival, Context, Outcome, ports, source};
use crate::{
    Reason,
    abi::CLASS_OWN,
    tables::{SourceAddress, Tables},
    wire::{Frame, Packet, ethernet, ipv4, ipv6, plain, protocol, tcp, transport},
};

/// Decides about one Ethernet frame, if it is a plain one.
#[inline(always)]
pub fn plain<F: Frame + ?Sized, T: Tables>(frame: &F, arrival: Arrival, tables: &T) -> Option<Outcome> {
    if let Some(packet) = plain::ipv4(frame) {
        if !source::is_ordinary4(packet.source) {
            return None;
        }
        let group = || ethernet::is_group(frame) || ipv4::is_group(packet.destination);
        return transport(frame, &packet, arrival, group, tables, ports::DHCP4);
    }
    let packet = plain::ipv6(frame)?;
    if !source::is_ordinary6(packet.source) {
        return None;
    }
    let group = || ethernet::is_group(frame) || ipv6::is_group(packet.destination);
    transport(frame, &packet, arrival, group, tables, ports::DHCP6)
}

#[inline(always)]
fn transport<F: Frame + ?Sized, A: SourceAddress, T: Tables>(
    frame: &F,
    packet: &Packet<A>,
    arrival: Arrival,
    group: impl Fn() -> bool,
    tables: &T,
    dhcp: [u16; 2],
) -> Option<Outcome> {
    let class = packet.source.class(tables)?;
    if class == CLASS_OWN {
        return Some(Outcome::of(Reason::Martian));
    }
    let context = Context { arrival, class };
    let Err(outcome) = if packet.protocol == protocol::TCP {
        ports::tcp(packet, tcp::parse(frame, packet).ok()?, context, group, tables)
    } else {
        let ports = transport::ports(frame, packet, transport::UDP_LEN).ok()?;
        ports::udp(packet, ports, context, group, tables, dhcp)
    };
    Some(outcome)
}
