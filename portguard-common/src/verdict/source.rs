//! Source addresses that no packet from outside may have (RFC 6890, RFC 1122 section 3.2.1.3, RFC 4291).
//!
//! The node's own addresses are among them too; they are a class of the source tables.

use crate::{
    Reason,
    wire::{Frame, Packet, icmp, ipv4, ipv6, protocol, transport},
};

/// Whether an address is none of those that [`check4`] looks at more closely.
#[inline(always)]
pub(super) fn is_ordinary4(source: ipv4::Address) -> bool {
    // 1 to 126, or 128 to 223. As numbers and not by the octet: the look-up needs these, and the program has no more to take apart.
    let bits = source.to_bits();
    bits.wrapping_sub(1 << 24) < 126 << 24 || bits.wrapping_sub(128 << 24) < 96 << 24
}

/// Whether an address is none of those that [`check6`] looks at more closely.
#[inline(always)]
pub(super) fn is_ordinary6(source: ipv6::Address) -> bool {
    let (high, _) = ipv6::halves(source);
    high != 0 && high >> 56 != 0xff
}

/// Loopback, multicast, "this network", reserved and broadcast; 0.0.0.0 only for a host that has no address yet.
#[inline(always)]
pub(super) fn check4<F: Frame + ?Sized>(frame: &F, packet: &Packet<ipv4::Address>) -> Result<(), Reason> {
    let source = packet.source.to_bits();
    match source >> 24 {
        0 if source == 0 && (packet.protocol == protocol::IGMP || asks_dhcp(frame, packet)) => Ok(()),
        0 | 127 | 224.. => Err(Reason::Martian),
        _ => Ok(()),
    }
}

/// Whether the packet is a DHCP client's request (RFC 2131 section 4.1).
#[inline(always)]
fn asks_dhcp<F: Frame + ?Sized>(frame: &F, packet: &Packet<ipv4::Address>) -> bool {
    packet.protocol == protocol::UDP
        && packet.fragment.is_whole()
        && transport::ports(frame, packet, transport::UDP_LEN)
            .is_ok_and(|ports| ports.source() == 68 && ports.destination() == 67)
}

/// Loopback, multicast, IPv4-mapped; `::` only for duplicate address detection and multicast listeners.
#[inline(always)]
pub(super) fn check6<F: Frame + ?Sized>(frame: &F, packet: &Packet<ipv6::Address>) -> Result<(), Reason> {
    let (high, low) = ipv6::halves(packet.source);
    if high >> 56 == 0xff {
        return Err(Reason::Martian);
    }
    if high != 0 {
        return Ok(());
    }
    match low {
        0 if looped_back(frame, packet) => Ok(()),
        0 | 1 => Err(Reason::Martian),
        // ::ffff:0:0/96
        low if low >> 32 == 0xffff => Err(Reason::Martian),
        _ => Ok(()),
    }
}

/// Whether the packet is one that a host sends before it has an address, or that comes back to its sender: neighbour
/// and router solicitation and advertisement, multicast listener reports. An advertisement with our own address is how
/// the stack learns that another host has it (RFC 4862 section 5.4).
#[inline(always)]
pub(super) fn looped_back<F: Frame + ?Sized>(frame: &F, packet: &Packet<ipv6::Address>) -> bool {
    packet.protocol == protocol::ICMPV6
        && packet.fragment.is_whole()
        && icmp::message_type(frame, packet).is_ok_and(|number| {
            matches!(icmp::kind_v6(number), icmp::Kind::NeighbourDiscovery | icmp::Kind::MulticastListener)
        })
}
