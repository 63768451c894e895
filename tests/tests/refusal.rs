//! What is answered to what must not leave is what its peer, or a router, would answer: by another parser.

use std::net::{Ipv4Addr, Ipv6Addr};

use etherparse::{
    Ethernet2Header, Icmpv4Slice, Icmpv6Slice, NetSlice, PacketBuilder, SlicedPacket, TransportSlice,
};
use portguard_common::wire::refusal::{
    LEN4, LEN6, PROHIBITED_LEN4, PROHIBITED_LEN6, prohibited4, prohibited6, reset4, reset6,
};

const NODE: [u8; 6] = [2, 0, 0, 0, 0, 1];
const ROUTER: [u8; 6] = [2, 0, 0, 0, 0, 2];
const NODE_V4: Ipv4Addr = Ipv4Addr::new(10, 88, 0, 1);
const PEER_V4: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 255);
const NODE_V6: Ipv6Addr = Ipv6Addr::new(0xfd88, 0, 0, 0, 0, 0, 0, 1);
const PEER_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0xffff, 0xffff, 0, 0, 9);
const PORTS: [u16; 2] = [40_001, 65_535];

/// The least and the greatest, and those whose sums carry.
const SEQUENCES: [u32; 5] = [0, 1, 0xffff, 0xdead_beef, u32::MAX];

fn check(answer: &[u8], asked: u32) {
    let packet = SlicedPacket::from_ethernet(answer).expect("a frame that can be read");
    let ethernet = Ethernet2Header::from_slice(answer).expect("a header").0;
    assert_eq!((ethernet.source, ethernet.destination), (ROUTER, NODE));
    let Some(TransportSlice::Tcp(tcp)) = packet.transport else { panic!("{packet:?} is no TCP") };
    assert_eq!([tcp.destination_port(), tcp.source_port()], PORTS);
    assert_eq!((tcp.rst(), tcp.ack(), tcp.syn(), tcp.fin()), (true, true, false, false));
    assert_eq!((tcp.sequence_number(), tcp.acknowledgment_number()), (0, asked.wrapping_add(1)));
    assert_eq!(tcp.header_slice().len() + tcp.payload().len(), 20, "no options and no data");
    match packet.net.expect("an IP header") {
        NetSlice::Ipv4(ip) => {
            let header = ip.header().to_header();
            assert_eq!((ip.header().source_addr(), ip.header().destination_addr()), (PEER_V4, NODE_V4));
            assert_eq!(header.header_checksum, header.calc_header_checksum());
            assert_eq!((header.time_to_live, usize::from(header.total_len)), (64, LEN4 - 14));
            assert_eq!(
                tcp.checksum(),
                tcp.to_header().calc_checksum_ipv4(&header, &[]).expect("it is short")
            );
        }
        NetSlice::Ipv6(ip) => {
            let header = ip.header().to_header();
            assert_eq!((ip.header().source_addr(), ip.header().destination_addr()), (PEER_V6, NODE_V6));
            assert_eq!((header.hop_limit, usize::from(header.payload_length)), (64, 20));
            assert_eq!(
                tcp.checksum(),
                tcp.to_header().calc_checksum_ipv6(&header, &[]).expect("it is short")
            );
        }
        other @ NetSlice::Arp(_) => panic!("{other:?} is no IP"),
    }
}

fn check_prohibited(answer: &[u8], datagram: &[u8], [kind, code]: [u8; 2]) {
    let packet = SlicedPacket::from_ethernet(answer).expect("a frame that can be read");
    let (message, expected) = match packet.net.expect("an IP header") {
        NetSlice::Ipv4(ip) => {
            let header = ip.header().to_header();
            assert_eq!((ip.header().source_addr(), ip.header().destination_addr()), (PEER_V4, NODE_V4));
            assert_eq!(header.header_checksum, header.calc_header_checksum());
            let message = ip.payload().payload;
            let icmp = Icmpv4Slice::from_slice(message).expect("a message");
            (message, icmp.icmp_type().calc_checksum(icmp.payload()))
        }
        NetSlice::Ipv6(ip) => {
            let header = ip.header().to_header();
            assert_eq!((ip.header().source_addr(), ip.header().destination_addr()), (PEER_V6, NODE_V6));
            let message = ip.payload().payload;
            let icmp = Icmpv6Slice::from_slice(message).expect("a message");
            let sum = icmp.icmp_type().calc_checksum(header.source, header.destination, icmp.payload());
            (message, sum.expect("it is short"))
        }
        other @ NetSlice::Arp(_) => panic!("{other:?} is no IP"),
    };
    assert_eq!(message[..2], [kind, code]);
    assert_eq!(message[2..4], expected.to_be_bytes());
    assert_eq!(message[8..], datagram[14..], "it quotes the datagram's headers");
}

#[test]
fn a_datagram_is_said_to_be_prohibited() {
    let [from, to] = PORTS;
    let ethernet = || PacketBuilder::ethernet2(NODE, ROUTER);
    let mut frame = Vec::new();
    let request = ethernet().ipv4(NODE_V4.octets(), PEER_V4.octets(), 9).udp(from, to);
    request.write(&mut frame, &[]).expect("memory does not fail");
    let mut answer = [1; PROHIBITED_LEN4];
    prohibited4(frame[..].try_into().expect("it has no data"), &mut answer);
    check_prohibited(&answer, &frame, [3, 13]);
    let mut frame = Vec::new();
    let request = ethernet().ipv6(NODE_V6.octets(), PEER_V6.octets(), 9).udp(from, to);
    request.write(&mut frame, &[]).expect("memory does not fail");
    let mut answer = [1; PROHIBITED_LEN6];
    prohibited6(frame[..].try_into().expect("it has no data"), &mut answer);
    check_prohibited(&answer, &frame, [1, 1]);
}

#[test]
fn the_reset_is_what_a_peer_would_send_on_which_nobody_listens() {
    for asked in SEQUENCES {
        let [from, to] = PORTS;
        let ethernet = || PacketBuilder::ethernet2(NODE, ROUTER);
        let mut frame = Vec::new();
        let request =
            ethernet().ipv4(NODE_V4.octets(), PEER_V4.octets(), 9).tcp(from, to, asked, 64_240).syn();
        request.write(&mut frame, &[]).expect("memory does not fail");
        let mut reset = [1; LEN4];
        reset4(frame[..].try_into().expect("it has no options"), &mut reset);
        check(&reset, asked);
        let mut frame = Vec::new();
        let request =
            ethernet().ipv6(NODE_V6.octets(), PEER_V6.octets(), 9).tcp(from, to, asked, 64_240).syn();
        request.write(&mut frame, &[]).expect("memory does not fail");
        let frame: &[u8; LEN6] = frame[..].try_into().expect("it has no options");
        let mut reset = [1; LEN6];
        reset6(frame, &mut reset);
        check(&reset, asked);
    }
}
