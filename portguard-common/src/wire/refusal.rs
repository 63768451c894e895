//! Answers to what must not leave, so that whoever sent it knows at once and need not wait: to a connection the reset of a peer on
//! which nobody listens (RFC 9293 section 3.10.7.1), to a datagram that an administrator prohibits it (RFC 1812 section 5.2.7.1,
//! RFC 4443 section 3.1).
//!
//! Answers are written to where the caller says: the kernel's programs have no room for them on their stack that could be
//! written as the compiler likes to.

#![expect(
    clippy::cast_possible_truncation,
    reason = "lengths of headers, and sums that were folded to 16 bits"
)]

use network_types::{
    eth::EthHdr,
    ip::{Ipv4Hdr, Ipv6Hdr},
    tcp::TcpHdr,
    udp::UdpHdr,
};

use super::protocol;

/// The bytes of a frame with headers of IPv4 and TCP that have no options, and no data.
pub const LEN4: usize = EthHdr::LEN + Ipv4Hdr::LEN + TcpHdr::LEN;
/// The same of IPv6.
pub const LEN6: usize = EthHdr::LEN + Ipv6Hdr::LEN + TcpHdr::LEN;

/// The bytes of a frame with the headers of IPv4, without options, and UDP.
pub const DATAGRAM_LEN4: usize = EthHdr::LEN + Ipv4Hdr::LEN + UdpHdr::LEN;
/// The same of IPv6.
pub const DATAGRAM_LEN6: usize = EthHdr::LEN + Ipv6Hdr::LEN + UdpHdr::LEN;
/// The bytes of the answer to a datagram: its headers after those of IPv4 and ICMP.
pub const PROHIBITED_LEN4: usize = DATAGRAM_LEN4 + Ipv4Hdr::LEN + ICMP_LEN;
/// The same of IPv6.
pub const PROHIBITED_LEN6: usize = DATAGRAM_LEN6 + Ipv6Hdr::LEN + ICMP_LEN;

const ICMP_LEN: usize = 8;
/// Destination unreachable: communication administratively prohibited.
const PROHIBITED4: [u8; 2] = [3, 13];
/// The same of ICMPv6.
const PROHIBITED6: [u8; 2] = [1, 1];

/// Where the IP header begins.
const IP: usize = EthHdr::LEN;
const BEHIND4: usize = IP + Ipv4Hdr::LEN;
const BEHIND6: usize = IP + Ipv6Hdr::LEN;
/// Flags of TCP.
const RST_ACK: u8 = 0x14;
/// Hops that a packet has before it.
const HOPS: u8 = 64;

/// What comes back for the segment of which `frame` is the beginning: TCP over IPv4 without options, which asks for a
/// connection.
#[inline(always)]
pub fn reset4(frame: &[u8; LEN4], reset: &mut [u8; LEN4]) {
    reset.fill(0);
    answer4(frame, reset, protocol::TCP, LEN4 - IP);
    let addresses = sum(&reset[IP + 12..BEHIND4]);
    refuse(&frame[BEHIND4..], &mut reset[BEHIND4..], addresses);
}

/// The same for a segment over IPv6 without extension headers.
#[inline(always)]
pub fn reset6(frame: &[u8; LEN6], reset: &mut [u8; LEN6]) {
    reset.fill(0);
    answer6(frame, reset, protocol::TCP, TcpHdr::LEN);
    let addresses = sum(&reset[IP + 8..BEHIND6]);
    refuse(&frame[BEHIND6..], &mut reset[BEHIND6..], addresses);
}

/// What comes back for the datagram of which `frame` is the beginning: UDP over IPv4 without options.
#[inline(always)]
pub fn prohibited4(frame: &[u8; DATAGRAM_LEN4], answer: &mut [u8; PROHIBITED_LEN4]) {
    answer.fill(0);
    answer4(frame, answer, protocol::ICMP, PROHIBITED_LEN4 - IP);
    answer[BEHIND4..BEHIND4 + 2].copy_from_slice(&PROHIBITED4);
    answer[BEHIND4 + ICMP_LEN..].copy_from_slice(&frame[IP..]);
    let message = checksum(sum(&answer[BEHIND4..]));
    answer[BEHIND4 + 2..BEHIND4 + 4].copy_from_slice(&message);
}

