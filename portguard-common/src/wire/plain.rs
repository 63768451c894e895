//! The headers that nearly every packet has: no tag, no option, no extension header, no fragment, TCP or UDP.
//!
//! At fixed offsets, so that a few comparisons tell them. `None` means only that the frame is another one; whether it is
//! sound is for [`ethernet::parse`](super::ethernet::parse) and those after it to say, and on the frames that are
//! recognized here they give the same packet.

use network_types::{
    eth::EthHdr,
    ip::{Ipv4Hdr, Ipv6Hdr},
};

use zerocopy::FromBytes;

use super::{Fragment, Frame, Packet, ipv4, ipv6, protocol};

/// Where both headers begin: with the EtherType before them.
const START: usize = EthHdr::LEN - 2;

/// EtherType and IPv4 header, each field by itself: the program loads what is asked for, and no more.
#[derive(Clone, Copy, FromBytes)]
#[repr(C, packed)]
struct Ipv4 {
    ether_type: u16,
    version: u8,
    _service: u8,
    total_len: u16,
    identification_and_fragment: u32,
    hop_limit: u8,
    protocol: u8,
    _checksum: u16,
    source: u32,
    destination: u32,
}

/// EtherType and IPv6 header, likewise.
#[derive(Clone, Copy, FromBytes)]
#[repr(C, packed)]
struct Ipv6 {
    ether_type: u16,
    version: u8,
    _flow: [u8; 3],
    payload_len: u16,
    protocol: u8,
    hop_limit: u8,
    source: [u64; 2],
    destination: [u64; 2],
}

/// An untagged IPv4 packet of TCP or UDP, its header 20 bytes long, in one piece. It may end before the header of TCP or UDP does.
#[inline(always)]
pub fn ipv4<F: Frame + ?Sized>(frame: &F) -> Option<Packet<ipv4::Address>> {
    // More fragments, and the offset.
    const FRAGMENT: u32 = 0x3fff;
    let header: Ipv4 = frame.at(START)?;
    let packet = header.packet();
    let plain = header.is_ipv4()
        && header.version == 0x45
        && u32::from_be(header.identification_and_fragment) & FRAGMENT == 0
        && has_ports(header.protocol)
        && frame.has(packet.end);
    plain.then_some(packet)
}

/// An untagged IPv6 packet whose header TCP or UDP follows at once. It may end before that one does.
#[inline(always)]
pub fn ipv6<F: Frame + ?Sized>(frame: &F) -> Option<Packet<ipv6::Address>> {
    let header: Ipv6 = frame.at(START)?;
    let packet = header.packet();
    let plain = u16::from_be(header.ether_type) == 0x86dd
        && header.version >> 4 == 6
        && has_ports(header.protocol)
        && frame.has(packet.end);
    plain.then_some(packet)
}

/// What [`ipv4()`] gave for the same frame. `None`: that was nothing, it was IPv6.
#[inline(always)]
pub fn ipv4_again<F: Frame + ?Sized>(frame: &F) -> Option<Packet<ipv4::Address>> {
    let header: Ipv4 = frame.at(START)?;
    header.is_ipv4().then(|| header.packet())
}

/// What [`ipv6()`] gave for the same frame.
#[inline(always)]
pub fn ipv6_again<F: Frame + ?Sized>(frame: &F) -> Option<Packet<ipv6::Address>> {
    let header: Ipv6 = frame.at(START)?;
    Some(header.packet())
}

impl Ipv4 {
    #[inline(always)]
    fn is_ipv4(&self) -> bool {
        u16::from_be(self.ether_type) == 0x0800
    }

    /// The packet, if it is a plain one.
    #[inline(always)]
    fn packet(&self) -> Packet<ipv4::Address> {
        Packet {
            protocol: self.protocol,
            hop_limit: self.hop_limit,
            authenticated: 0,
            fragment: Fragment::WHOLE,
            payload: EthHdr::LEN + Ipv4Hdr::LEN,
            end: EthHdr::LEN + usize::from(u16::from_be(self.total_len)),
            source: ipv4::Address::from_word(self.source),
            destination: ipv4::Address::from_word(self.destination),
        }
    }
}

impl Ipv6 {
    /// The packet, if it is a plain one.
    #[inline(always)]
    fn packet(&self) -> Packet<ipv6::Address> {
        let payload = EthHdr::LEN + Ipv6Hdr::LEN;
        Packet {
            protocol: self.protocol,
            hop_limit: self.hop_limit,
            authenticated: 0,
            fragment: Fragment::WHOLE,
            payload,
            end: payload + usize::from(u16::from_be(self.payload_len)),
            source: self.source,
            destination: self.destination,
        }
    }
}

#[inline(always)]
fn has_ports(protocol: u8) -> bool {
    matches!(protocol, protocol::TCP | protocol::UDP)
}
