//! Headers and tables to a verdict: the order of the design's section 5.
//!
//! [`decide`] is the one verdict function: the XDP program, `explain` and the tests call it. It returns a [`Reason`]
//! and, where a documented port is concerned, the counter that tells which rule (or that none) admitted the packet.

mod matrix;
mod reply;
mod source;

use crate::{
    Reason,
    abi::{self, CLASS_OWN},
    tables::{Flow, SourceAddress, Tables},
    wire::{Fragment, Frame, Packet, ethernet, icmp, ipv4, ipv6, protocol, tcp, transport},
};
use matrix::Access;

/// What is known of a packet from where it came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The zone of the interface.
    pub zone: u16,
    /// Whether DHCP answers pass on it.
    pub dhcp: bool,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Why.
    pub reason: Reason,
    /// [`NO_SLOT`] or a slot: an `Option` would leave its number undefined where there is none, and the kernel lets no
    /// program move undefined values about.
    slot: u32,
}

/// No image has as many counters.
const NO_SLOT: u32 = u32::MAX;

impl Outcome {
    /// A packet that concerns no documented port.
    #[inline(always)]
    #[must_use]
    pub const fn of(reason: Reason) -> Self {
        Self { reason, slot: NO_SLOT }
    }

    #[inline(always)]
    const fn at(reason: Reason, slot: u32) -> Self {
        Self { reason, slot }
    }

    /// The documented port's counter: of the rule that admitted the packet, or the port's first
    /// ([`abi::port_slots::DROPPED`]) when it drops. `None` where no documented port is concerned.
    #[inline(always)]
    #[must_use]
    pub const fn slot(self) -> Option<u32> {
        if self.slot == NO_SLOT { None } else { Some(self.slot) }
    }
}

/// What the verdict on a packet's payload needs besides its headers.
#[derive(Clone, Copy)]
struct Context {
    arrival: Arrival,
    /// The source's class.
    class: u32,
    /// Whether the frame went to several hosts: such a packet answers no connection.
    group: bool,
}

/// Decides about one Ethernet frame.
#[inline(always)]
pub fn decide<F: Frame + ?Sized, T: Tables>(frame: &F, arrival: Arrival, tables: &T) -> Outcome {
    match link(frame, arrival, tables) {
        Ok(outcome) => outcome,
        Err(reason) => Outcome::of(reason),
    }
}

#[inline(always)]
fn link<F: Frame + ?Sized, T: Tables>(frame: &F, arrival: Arrival, tables: &T) -> Result<Outcome, Reason> {
    let link = ethernet::parse(frame)?;
    match link.payload {
        ethernet::Payload::Ipv4(offset) => ip4(frame, offset, arrival, link.group, tables),
        ethernet::Payload::Ipv6(offset) => ip6(frame, offset, arrival, link.group, tables),
        ethernet::Payload::Arp => Err(Reason::Arp),
        ethernet::Payload::LinkControl => Err(Reason::LinkControl),
        ethernet::Payload::Other if tables.posture_pass() => Err(Reason::EtherTypePassed),
        ethernet::Payload::Other => Err(Reason::EtherType),
    }
}

#[inline(always)]
fn ip4<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    offset: usize,
    arrival: Arrival,
    group: bool,
    tables: &T,
) -> Result<Outcome, Reason> {
    let packet = ipv4::parse(frame, offset)?;
    source::check4(frame, &packet)?;
    let class = packet.source.class(tables).ok_or(Reason::Internal)?;
    if class == CLASS_OWN {
        return Err(Reason::Martian);
    }
    let context = Context { arrival, class, group: group || packet.destination.to_bits() >= 224 << 24 };
    matrix::authentication(&packet, context, tables)?;
    if let Fragment::Later { offset } = packet.fragment {
        if offset == 1 && matches!(packet.protocol, protocol::TCP | protocol::SCTP) {
            return Err(Reason::FragmentOffset1);
        }
        return matrix::later_fragment(packet.protocol, context, tables);
    }
    match packet.protocol {
        protocol::ICMP => icmp4(frame, &packet, context, tables),
        protocol::IGMP => Err(Reason::Igmp),
        _ => ports(frame, &packet, context, tables, [67, 68]),
    }
}

#[inline(always)]
fn ip6<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    offset: usize,
    arrival: Arrival,
    group: bool,
    tables: &T,
) -> Result<Outcome, Reason> {
    let packet = ipv6::parse(frame, offset)?;
    source::check6(frame, &packet)?;
    let class = packet.source.class(tables).ok_or(Reason::Internal)?;
    if class == CLASS_OWN && !source::looped_back(frame, &packet) {
        return Err(Reason::Martian);
    }
    let context =
        Context { arrival, class, group: group || ipv6::halves(packet.destination).0 >> 56 == 0xff };
    matrix::authentication(&packet, context, tables)?;
    match (packet.fragment, packet.protocol) {
        // The protocol that a later fragment claims is not what its first said, so the row for any protocol answers.
        (Fragment::Later { .. }, _) => matrix::later_fragment(protocol::FRAGMENT, context, tables),
        (_, protocol::ICMPV6) => icmp6(frame, &packet, context, tables),
        _ => ports(frame, &packet, context, tables, [547, 546]),
    }
}

