//! A listener under attack keeps no half-open connections (SYN cookies): an acknowledgement alone opens one, and no socket
//! tells whose. Only the matrix may.

use std::{
    fs,
    io::Read as _,
    net::{IpAddr, SocketAddr, TcpListener},
    time::Duration,
};

use etherparse::TcpHeader;
use portguard_common::Reason;
use portguard_tests::craft::tcp_from;
use socket2::{Domain, Protocol, Socket, Type};

use crate::{
    case::ACK,
    sockets::{
        ESTABLISHED, Known, LISTENER, at_both_hooks, client, enter_namespace, expect, node, own, packet,
        stranger,
    },
};

const FROM: u16 = 6000;

/// A peer whose segments the test writes. Its own stack resets what it is answered: a connection that the node held half open
/// would be gone by that, and a cookie is not.
struct Peer {
    address: IpAddr,
    raw: Socket,
}

impl Peer {
    fn new(address: IpAddr) -> Self {
        let local = SocketAddr::new(address, 0);
        let raw = Socket::new(Domain::for_address(local), Type::RAW, Some(Protocol::TCP))
            .expect("the tests run as root");
        raw.bind(&local.into()).expect("the address is there");
        raw.set_read_timeout(Some(Duration::from_secs(5))).expect("an option");
        Self { address, raw }
    }

    /// Sends a segment to the node's `port`: a SYN, or what acknowledges `cookie`.
    fn send(&self, port: u16, cookie: Option<u32>) {
        let mut header = TcpHeader::new(FROM, port, 1 + u32::from(cookie.is_some()), 65_535);
        header.syn = cookie.is_none();
        header.ack = cookie.is_some();
        header.acknowledgment_number = cookie.unwrap_or(0);
        let sum = match (self.address, node(self.address)) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                header.calc_checksum_ipv4_raw(from.octets(), to.octets(), &[])
            }
            (IpAddr::V6(from), IpAddr::V6(to)) => {
                header.calc_checksum_ipv6_raw(from.octets(), to.octets(), &[])
            }
            _ => unreachable!("the node has both families"),
        };
        header.checksum = sum.expect("a segment is short");
        let to = SocketAddr::new(node(self.address), 0);
        self.raw.send_to(&header.to_bytes(), &to.into()).expect("it is on this machine");
    }

    /// What the node's `port` wants acknowledged.
    fn cookie(&mut self, port: u16) -> u32 {
        let mut buffer = [0; 1500];
        loop {
            let len = self.raw.read(&mut buffer).expect("the node answers a SYN");
            let header = if self.address.is_ipv4() { usize::from(buffer[0] & 0x0f) * 4 } else { 0 };
            let (segment, _) = TcpHeader::from_slice(&buffer[header..len]).expect("a segment");
            if (segment.source_port, segment.syn, segment.ack) == (port, true, true) {
                return segment.sequence_number.wrapping_add(1);
            }
        }
    }
}

/// A listener that does not wait for ever.
fn listen(address: IpAddr, port: u16) -> TcpListener {
    let listener = TcpListener::bind((address, port)).expect("the port is free");
    let listener = Socket::from(listener);
    listener.set_read_timeout(Some(Duration::from_secs(5))).expect("an option");
    listener.into()
}

/// A segment from the peer that acknowledges `number`.
fn acknowledgement(peer: IpAddr, port: u16, number: u32) -> Vec<u8> {
    let mut segment = tcp_from(FROM, port, ACK);
    segment[4..8].copy_from_slice(&2_u32.to_be_bytes());
    segment[8..12].copy_from_slice(&number.to_be_bytes());
    packet(peer, 6, &segment)
}

#[test]
fn an_acknowledgement_of_a_cookie_needs_the_matrix() {
    enter_namespace();
    fs::write("/proc/sys/net/ipv4/tcp_syncookies", "2").unwrap();
    let mut twins = at_both_hooks();
    for address in [stranger(), client()].concat() {
        for port in [8086, 40_017] {
            let listener = listen(node(address), port);
            let mut peer = Peer::new(address);
            peer.send(port, None);
            let cookie = peer.cookie(port);
            let admitted = port == 8086 && client().contains(&address);
            let reason = if admitted { Reason::Admitted } else { Reason::NoReplyState };
            for number in [cookie, cookie.wrapping_add(1), cookie ^ 1, 0, 1, u32::MAX] {
                let frame = acknowledgement(address, port, number);
                expect(&mut twins, "whatever it acknowledges", &frame, LISTENER, reason);
            }
            // One of them is what the stack waits for.
            peer.send(port, Some(cookie));
            let (opened, _) = listener.accept().expect("a cookie that comes back opens a connection");
            let known = Known { listener: true, ..own(ESTABLISHED) };
            let reason = if admitted { Reason::Admitted } else { Reason::Revoked };
            let frame = acknowledgement(address, port, cookie);
            expect(&mut twins, "what it opened", &frame, known, reason);
            Socket::from(opened).set_linger(Some(Duration::ZERO)).unwrap();
        }
    }
}
