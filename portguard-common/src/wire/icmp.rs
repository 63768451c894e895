//! ICMP for IPv4 (RFC 792) and IPv6 (RFC 4443): what each type means for a filter.

use super::{Frame, Packet};
use crate::Reason;

/// What a type is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An error about traffic of our own, path MTU above all: without it connections hang (RFC 4890 section 4.3.1).
    Error,
    /// The answer to a ping of ours.
    EchoReply,
    /// Router and neighbour solicitation and advertisement (RFC 4861): valid with hop limit 255 only.
    NeighbourDiscovery,
    /// Multicast listener discovery (RFC 2710, RFC 3810).
    MulticastListener,
    /// What attacks routing or tells about the host, and nobody needs any more: open to those that a rule names for
    /// exactly this type.
    Unwanted,
    /// Everything else, echo requests first: by the rules.
    ByRule,
}

/// The length of the header that every ICMP message has.
const HEADER_LEN: usize = 8;

/// What `kind` of ICMPv4 message type `number` is.
#[inline(always)]
#[must_use]
pub fn kind_v4(number: u8) -> Kind {
    match number {
        0 => Kind::EchoReply,
        // Unreachable (with "fragmentation needed"), time exceeded, parameter problem.
        3 | 11 | 12 => Kind::Error,
        // Source quench (RFC 6633), redirect, router discovery, timestamp, information, mask (RFC 6918).
        4 | 5 | 9 | 10 | 13..=18 => Kind::Unwanted,
        _ => Kind::ByRule,
    }
}

/// What `kind` of ICMPv6 message type `number` is.
#[inline(always)]
#[must_use]
pub fn kind_v6(number: u8) -> Kind {
    match number {
        1..=4 => Kind::Error,
        129 => Kind::EchoReply,
        130..=132 | 143 => Kind::MulticastListener,
        133..=136 => Kind::NeighbourDiscovery,
        // Redirect, node information query and reply (RFC 4890 section 4.4.2 to 4.4.4).
        137 | 139 | 140 => Kind::Unwanted,
        _ => Kind::ByRule,
    }
}

/// The type of the message that `packet` carries.
#[inline(always)]
pub fn message_type<F: Frame + ?Sized, A>(frame: &F, packet: &Packet<A>) -> Result<u8, Reason> {
    if packet.payload + HEADER_LEN > packet.end {
        return Err(Reason::Short);
    }
    let [number, _] = frame.read(packet.payload).ok_or(Reason::Short)?;
    Ok(number)
}