#[inline(always)]
fn icmp4<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    packet: &Packet<ipv4::Address>,
    context: Context,
    tables: &T,
) -> Result<Outcome, Reason> {
    let number = icmp::message_type(frame, packet)?;
    let kind = icmp::kind_v4(number);
    match kind {
        icmp::Kind::Error if !packet.fragment.is_whole() => Err(Reason::Short),
        icmp::Kind::Error => Err(Reason::IcmpError),
        icmp::Kind::EchoReply => Err(Reason::EchoReply),
        icmp::Kind::Unwanted
        | icmp::Kind::ByRule
        | icmp::Kind::NeighbourDiscovery
        | icmp::Kind::MulticastListener => {
            matrix::icmp(abi::port_pages::ICMPV4, number, kind, context, tables)
        }
    }
}

#[inline(always)]
fn icmp6<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    packet: &Packet<ipv6::Address>,
    context: Context,
    tables: &T,
) -> Result<Outcome, Reason> {
    let number = icmp::message_type(frame, packet)?;
    let kind = icmp::kind_v6(number);
    match kind {
        icmp::Kind::Error if !packet.fragment.is_whole() => Err(Reason::Short),
        icmp::Kind::Error => Err(Reason::IcmpError),
        icmp::Kind::EchoReply => Err(Reason::EchoReply),
        // RFC 6980 section 5: fragments are ignored, atomic ones too.
        icmp::Kind::NeighbourDiscovery if packet.fragment != Fragment::Whole => {
            Err(Reason::NeighbourFragment)
        }
        icmp::Kind::NeighbourDiscovery if packet.hop_limit != 255 => Err(Reason::NeighbourHopLimit),
        icmp::Kind::NeighbourDiscovery => Err(Reason::NeighbourDiscovery),
        icmp::Kind::MulticastListener => Err(Reason::MulticastListener),
        icmp::Kind::Unwanted | icmp::Kind::ByRule => {
            matrix::icmp(abi::port_pages::ICMPV6, number, kind, context, tables)
        }
    }
}

/// TCP, UDP, SCTP and what has no ports. `dhcp` is DHCP's server port and client port.
#[inline(always)]
fn ports<F: Frame + ?Sized, A: SourceAddress, T: Tables>(
    frame: &F,
    packet: &Packet<A>,
    context: Context,
    tables: &T,
    dhcp: [u16; 2],
) -> Result<Outcome, Reason> {
    match packet.protocol {
        protocol::TCP => {
            let segment = tcp::parse(frame, packet)?;
            let access = matrix::access(abi::port_pages::TCP, segment.ports.destination(), context, tables)?;
            let refusal = match settled(access, tables) {
                Ok(outcome) => return Ok(outcome),
                Err(refusal) => refusal,
            };
            if segment.opens() || context.group {
                return Ok(refusal);
            }
            let flow = Flow { source: packet.source, destination: packet.destination, ports: segment.ports };
            Ok(Outcome { reason: reply::tcp(&flow, &segment, tables), ..refusal }.unless_passed())
        }
        protocol::UDP => {
            let ports = transport::ports(frame, packet, transport::UDP_LEN)?;
            if context.arrival.dhcp && [ports.source(), ports.destination()] == dhcp {
                return Err(Reason::Dhcp);
            }
            let access = matrix::access(abi::port_pages::UDP, ports.destination(), context, tables)?;
            let refusal = match settled(access, tables) {
                Ok(outcome) => return Ok(outcome),
                Err(refusal) => refusal,
            };
            if context.group {
                return Ok(refusal);
            }
            let flow = Flow { source: packet.source, destination: packet.destination, ports };
            Ok(Outcome { reason: reply::udp(&flow, refusal.reason, tables), ..refusal }.unless_passed())
        }
        protocol::SCTP => {
            let ports = transport::ports(frame, packet, transport::SCTP_LEN)?;
            matrix::sctp(ports.destination(), context, tables)
        }
        other => matrix::other_protocol(other, context, tables),
    }
}

/// What the matrix alone decides; `Err` is the refusal that stands unless the packet is a reply.
#[inline(always)]
fn settled<T: Tables>(access: Access, tables: &T) -> Result<Outcome, Outcome> {
    match access {
        Access::Admitted { slot } => Ok(Outcome::at(Reason::Admitted, slot)),
        Access::Refused { slot } => Err(Outcome::at(Reason::SourceNotAdmitted, slot)),
        Access::Undocumented if tables.posture_pass() => Ok(Outcome::of(Reason::UndocumentedPassed)),
        Access::Undocumented => Err(Outcome::of(Reason::Undocumented)),
    }
}

impl Outcome {
    /// A packet that passes as a reply concerns no documented port.
    #[inline(always)]
    fn unless_passed(self) -> Self {
        if self.reason == Reason::Reply { Self::of(Reason::Reply) } else { self }
    }
}
