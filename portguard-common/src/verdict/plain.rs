//! The verdict on the frames that nearly all are: TCP and UDP without tags, options, extension headers or fragments.
//!
//! A shortcut and no second opinion: it recognizes such headers in a few comparisons at fixed offsets, and hands them to
//! the same steps as [`general`](super::general()) does. What is the least unusual about a frame is left to that one.

use core::hint::cold_path;

use super::{Arrival, Context, Outcome, ports, source};
use crate::{
    Reason,
    abi::CLASS_OWN,
    tables::{SourceAddress, Tables},
    wire::{Frame, Packet, ethernet, ipv4, ipv6, plain, protocol, tcp, transport},
};

/// What the matrix makes of a plain frame.
///
/// The step from here to the verdict is for the few that may be replies: the program does it in a function of its own, so that all
/// others need not keep what it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plain {
    /// This is the verdict.
    Settled(Outcome),
    /// This is, unless the packet is a reply.
    Refused(Outcome),
}

/// What the matrix makes of one Ethernet frame, if it is a plain one. `arrival` is asked only then, or says that nobody knows.
#[inline(always)]
pub fn plain<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    arrival: impl Fn() -> Option<Arrival>,
    tables: &T,
) -> Option<Plain> {
    let result = if let Some(packet) = plain::ipv4(frame) {
        if !source::is_ordinary4(packet.source) {
            return rare();
        }
        by_matrix(frame, &packet, arrival, tables, ports::DHCP4)?
    } else {
        let packet = plain::ipv6(frame)?;
        if !source::is_ordinary6(packet.source) {
            return rare();
        }
        by_matrix(frame, &packet, arrival, tables, ports::DHCP6)?
    };
    Some(match result {
        Err(outcome) => Plain::Settled(outcome),
        Ok(refusal) => Plain::Refused(refusal),
    })
}

/// None, for what hardly any frame leads to: the program's code for it stands apart.
#[inline(always)]
fn rare<T>() -> Option<T> {
    cold_path();
    None
}

#[inline(always)]
fn by_matrix<F: Frame + ?Sized, A: SourceAddress, T: Tables>(
    frame: &F,
    packet: &Packet<A>,
    arrival: impl Fn() -> Option<Arrival>,
    tables: &T,
    dhcp: [u16; 2],
) -> Option<Result<Outcome, Outcome>> {
    let class = || packet.source.class(tables).filter(|class| *class != CLASS_OWN).or_else(rare);
    let ruled = if packet.protocol == protocol::TCP {
        let segment = tcp::parse(frame, packet).ok().or_else(rare)?;
        let class = class()?;
        let arrival = arrival().or_else(rare)?;
        ports::tcp_by_matrix(segment, Context { arrival, class }, tables)
    } else {
        let ports = transport::ports(frame, packet, transport::UDP_LEN).ok().or_else(rare)?;
        let class = class()?;
        let arrival = arrival().or_else(rare)?;
        ports::udp_by_matrix(ports, Context { arrival, class }, tables, dhcp)
    };
    match ruled {
        // Tables that contradict themselves.
        Err(outcome) if matches!(outcome.reason, Reason::Internal) => rare(),
        ruled => Some(ruled),
    }
}

impl Plain {
    /// The verdict on `frame`, of which the matrix made this.
    #[inline(always)]
    pub fn verdict<F: Frame + ?Sized, T: Tables>(self, frame: &F, tables: &T) -> Outcome {
        let refusal = match self {
            Self::Settled(outcome) => return outcome,
            Self::Refused(refusal) => refusal,
        };
        let outcome = if let Some(packet) = plain::ipv4_again(frame) {
            let group = || ethernet::is_group(frame) || ipv4::is_group(packet.destination);
            by_socket(frame, &packet, refusal, group, tables)
        } else {
            plain::ipv6_again(frame).and_then(|packet| {
                let group = || ethernet::is_group(frame) || ipv6::is_group(packet.destination);
                by_socket(frame, &packet, refusal, group, tables)
            })
        };
        outcome.unwrap_or(Outcome::of(Reason::Internal))
    }
}

/// None: the frame is not the one that was refused.
#[inline(always)]
fn by_socket<F: Frame + ?Sized, A: SourceAddress, T: Tables>(
    frame: &F,
    packet: &Packet<A>,
    refusal: Outcome,
    group: impl Fn() -> bool,
    tables: &T,
) -> Option<Outcome> {
    Some(if packet.protocol == protocol::TCP {
        ports::tcp_by_socket(packet, tcp::parse(frame, packet).ok()?, refusal, group, tables)
    } else {
        let ports = transport::ports(frame, packet, transport::UDP_LEN).ok()?;
        ports::udp_by_socket(packet, ports, refusal, group, tables)
    })
}
