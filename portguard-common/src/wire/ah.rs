//! The authentication header (RFC 4302): the one IPsec header whose payload can be read.

use super::{Frame, Packet};
use crate::Reason;

/// Next header, length, reserved, SPI, sequence number.
const FIXED_LEN: usize = 12;

/// Reads the authentication header where `packet`'s payload begins: the protocol behind it, and where that begins.
///
/// The length counts 32-bit words less two, for IPv6 as well (RFC 4302 section 2.2), unlike every other extension
/// header.
#[inline(always)]
pub fn parse<F: Frame + ?Sized, A>(frame: &F, packet: &Packet<A>) -> Result<(u8, usize), Reason> {
    let short = if packet.fragment.is_first() { Reason::FragmentChain } else { Reason::Short };
    if packet.payload + FIXED_LEN > packet.end {
        return Err(short);
    }
    let [next, words]: [u8; 2] = frame.read(packet.payload).ok_or(Reason::Short)?;
    let len = (usize::from(words) + 2) << 2;
    if len < FIXED_LEN {
        return Err(Reason::Malformed);
    }
    let payload = packet.payload + len;
    if payload > packet.end { Err(short) } else { Ok((next, payload)) }
}
