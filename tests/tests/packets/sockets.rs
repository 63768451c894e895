//! A network namespace of the test's own with real sockets in it, and what the socket table must hold for a packet.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream},
    process::Command,
};

use nix::sched::{CloneFlags, unshare};
use portguard::{compile::Kernel, matrix::Hook};
use portguard_common::{Reason, tables::SocketState};
use portguard_tests::{
    craft::{V4, V6, tagged, tcp_from, udp},
    sample::{NODE_V4, NODE_V6},
    twin::Twin,
};
use socket2::{Domain, Socket, Type};

use crate::case::{CLIENT, STRANGER, dropping};

pub(crate) const ESTABLISHED: u32 = 1;
pub(crate) const SYN_SENT: u32 = 2;
pub(crate) const FIN_WAIT2: u32 = 5;
pub(crate) const TIME_WAIT: u32 = 6;
pub(crate) const CLOSE: u32 = 7;
pub(crate) const CLOSE_WAIT: u32 = 8;
pub(crate) const LISTEN: u32 = 10;
pub(crate) const NEW_SYN_RECV: u32 = 12;

/// What the socket table holds for one packet.
#[derive(Clone, Copy, Default)]
pub(crate) struct Known {
    pub(crate) tcp: Option<u32>,
    pub(crate) listener: bool,
    pub(crate) udp: Option<u32>,
}

impl Kernel for Known {
    fn tcp(&self, _peer: SocketAddr, _local: SocketAddr) -> Option<SocketState> {
        self.tcp.map(SocketState)
    }

    fn tcp_listener(&self, _local: SocketAddr) -> bool {
        self.listener
    }

    fn udp(&self, _peer: SocketAddr, _local: SocketAddr) -> Option<SocketState> {
        self.udp.map(SocketState)
    }

    fn udp_listener(&self, _local: SocketAddr) -> bool {
        self.listener
    }
}

pub(crate) const NOTHING: Known = Known { tcp: None, listener: false, udp: None };

pub(crate) const fn own(state: u32) -> Known {
    Known { tcp: Some(state), ..NOTHING }
}

pub(crate) const fn datagrams(state: u32) -> Known {
    Known { udp: Some(state), ..NOTHING }
}

pub(crate) const LISTENER: Known = Known { tcp: Some(LISTEN), listener: true, udp: None };

/// A namespace where the node and its peers have their addresses, for this thread alone. What is sent to 10.9.0.0/16 and
/// fd09::/16 gets no answer.
pub(crate) fn enter_namespace() {
    unshare(CloneFlags::CLONE_NEWNET).expect("the tests run as root");
    let peers = [CLIENT, STRANGER].map(|host| (Ipv4Addr::from(host.0), Ipv6Addr::from(host.1)));
    let lines = format!(
        "link set lo up\naddress add {NODE_V4} dev lo\naddress add {NODE_V6} dev lo nodad\n\
         link add void type veth peer name beyond\nlink set void arp off up\nlink set beyond up\nroute add 10.9.0.0/16 dev void src {NODE_V4}\n\
         route add fd09::/16 dev void src {NODE_V6}\n"
    );
    let addresses = peers.map(|(v4, v6)| format!("address add {v4} dev lo\naddress add {v6} dev lo nodad\n"));
    for line in lines.lines().chain(addresses.iter().flat_map(|lines| lines.lines())) {
        let status = Command::new("ip").args(line.split_whitespace()).status().expect("ip is there");
        assert!(status.success(), "ip {line}");
    }
}

pub(crate) fn node(like: IpAddr) -> IpAddr {
    if like.is_ipv4() { NODE_V4.into() } else { NODE_V6.into() }
}

pub(crate) fn socket(local: SocketAddr, kind: Type) -> Socket {
    let socket = Socket::new(Domain::for_address(local), kind, None).expect("a socket");
    socket.set_reuse_address(true).expect("an option");
    socket.bind(&local.into()).unwrap_or_else(|error| panic!("{local}: {error}"));
    socket
}

/// The node's own connection from `port` to the peer's port 6000, and the peer's end.
pub(crate) fn connection(peer: IpAddr, port: u16) -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind((peer, 6000)).expect("the port is free");
    let own = socket(SocketAddr::new(node(peer), port), Type::STREAM);
    own.connect(&SocketAddr::new(peer, 6000).into()).expect("it is on this machine");
    let (theirs, _) = listener.accept().expect("it was connected");
    (own.into(), theirs)
}

/// A packet of `peer` to the node.
pub(crate) fn packet(peer: IpAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    match peer {
        IpAddr::V4(peer) => V4::new(peer.octets(), protocol).frame(payload),
        IpAddr::V6(peer) => V6::new(peer.octets(), protocol).frame(payload),
    }
}

pub(crate) fn segment(peer: IpAddr, source: u16, port: u16, flags: u8) -> Vec<u8> {
    packet(peer, 6, &tcp_from(source, port, flags))
}

pub(crate) fn datagram(peer: IpAddr, source: u16, port: u16) -> Vec<u8> {
    packet(peer, 17, &udp(source, port))
}

pub(crate) fn client() -> [IpAddr; 2] {
    [IpAddr::from(CLIENT.0), IpAddr::from(CLIENT.1)]
}

pub(crate) fn stranger() -> [IpAddr; 2] {
    [IpAddr::from(STRANGER.0), IpAddr::from(STRANGER.1)]
}

/// The program at either hook.
pub(crate) fn at_both_hooks() -> [Twin; 2] {
    Hook::INBOUND.map(|hook| Twin::load_at(hook, &dropping()))
}

/// Asks with no tag, with one and with two, in one piece and in several, compares, and looks at the counters at once, which tell the
/// kernel's reason.
pub(crate) fn expect(twins: &mut [Twin; 2], row: &str, frame: &[u8], known: Known, reason: Reason) {
    for twin in twins {
        for tags in [&[][..], &[(0x8100, 0)], &[(0x88a8, 100), (0x8100, 200)]] {
            let frame = tagged(tags, frame);
            assert!(twin.takes(&frame), "{row}: {frame:02x?}");
            assert_eq!(twin.ask_with(&frame, known).reason, reason, "{row}: {frame:02x?}");
            for linear in twin.splits(&frame) {
                let outcome = twin.ask_split_with(&frame, linear, known);
                assert_eq!(outcome.reason, reason, "{row}, in pieces at {linear}: {frame:02x?}");
            }
        }
        twin.check_counters();
    }
}
