//! The headers that nearly every packet has: no tag, no option, no extension header, no fragment, TCP or UDP.
//!
//! At fixed offsets, so that a few comparisons tell them. `None` means only that the frame is another one; whether it is
//! sound is for [`ethernet::parse`](super::ethernet::parse) and those after it to say, and on the frames that are
//! recognized here they give the same packet.

use network_types::{
    eth::EthHdr,
    ip::{Ipv4Hdr, Ipv6Hdr},
};

use super::{Fragment, Frame, Packet, ipv4, ipv6, protocol};

/// Where the words are read from: the IP header and the EtherType before it are then whole words from there.
const START: usize = EthHdr::LEN - 8;

/// An untagged IPv4 packet of TCP or UDP, its header 20 bytes long, in one piece.
#[inline(always)]
pub fn ipv4<F: Frame + ?Sized>(frame: &F) -> Option<Packet<ipv4::Address>> {
    const WORDS: usize = 2 + Ipv4Hdr::LEN / 4;
    // More fragments, and the offset.
    const FRAGMENT: u32 = 0x3fff;
    let [_, ether_type, first, second, third, source, destination]: [u32; WORDS] = frame.words(START)?;
    // Version, header length, type of service, total length; flags and fragment offset; time to live, protocol.
    let first = u32::from_be(first);
    let end = EthHdr::LEN + (first & 0xffff) as usize;
    let [hop_limit, protocol, ..] = u32::from_be(third).to_be_bytes();
    let payload = EthHdr::LEN + Ipv4Hdr::LEN;
    let plain = u32::from_be(ether_type) & 0xffff == 0x0800
        && first >> 24 == 0x45
        && u32::from_be(second) & FRAGMENT == 0
        && has_ports(protocol)
        && end >= payload
        && frame.has(end);
    plain.then_some(Packet {
        protocol,
        hop_limit,
        authenticated: 0,
        fragment: Fragment::WHOLE,
        payload,
        end,
        source: ipv4::Address::from_word(source),
        destination: ipv4::Address::from_word(destination),
    })
}

/// An untagged IPv6 packet whose header TCP or UDP follows at once.
#[inline(always)]
pub fn ipv6<F: Frame + ?Sized>(frame: &F) -> Option<Packet<ipv6::Address>> {
    const WORDS: usize = 1 + Ipv6Hdr::LEN / 8;
    let [ether_type, first, source @ .., destination_high, destination_low]: [u64; WORDS] =
        frame.long_words(START)?;
    // Version, traffic class, flow label; payload length, next header, hop limit.
    let first = u64::from_be(first);
    let payload_len = (first >> 16 & 0xffff) as usize;
    let [.., protocol, hop_limit] = first.to_be_bytes();
    let payload = EthHdr::LEN + Ipv6Hdr::LEN;
    let end = payload + payload_len;
    let plain = u64::from_be(ether_type) & 0xffff == 0x86dd
        && first >> 60 == 6
        && has_ports(protocol)
        && payload_len > 0
        && frame.has(end);
    plain.then_some(Packet {
        protocol,
        hop_limit,
        authenticated: 0,
        fragment: Fragment::WHOLE,
        payload,
        end,
        source,
        destination: [destination_high, destination_low],
    })
}

#[inline(always)]
fn has_ports(protocol: u8) -> bool {
    matches!(protocol, protocol::TCP | protocol::UDP)
}
