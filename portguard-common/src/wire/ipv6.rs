//! IPv6 and its extension headers (RFC 8200).

use network_types::ip::Ipv6Hdr;

use super::{Fragment, Frame, Packet, ah, protocol};
use crate::Reason;

/// An address in network order: its two halves, since the program moves it about in two words.
pub type Address = [u64; 2];

/// The long words of a header.
const WORDS: usize = Ipv6Hdr::LEN / 8;
/// The most extension headers that are walked. Linux has no such limit, so longer chains must drop.
pub const MAX_EXTENSION_HEADERS: usize = 8;

/// The two halves of an address as numbers: the network half and the interface half of most.
#[inline(always)]
#[must_use]
pub fn halves([high, low]: Address) -> (u64, u64) {
    (u64::from_be(high), u64::from_be(low))
}

/// The address with these 16 bytes.
#[must_use]
pub fn address(octets: [u8; 16]) -> Address {
    let (halves, _) = octets.as_chunks();
    [u64::from_ne_bytes(halves[0]), u64::from_ne_bytes(halves[1])]
}

/// Whether an address stands for several hosts (RFC 4291 section 2.7).
#[inline(always)]
#[must_use]
pub fn is_group(address: Address) -> bool {
    halves(address).0 >> 56 == 0xff
}

/// Reads an IPv6 header at `offset` and walks its extension headers to the transport header.
#[inline(always)]
pub fn parse<F: Frame + ?Sized>(frame: &F, offset: usize) -> Result<Packet<Address>, Reason> {
    let header: [u64; WORDS] = frame.at(offset).ok_or(Reason::Short)?;
    // Version, traffic class, flow label; payload length, next header, hop limit.
    let first = u64::from_be(header[0]);
    let [.., protocol, hop_limit] = first.to_be_bytes();
    let payload_len = (first >> 16 & 0xffff) as usize;
    let payload = offset + Ipv6Hdr::LEN;
    let end = payload + payload_len;
    // A length of 0 is a jumbogram (RFC 2675), which no NIC delivers, or an empty packet.
    if first >> 60 != 6 || payload_len == 0 || !frame.has(end) {
        return Err(Reason::Malformed);
    }
    walk(
        frame,
        Packet {
            source: [header[1], header[2]],
            destination: [header[3], header[4]],
            hop_limit,
            protocol,
            payload,
            end,
            fragment: Fragment::WHOLE,
            authenticated: 0,
        },
    )
}

/// What the walk does after a header.
enum Step {
    /// The next header is at this offset.
    Next(u8, usize),
    /// A part of a packet begins at this offset, and nothing behind it can be read. It claims this protocol.
    Later(u8, usize),
    /// The payload begins here: this is no extension header.
    Done,
}

#[inline(always)]
fn walk<F: Frame + ?Sized>(frame: &F, mut packet: Packet<Address>) -> Result<Packet<Address>, Reason> {
    packet.fragment = packet.fragment.forgotten(frame);
    packet.authenticated = forgotten_byte(frame, packet.authenticated);
    for position in 0..=MAX_EXTENSION_HEADERS {
        let step = match packet.protocol {
            protocol::HOP_BY_HOP if position > 0 => return Err(Reason::ExtensionOrder),
            protocol::HOP_BY_HOP | protocol::DESTINATION_OPTIONS => skip_options(frame, &packet)?,
            protocol::ROUTING => return Err(Reason::RoutingHeader),
            protocol::FRAGMENT => fragment(frame, &mut packet)?,
            protocol::AH => authentication(frame, &mut packet)?,
            protocol::NO_NEXT_HEADER => return Err(Reason::NoNextHeader),
            // Mobility, HIP, Shim6 and the two numbers for experiments (RFC 7045 section 2).
            135 | 139 | 140 | 253 | 254 => return Err(Reason::ExtensionUnknown),
            _ => Step::Done,
        };
        match step {
            Step::Done => return whole_chain(packet),
            Step::Next(..) | Step::Later(..) if position == MAX_EXTENSION_HEADERS => {
                return Err(Reason::ExtensionDepth);
            }
            Step::Later(next, payload) => return Ok(Packet { protocol: next, payload, ..packet }),
            Step::Next(next, payload) => (packet.protocol, packet.payload) = (next, payload),
        }
    }
    Err(Reason::ExtensionDepth)
}

#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "it is the same number")]
fn forgotten_byte<F: Frame + ?Sized>(frame: &F, byte: u8) -> u8 {
    frame.forget(usize::from(byte)) as u8
}

/// The transport header belongs to the chain that a first fragment must hold (RFC 7112 section 5): some of it must be there.
#[inline(always)]
fn whole_chain(packet: Packet<Address>) -> Result<Packet<Address>, Reason> {
    let is_missing = packet.fragment.is_first() && packet.payload == packet.end;
    if is_missing { Err(Reason::FragmentChain) } else { Ok(packet) }
}

/// The reason for a chain that ends before the transport header: of a first fragment it is one that RFC 7112 forbids.
#[inline(always)]
fn cut_short(packet: &Packet<Address>) -> Reason {
    if packet.fragment.is_first() { Reason::FragmentChain } else { Reason::Short }
}

#[inline(always)]
fn skip_options<F: Frame + ?Sized>(frame: &F, packet: &Packet<Address>) -> Result<Step, Reason> {
    if packet.payload + 8 > packet.end {
        return Err(cut_short(packet));
    }
    let [next, len]: [u8; 2] = frame.read(packet.payload).ok_or(Reason::Short)?;
    let payload = packet.payload + ((usize::from(len) + 1) << 3);
    if payload > packet.end { Err(cut_short(packet)) } else { Ok(next_at(frame, next, payload)) }
}

/// However it came to the next header, that is read in the same way.
#[inline(always)]
fn next_at<F: Frame + ?Sized>(frame: &F, next: u8, payload: usize) -> Step {
    Step::Next(next, frame.forget(payload))
}

#[inline(always)]
fn fragment<F: Frame + ?Sized>(frame: &F, packet: &mut Packet<Address>) -> Result<Step, Reason> {
    if !packet.fragment.is_none() {
        return Err(Reason::ExtensionOrder);
    }
    if packet.payload + 8 > packet.end {
        return Err(Reason::Short);
    }
    let [next, _, offset_high, offset_low] = frame.read(packet.payload).ok_or(Reason::Short)?;
    let field = u16::from_be_bytes([offset_high, offset_low]);
    let payload = packet.payload + 8;
    let fragment = Fragment::from_ipv6(field);
    packet.fragment = fragment.forgotten(frame);
    Ok(if fragment.later().is_some() { Step::Later(next, payload) } else { next_at(frame, next, payload) })
}

#[inline(always)]
fn authentication<F: Frame + ?Sized>(frame: &F, packet: &mut Packet<Address>) -> Result<Step, Reason> {
    if packet.authenticated != 0 {
        return Err(Reason::ExtensionOrder);
    }
    let (next, payload) = ah::parse(frame, packet)?;
    packet.authenticated = forgotten_byte(frame, 1);
    Ok(next_at(frame, next, payload))
}
