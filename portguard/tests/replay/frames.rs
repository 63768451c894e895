//! Frames between the node of the captures and others.

use std::net::{IpAddr, Ipv4Addr};

use etherparse::{IpHeaders, PacketBuilder, PacketBuilderStep};

/// The node.
pub(crate) const NODE: &str = "192.0.2.1";
/// The node.
pub(crate) const NODE6: &str = "2001:db8:ffff::1";

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn ip(from: &str, to: &str) -> PacketBuilderStep<IpHeaders> {
    let ethernet = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    match (address(from), address(to)) {
        (IpAddr::V4(from), IpAddr::V4(to)) => ethernet.ipv4(from.octets(), to.octets(), 64),
        (IpAddr::V6(from), IpAddr::V6(to)) => ethernet.ipv6(from.octets(), to.octets(), 64),
        _ => panic!("{from} and {to} are of different families"),
    }
}

/// A TCP segment with these flags, `S`, `A` and `R`, and `data` bytes.
pub(crate) fn tcp(from: (&str, u16), to: (&str, u16), flags: &str, data: usize) -> Vec<u8> {
    let mut step = ip(from.0, to.0).tcp(from.1, to.1, 1, 65_535);
    if flags.contains('S') {
        step = step.syn();
    }
    if flags.contains('A') {
        step = step.ack(1);
    }
    if flags.contains('R') {
        step = step.rst();
    }
    let mut frame = Vec::new();
    step.write(&mut frame, &vec![0; data]).expect("memory does not fail");
    frame
}

/// A UDP datagram.
pub(crate) fn udp(from: (&str, u16), to: (&str, u16)) -> Vec<u8> {
    let mut frame = Vec::new();
    ip(from.0, to.0).udp(from.1, to.1).write(&mut frame, &[0; 8]).expect("memory does not fail");
    frame
}

/// A ping.
pub(crate) fn ping(from: &str, to: &str) -> Vec<u8> {
    let mut frame = Vec::new();
    if from.contains(':') {
        ip(from, to).icmpv6_echo_request(1, 1).write(&mut frame, &[0; 8]).expect("memory does not fail");
    } else {
        ip(from, to).icmpv4_echo_request(1, 1).write(&mut frame, &[0; 8]).expect("memory does not fail");
    }
    frame
}

/// Who has `to`? asks `from`.
pub(crate) fn arp(from: &str, to: &str) -> Vec<u8> {
    let octets = |address: &str| address.parse::<Ipv4Addr>().expect("an IPv4 address").octets();
    let mut frame = [[0xff; 6], [2, 0, 0, 0, 0, 1]].concat();
    frame.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1]);
    frame.extend(octets(from));
    frame.extend([0; 6]);
    frame.extend(octets(to));
    frame
}