/// The same for a datagram over IPv6 without extension headers.
#[inline(always)]
pub fn prohibited6(frame: &[u8; DATAGRAM_LEN6], answer: &mut [u8; PROHIBITED_LEN6]) {
    const PAYLOAD: usize = PROHIBITED_LEN6 - BEHIND6;
    answer.fill(0);
    answer6(frame, answer, protocol::ICMPV6, PAYLOAD);
    answer[BEHIND6..BEHIND6 + 2].copy_from_slice(&PROHIBITED6);
    answer[BEHIND6 + ICMP_LEN..].copy_from_slice(&frame[IP..]);
    let pseudo = sum(&answer[IP + 8..BEHIND6]) + u32::from(protocol::ICMPV6) + PAYLOAD as u32;
    let message = checksum(pseudo + sum(&answer[BEHIND6..]));
    answer[BEHIND6 + 2..BEHIND6 + 4].copy_from_slice(&message);
}

/// Ethernet and IPv4 from whom `frame` went to, back to whom it came from; the IP packet has `len` bytes.
#[inline(always)]
fn answer4(frame: &[u8], answer: &mut [u8], protocol: u8, len: usize) {
    turn_ethernet(frame, answer);
    answer[IP] = 0x45;
    answer[IP + 3] = len as u8;
    // It needs no fragments.
    answer[IP + 6] = 0x40;
    answer[IP + 8] = HOPS;
    answer[IP + 9] = protocol;
    answer[IP + 12..IP + 16].copy_from_slice(&frame[IP + 16..IP + 20]);
    answer[IP + 16..IP + 20].copy_from_slice(&frame[IP + 12..IP + 16]);
    let header = checksum(sum(&answer[IP..BEHIND4]));
    answer[IP + 10..IP + 12].copy_from_slice(&header);
}

/// The same of IPv6; what stands behind the header has `len` bytes.
#[inline(always)]
fn answer6(frame: &[u8], answer: &mut [u8], protocol: u8, len: usize) {
    turn_ethernet(frame, answer);
    answer[IP] = 0x60;
    answer[IP + 5] = len as u8;
    answer[IP + 6] = protocol;
    answer[IP + 7] = HOPS;
    answer[IP + 8..IP + 24].copy_from_slice(&frame[IP + 24..IP + 40]);
    answer[IP + 24..IP + 40].copy_from_slice(&frame[IP + 8..IP + 24]);
}

#[inline(always)]
fn turn_ethernet(frame: &[u8], reset: &mut [u8]) {
    reset[..6].copy_from_slice(&frame[6..12]);
    reset[6..12].copy_from_slice(&frame[..6]);
    reset[12..14].copy_from_slice(&frame[12..14]);
}

/// Acknowledges the request of `segment` and resets it, between addresses with this sum.
#[inline(always)]
fn refuse(segment: &[u8], reset: &mut [u8], addresses: u32) {
    reset[..2].copy_from_slice(&segment[2..4]);
    reset[2..4].copy_from_slice(&segment[..2]);
    let asked = u32::from_be_bytes([segment[4], segment[5], segment[6], segment[7]]);
    reset[8..12].copy_from_slice(&asked.wrapping_add(1).to_be_bytes());
    reset[12] = ((TcpHdr::LEN / 4) << 4) as u8;
    reset[13] = RST_ACK;
    let pseudo = addresses + u32::from(protocol::TCP) + TcpHdr::LEN as u32;
    let checksum = checksum(pseudo + sum(reset));
    reset[16..18].copy_from_slice(&checksum);
}

/// The sum of 16-bit words (RFC 1071).
#[inline(always)]
fn sum(bytes: &[u8]) -> u32 {
    let (words, _) = bytes.as_chunks();
    words.iter().map(|&word| u32::from(u16::from_be_bytes(word))).sum()
}

#[inline(always)]
fn checksum(sum: u32) -> [u8; 2] {
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    (!(folded as u16)).to_be_bytes()
}
