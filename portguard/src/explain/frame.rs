//! The packet that a question asks about.

use std::net::IpAddr;

use etherparse::{IpNumber, PacketBuilder};
use portguard_common::wire::protocol;

use super::Question;
use crate::{
    compile::Target,
    matrix::{Direction, Transport},
};

/// The node's address in the packet: any will do, the verdict does not depend on it (RFC 5737, RFC 3849).
const NODE_V4: [u8; 4] = [192, 0, 2, 1];
const NODE_V6: [u8; 16] = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
/// A port of the kind that clients use.
const CLIENT_PORT: u16 = 49_152;

/// A whole Ethernet frame: the first packet that a client at the other end sends to the node, or the node to there.
pub(super) fn build(question: &Question) -> Vec<u8> {
    let target = question.target();
    let ethernet = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    let ip = match (question.from, question.direction) {
        (IpAddr::V4(peer), Direction::In) => ethernet.ipv4(peer.octets(), NODE_V4, 64),
        (IpAddr::V4(peer), Direction::Out) => ethernet.ipv4(NODE_V4, peer.octets(), 64),
        // 255 so that neighbour discovery is what it claims to be.
        (IpAddr::V6(peer), Direction::In) => ethernet.ipv6(peer.octets(), NODE_V6, 255),
        (IpAddr::V6(peer), Direction::Out) => ethernet.ipv6(NODE_V6, peer.octets(), 255),
    };
    let mut frame = Vec::new();
    let written = match target {
        Target::Port { transport: Transport::Tcp, port } => {
            ip.tcp(CLIENT_PORT, port, 1, 65_535).syn().write(&mut frame, &[])
        }
        Target::Port { transport: Transport::Udp, port } => {
            ip.udp(CLIENT_PORT, port).write(&mut frame, &[0; 8])
        }
        Target::Port { transport: Transport::Sctp, port } => {
            ip.write(&mut frame, IpNumber::SCTP, &sctp_header(port))
        }
        Target::Icmpv4(kind) => ip.icmpv4_raw(kind, 0, [0; 4]).write(&mut frame, &[]),
        Target::Icmpv6(kind) => ip.icmpv6_raw(kind, 0, [0; 4]).write(&mut frame, &[]),
        Target::Protocol(protocol::AH) => {
            ip.write(&mut frame, IpNumber::AUTHENTICATION_HEADER, &authenticated(question.from))
        }
        Target::Protocol(number) => ip.write(&mut frame, IpNumber(number), &[0; 32]),
        Target::Other => unreachable!("a question names a port, a type or a protocol"),
    };
    written.expect("writing to memory does not fail, and no payload is near a length field's limit");
    frame
}

/// An authentication header (RFC 4302 section 2.2), its numbers, and behind it an echo reply, which nobody needs a rule for: what becomes
/// of the packet is the header's doing.
fn authenticated(peer: IpAddr) -> [u8; 32] {
    const WORDS: u8 = 6;
    let (next, reply) = match peer {
        IpAddr::V4(_) => (protocol::ICMP, 0),
        IpAddr::V6(_) => (protocol::ICMPV6, 129),
    };
    let mut header = [0; 32];
    (header[0], header[1]) = (next, WORDS - 2);
    // The least that is no reserved index (RFC 4302 section 2.4), and the first sequence number.
    (header[6], header[11]) = (1, 1);
    header[usize::from(WORDS) * 4] = reply;
    header
}

/// Ports, verification tag, checksum (RFC 9260 section 3.1), and an empty INIT chunk's header.
fn sctp_header(port: u16) -> [u8; 16] {
    let mut header = [0; 16];
    header[..2].copy_from_slice(&CLIENT_PORT.to_be_bytes());
    header[2..4].copy_from_slice(&port.to_be_bytes());
    header[12] = 1;
    header[15] = 4;
    header
}
