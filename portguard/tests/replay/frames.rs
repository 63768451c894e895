//! Frames between the node of the captures and others.

use std::net::{IpAddr, Ipv4Addr};

use etherparse::{IpHeaders, IpNumber, Ipv4Header, Ipv6Header, PacketBuilder, PacketBuilderStep};

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

/// The fragments of a UDP datagram of 64 bytes of data: the first of 24 bytes, and the rest.
pub(crate) fn udp_in_fragments(from: (&str, u16), to: (&str, u16)) -> [Vec<u8>; 2] {
    const FIRST: usize = 24;
    let mut datagram = Vec::new();
    for number in [from.1, to.1, 8 + 64, 0] {
        datagram.extend(number.to_be_bytes());
    }
    datagram.extend([0; 64]);
    let fragment = |begin: usize, end: usize| {
        let more = end < datagram.len();
        let offset = u16::try_from(begin / 8).expect("a short datagram");
        let payload = &datagram[begin..end];
        let mut frame = [[2, 0, 0, 0, 0, 2], [2, 0, 0, 0, 0, 1]].concat();
        match (address(from.0), address(to.0)) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let length = u16::try_from(payload.len()).expect("a short datagram");
                let mut header =
                    Ipv4Header::new(length, 64, IpNumber::UDP, source.octets(), destination.octets())
                        .expect("a short datagram");
                header.dont_fragment = false;
                (header.identification, header.more_fragments) = (7, more);
                header.fragment_offset = offset.try_into().expect("13 bits");
                frame.extend([8, 0]);
                header.write(&mut frame).expect("memory does not fail");
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                let header = Ipv6Header {
                    payload_length: u16::try_from(payload.len() + 8).expect("a short datagram"),
                    next_header: IpNumber::IPV6_FRAGMENTATION_HEADER,
                    hop_limit: 64,
                    source: source.octets(),
                    destination: destination.octets(),
                    ..Ipv6Header::default()
                };
                frame.extend([0x86, 0xdd]);
                header.write(&mut frame).expect("memory does not fail");
                // RFC 8200 section 4.5.
                frame.extend([IpNumber::UDP.0, 0]);
                frame.extend((offset << 3 | u16::from(more)).to_be_bytes());
                frame.extend([0, 0, 0, 7]);
            }
            _ => panic!("{} and {} are of different families", from.0, to.0),
        }
        frame.extend(payload);
        frame
    };
    [fragment(0, FIRST), fragment(FIRST, datagram.len())]
}

/// The frame with this many tags of 802.1Q.
pub(crate) fn tagged(frame: &[u8], tags: usize) -> Vec<u8> {
    let (addresses, rest) = frame.split_at(12);
    [addresses, &[0x81, 0, 0, 5].repeat(tags), rest].concat()
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
