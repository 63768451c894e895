//! The verdict on any frame: every header that can be walked is walked, every limit drops with a reason of its own.

use super::{Arrival, Context, Outcome, Settled, matrix, ports, source};
use crate::{
    Reason,
    abi::{CLASS_OWN, port_entries, undocumented},
    tables::{SourceAddress as _, Tables},
    wire::{Frame, Packet, ethernet, icmp, ipv4, ipv6, protocol},
};

/// Decides about one Ethernet frame, whatever it is.
#[inline(always)]
pub fn general<F: Frame + ?Sized, T: Tables>(frame: &F, arrival: Arrival, tables: &T) -> Outcome {
    let Err(outcome) = link(frame, arrival, tables);
    outcome
}

#[inline(always)]
fn link<F: Frame + ?Sized, T: Tables>(frame: &F, arrival: Arrival, tables: &T) -> Settled {
    match ethernet::parse(frame)? {
        ethernet::Payload::Ipv4(offset) => ip4(frame, offset, arrival, tables),
        ethernet::Payload::Ipv6(offset) => ip6(frame, offset, arrival, tables),
        ethernet::Payload::Arp => Err(Outcome::of(Reason::Arp)),
        ethernet::Payload::LinkControl => Err(Outcome::of(Reason::LinkControl)),
        ethernet::Payload::Other => other_ether_type(tables),
    }
}

#[inline(always)]
pub(super) fn other_ether_type<T: Tables>(tables: &T) -> Settled {
    let reason = if tables.posture_pass() { Reason::EtherTypePassed } else { Reason::EtherType };
    Err(Outcome::of(reason))
}

#[inline(always)]
fn ip4<F: Frame + ?Sized, T: Tables>(frame: &F, offset: usize, arrival: Arrival, tables: &T) -> Settled {
    let packet = ipv4::parse(frame, offset)?;
    source::check4(frame, &packet)?;
    let class = packet.source.class(tables).ok_or(Reason::Internal)?;
    if class == CLASS_OWN {
        return Err(Outcome::of(Reason::Martian));
    }
    let context = Context { arrival, class };
    matrix::authentication(&packet, context, tables)?;
    if let Some(offset) = packet.fragment.later() {
        return later_fragment(&packet, offset, Some(packet.protocol), context, tables);
    }
    match packet.protocol {
        protocol::ICMP => icmp4(frame, &packet, context, tables),
        protocol::IGMP => Err(Outcome::of(Reason::Igmp)),
        _ => {
            let group = || ethernet::is_group(frame) || ipv4::is_group(packet.destination);
            ports::any(frame, &packet, context, group, tables, ports::DHCP4)
        }
    }
}

#[inline(always)]
fn ip6<F: Frame + ?Sized, T: Tables>(frame: &F, offset: usize, arrival: Arrival, tables: &T) -> Settled {
    let packet = ipv6::parse(frame, offset)?;
    source::check6(frame, &packet)?;
    let class = packet.source.class(tables).ok_or(Reason::Internal)?;
    if class == CLASS_OWN && !source::looped_back(frame, &packet) {
        return Err(Outcome::of(Reason::Martian));
    }
    let context = Context { arrival, class };
    matrix::authentication(&packet, context, tables)?;
    if let Some(offset) = packet.fragment.later() {
        // The protocol that it claims need not be what its first said, so the row for any protocol answers.
        return later_fragment(&packet, offset, None, context, tables);
    }
    if packet.protocol == protocol::ICMPV6 {
        return icmp6(frame, &packet, context, tables);
    }
    let group = || ethernet::is_group(frame) || ipv6::is_group(packet.destination);
    ports::any(frame, &packet, context, group, tables, ports::DHCP6)
}

/// A later fragment, for the rules of `protocol`, if that can be told.
#[inline(always)]
fn later_fragment<A, T: Tables>(
    packet: &Packet<A>,
    offset: u16,
    protocol: Option<u8>,
    context: Context,
    tables: &T,
) -> Settled {
    completes_no_header(packet, offset)?;
    matrix::later_fragment(protocol, context, tables)
}

/// At offset 1 a later fragment would overwrite or complete a header that a first fragment must hold by itself (RFC 3128),
/// if it is what it claims to be.
#[inline(always)]
pub(super) fn completes_no_header<A>(packet: &Packet<A>, offset: u16) -> Result<(), Reason> {
    if offset == 1 && matches!(packet.protocol, protocol::TCP | protocol::SCTP) {
        return Err(Reason::FragmentOffset1);
    }
    Ok(())
}

#[inline(always)]
pub(super) fn icmp4<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    packet: &Packet<ipv4::Address>,
    context: Context,
    tables: &T,
) -> Settled {
    let number = icmp::message_type(frame, packet)?;
    let kind = icmp::kind_v4(number);
    match kind {
        icmp::Kind::Error if !packet.fragment.is_whole() => Err(Outcome::of(Reason::Short)),
        icmp::Kind::Error => Err(Outcome::of(Reason::IcmpError)),
        icmp::Kind::EchoReply => Err(Outcome::of(Reason::EchoReply)),
        icmp::Kind::Unwanted
        | icmp::Kind::ByRule
        | icmp::Kind::NeighbourDiscovery
        | icmp::Kind::MulticastListener => {
            matrix::icmp([port_entries::ICMPV4, undocumented::ICMPV4], number, kind, context, tables)
        }
    }
}

#[inline(always)]
pub(super) fn icmp6<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    packet: &Packet<ipv6::Address>,
    context: Context,
    tables: &T,
) -> Settled {
    let number = icmp::message_type(frame, packet)?;
    let kind = icmp::kind_v6(number);
    match kind {
        icmp::Kind::Error if !packet.fragment.is_whole() => Err(Outcome::of(Reason::Short)),
        icmp::Kind::Error => Err(Outcome::of(Reason::IcmpError)),
        icmp::Kind::EchoReply => Err(Outcome::of(Reason::EchoReply)),
        // RFC 6980 section 5: fragments are ignored, atomic ones too.
        icmp::Kind::NeighbourDiscovery if !packet.fragment.is_none() => {
            Err(Outcome::of(Reason::NeighbourFragment))
        }
        icmp::Kind::NeighbourDiscovery if packet.hop_limit != 255 => {
            Err(Outcome::of(Reason::NeighbourHopLimit))
        }
        icmp::Kind::NeighbourDiscovery => Err(Outcome::of(Reason::NeighbourDiscovery)),
        icmp::Kind::MulticastListener => Err(Outcome::of(Reason::MulticastListener)),
        icmp::Kind::Unwanted | icmp::Kind::ByRule => {
            matrix::icmp([port_entries::ICMPV6, undocumented::ICMPV6], number, kind, context, tables)
        }
    }
}
