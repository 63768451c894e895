//! Headers and tables to a verdict: the order of the design's section 5.
//!
//! [`decide`] is the one verdict function: the XDP program, `explain` and the tests call it. It returns a [`Reason`]
//! and, where a documented port is concerned, the counter that tells which rule (or that none) admitted the packet.

mod matrix;
mod reply;
mod source;

use core::convert::Infallible;

use crate::{
    Reason,
    abi::{self, CLASS_OWN},
    tables::{Flow, SourceAddress, Tables},
    wire::{Fragment, Frame, Packet, ethernet, icmp, ipv4, ipv6, protocol, tcp, transport},
};
use matrix::Access;

/// What is known of a packet from where it came in: the zone of the interface, and whether DHCP answers pass on it. One
/// word, since it is kept throughout the verdict and hardly ever asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Arrival(u32);

impl Arrival {
    const DHCP: u32 = 1 << 16;

    /// By an interface of `zone`; `dhcp` tells whether DHCP answers pass.
    #[inline(always)]
    #[must_use]
    pub const fn new(zone: u16, dhcp: bool) -> Self {
        Self(zone as u32 | if dhcp { Self::DHCP } else { 0 })
    }

    /// From [`Self::to_bits`].
    #[inline(always)]
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// As settings and the table of interfaces hold it.
    #[inline(always)]
    #[must_use]
    pub const fn to_bits(self) -> u32 {
        self.0
    }

    #[inline(always)]
    const fn zone(self) -> u32 {
        self.0 & 0xffff
    }

    #[inline(always)]
    const fn dhcp(self) -> bool {
        self.0 & Self::DHCP != 0
    }
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

impl From<Reason> for Outcome {
    #[inline(always)]
    fn from(reason: Reason) -> Self {
        Self::of(reason)
    }
}

/// What each step of a verdict returns: an outcome ends the walk through the steps, so `?` hands it up, whether the packet
/// passes or drops.
type Settled = Result<Infallible, Outcome>;

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
    let Err(outcome) = link(frame, arrival, tables);
    outcome
}

#[inline(always)]
fn link<F: Frame + ?Sized, T: Tables>(frame: &F, arrival: Arrival, tables: &T) -> Settled {
    let link = ethernet::parse(frame)?;
    match link.payload {
        ethernet::Payload::Ipv4(offset) => ip4(frame, offset, arrival, link.group, tables),
        ethernet::Payload::Ipv6(offset) => ip6(frame, offset, arrival, link.group, tables),
        ethernet::Payload::Arp => Err(Outcome::of(Reason::Arp)),
        ethernet::Payload::LinkControl => Err(Outcome::of(Reason::LinkControl)),
        ethernet::Payload::Other if tables.posture_pass() => Err(Outcome::of(Reason::EtherTypePassed)),
        ethernet::Payload::Other => Err(Outcome::of(Reason::EtherType)),
    }
}

#[inline(always)]
fn ip4<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    offset: usize,
    arrival: Arrival,
    group: bool,
    tables: &T,
) -> Settled {
    let packet = ipv4::parse(frame, offset)?;
    source::check4(frame, &packet)?;
    let class = packet.source.class(tables).ok_or(Reason::Internal)?;
    if class == CLASS_OWN {
        return Err(Outcome::of(Reason::Martian));
    }
    let context = Context { arrival, class, group: group || packet.destination.to_bits() >= 224 << 24 };
    matrix::authentication(&packet, context, tables)?;
    if let Fragment::Later { offset } = packet.fragment {
        if offset == 1 && matches!(packet.protocol, protocol::TCP | protocol::SCTP) {
            return Err(Outcome::of(Reason::FragmentOffset1));
        }
        return matrix::later_fragment(packet.protocol, context, tables);
    }
    match packet.protocol {
        protocol::ICMP => icmp4(frame, &packet, context, tables),
        protocol::IGMP => Err(Outcome::of(Reason::Igmp)),
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
) -> Settled {
    let packet = ipv6::parse(frame, offset)?;
    source::check6(frame, &packet)?;
    let class = packet.source.class(tables).ok_or(Reason::Internal)?;
    if class == CLASS_OWN && !source::looped_back(frame, &packet) {
        return Err(Outcome::of(Reason::Martian));
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
) -> Settled {
    let number = icmp::message_type(frame, packet)?;
    let kind = icmp::kind_v6(number);
    match kind {
        icmp::Kind::Error if !packet.fragment.is_whole() => Err(Outcome::of(Reason::Short)),
        icmp::Kind::Error => Err(Outcome::of(Reason::IcmpError)),
        icmp::Kind::EchoReply => Err(Outcome::of(Reason::EchoReply)),
        // RFC 6980 section 5: fragments are ignored, atomic ones too.
        icmp::Kind::NeighbourDiscovery if packet.fragment != Fragment::Whole => {
            Err(Outcome::of(Reason::NeighbourFragment))
        }
        icmp::Kind::NeighbourDiscovery if packet.hop_limit != 255 => {
            Err(Outcome::of(Reason::NeighbourHopLimit))
        }
        icmp::Kind::NeighbourDiscovery => Err(Outcome::of(Reason::NeighbourDiscovery)),
        icmp::Kind::MulticastListener => Err(Outcome::of(Reason::MulticastListener)),
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
) -> Settled {
    match packet.protocol {
        protocol::TCP => {
            let segment = tcp::parse(frame, packet)?;
            let access = matrix::access(abi::port_pages::TCP, segment.ports.destination(), context, tables)?;
            let refusal = refused(access, tables)?;
            if segment.opens() || context.group {
                return Err(refusal);
            }
            let flow = Flow { source: packet.source, destination: packet.destination, ports: segment.ports };
            Err(Outcome { reason: reply::tcp(&flow, &segment, tables), ..refusal }.unless_passed())
        }
        protocol::UDP => {
            let ports = transport::ports(frame, packet, transport::UDP_LEN)?;
            if context.arrival.dhcp() && [ports.source(), ports.destination()] == dhcp {
                return Err(Outcome::of(Reason::Dhcp));
            }
            let access = matrix::access(abi::port_pages::UDP, ports.destination(), context, tables)?;
            let refusal = refused(access, tables)?;
            if context.group {
                return Err(refusal);
            }
            let flow = Flow { source: packet.source, destination: packet.destination, ports };
            Err(Outcome { reason: reply::udp(&flow, refusal.reason, tables), ..refusal }.unless_passed())
        }
        protocol::SCTP => {
            let ports = transport::ports(frame, packet, transport::SCTP_LEN)?;
            matrix::sctp(ports.destination(), context, tables)
        }
        other => matrix::other_protocol(other, context, tables),
    }
}

/// The refusal that stands unless the packet is a reply, where the matrix alone does not let it pass.
#[inline(always)]
fn refused<T: Tables>(access: Access, tables: &T) -> Result<Outcome, Outcome> {
    match access {
        Access::Admitted { slot } => Err(Outcome::at(Reason::Admitted, slot)),
        Access::Refused { slot } => Ok(Outcome::at(Reason::SourceNotAdmitted, slot)),
        Access::Undocumented if tables.posture_pass() => Err(Outcome::of(Reason::UndocumentedPassed)),
        Access::Undocumented => Ok(Outcome::of(Reason::Undocumented)),
    }
}

impl Outcome {
    /// A packet that passes as a reply concerns no documented port.
    #[inline(always)]
    fn unless_passed(self) -> Self {
        if self.reason == Reason::Reply { Self::of(Reason::Reply) } else { self }
    }
}
