//! What answers the node's own connections, by the kernel's socket table: real sockets in a network namespace of the
//! test's own, and packets to them. The native verdict is told what the kernel must find.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener},
    thread::sleep,
    time::Duration,
};

use etherparse::PacketBuilder;
use portguard::compile::{NativeTables, Node, compile};
use portguard_common::{Arrival, Reason, decide};
use portguard_tests::sample::{NODE_V4, NODE_V6};
use socket2::{Domain, Protocol, Socket, Type};

use crate::{
    case::{ACK, STRANGER, SYN, dropping},
    sockets::{
        CLOSE_WAIT, ESTABLISHED, FIN_WAIT2, Known, LISTEN, LISTENER, NEW_SYN_RECV, NOTHING, SYN_SENT,
        TIME_WAIT, at_both_hooks, client, connection, enter_namespace, expect, node, own, segment, socket,
        stranger,
    },
};

const FIN: u8 = 0x01;
const RST: u8 = 0x04;

#[test]
fn a_connection_of_our_own_is_answered_in_every_state() {
    enter_namespace();
    let mut twins = at_both_hooks();
    for peer in stranger() {
        let port = 40_001;
        let (ours, theirs) = connection(peer, port);
        let mut to_many = segment(peer, 6000, port, ACK);
        to_many[0] = 0xff;
        expect(&mut twins, "to several hosts", &to_many, own(ESTABLISHED), Reason::Undocumented);
        let mut ask = |row, flags, known, reason| {
            expect(&mut twins, row, &segment(peer, 6000, port, flags), known, reason);
        };
        for flags in [ACK, ACK | 0x08, FIN | ACK, RST, RST | ACK, SYN | ACK, 0] {
            ask("established", flags, own(ESTABLISHED), Reason::Reply);
        }
        ask("a SYN never is an answer", SYN, own(ESTABLISHED), Reason::Undocumented);
        ask("nor with FIN beside it", SYN | FIN, own(ESTABLISHED), Reason::Undocumented);
        ask("nor with RST", SYN | RST, own(ESTABLISHED), Reason::Undocumented);
        drop(theirs);
        sleep(Duration::from_millis(50));
        ask("the peer has closed", ACK, own(CLOSE_WAIT), Reason::Reply);
        drop(ours);
        sleep(Duration::from_millis(50));
        ask("gone: a late acknowledgement", ACK, NOTHING, Reason::Stale);
        ask("gone: data", 0x08, NOTHING, Reason::NoSocket);

        let (ours, theirs) = connection(peer, port);
        ours.shutdown(Shutdown::Write).unwrap();
        sleep(Duration::from_millis(50));
        ask("we have closed", ACK, own(FIN_WAIT2), Reason::Reply);
        drop(theirs);
        sleep(Duration::from_millis(50));
        drop(ours);
        ask("waiting for stragglers", FIN | ACK, own(TIME_WAIT), Reason::Reply);
        ask("a SYN to what waits", SYN, own(TIME_WAIT), Reason::Undocumented);
    }
}

#[test]
fn a_connection_that_is_being_opened_takes_its_answer_and_no_other() {
    enter_namespace();
    let mut twins = at_both_hooks();
    for peer in [IpAddr::from([10, 9, 0, 1]), Ipv6Addr::new(0xfd09, 0, 0, 0, 0, 0, 0, 1).into()] {
        let own_end = socket(SocketAddr::new(node(peer), 40_002), Type::STREAM);
        own_end.set_nonblocking(true).unwrap();
        let begun = own_end.connect(&SocketAddr::new(peer, 443).into());
        assert!(begun.is_err_and(|error| error.raw_os_error() == Some(libc::EINPROGRESS)));
        let mut ask = |row, source, port, flags, known, reason| {
            expect(&mut twins, row, &segment(peer, source, port, flags), known, reason);
        };
        ask("SYN and ACK", 443, 40_002, SYN | ACK, own(SYN_SENT), Reason::Reply);
        ask("a refusal", 443, 40_002, RST | ACK, own(SYN_SENT), Reason::Reply);
        ask("a SYN from the other end", 443, 40_002, SYN, own(SYN_SENT), Reason::Undocumented);
        // An acknowledgement or a reset alone may be late, and belong to a connection that is gone.
        for (flags, reason) in [(SYN | ACK, Reason::NoSocket), (ACK, Reason::Stale), (RST, Reason::Stale)] {
            ask("another port of the peer", 444, 40_002, flags, NOTHING, reason);
            ask("another port of the node", 443, 40_003, flags, NOTHING, reason);
        }
    }
    // The right port of the wrong peer.
    for wrong in [IpAddr::from([10, 9, 0, 2]), Ipv6Addr::new(0xfd09, 0, 0, 0, 0, 0, 0, 2).into()] {
        for (flags, reason) in [(SYN | ACK, Reason::NoSocket), (ACK, Reason::Stale), (RST, Reason::Stale)] {
            let frame = segment(wrong, 443, 40_002, flags);
            expect(&mut twins, "another peer", &frame, NOTHING, reason);
        }
    }
}

#[test]
fn an_answer_in_ipv4_finds_a_socket_of_ipv6() {
    enter_namespace();
    let mut twins = at_both_hooks();
    let peer = Ipv4Addr::from(STRANGER.0);
    let _far = TcpListener::bind((peer, 6000)).unwrap();
    let own_end = Socket::new(Domain::IPV6, Type::STREAM, None).unwrap();
    let from = SocketAddr::new(NODE_V4.to_ipv6_mapped().into(), 40_004);
    own_end.bind(&from.into()).unwrap();
    own_end.connect(&SocketAddr::new(peer.to_ipv6_mapped().into(), 6000).into()).unwrap();
    let answer = segment(peer.into(), 6000, 40_004, ACK);
    expect(&mut twins, "of a socket for both families", &answer, own(ESTABLISHED), Reason::Reply);
    let mapped = segment(peer.to_ipv6_mapped().into(), 6000, 40_004, ACK);
    expect(&mut twins, "the same flow written as IPv6", &mapped, NOTHING, Reason::Martian);
}

#[test]
fn a_listener_is_no_reason_to_let_anything_in() {
    enter_namespace();
    let mut twins = at_both_hooks();
    let wildcard = TcpListener::bind((Ipv6Addr::UNSPECIFIED, 40_005)).unwrap();
    let documented = TcpListener::bind((Ipv6Addr::UNSPECIFIED, 8086)).unwrap();
    let mut shared = Vec::new();
    for _ in 0..3 {
        for address in [IpAddr::from(NODE_V4), NODE_V6.into()] {
            let one =
                Socket::new(Domain::for_address(SocketAddr::new(address, 0)), Type::STREAM, None).unwrap();
            one.set_reuse_port(true).unwrap();
            one.bind(&SocketAddr::new(address, 40_006).into()).unwrap();
            one.listen(8).unwrap();
            shared.push(one);
        }
    }
    for peer in stranger() {
        for port in [40_005, 40_006] {
            for flags in [ACK, SYN | ACK, FIN, RST, 0, 0x29] {
                let frame = segment(peer, 6000, port, flags);
                expect(&mut twins, "a scan of a listener", &frame, LISTENER, Reason::NoReplyState);
            }
            let frame = segment(peer, 6000, port, SYN);
            expect(&mut twins, "a connection", &frame, LISTENER, Reason::Undocumented);
        }
        for (flags, reason) in
            [(ACK, Reason::NoReplyState), (FIN, Reason::NoReplyState), (SYN, Reason::SourceNotAdmitted)]
        {
            let frame = segment(peer, 6000, 8086, flags);
            expect(&mut twins, "of a service that is for others", &frame, LISTENER, reason);
        }
    }
    drop((wildcard, documented));
}

#[test]
fn a_half_open_connection_is_no_reason_either() {
    enter_namespace();
    let mut twins = at_both_hooks();
    let listener = TcpListener::bind((NODE_V4, 40_013)).unwrap();
    let peer = Ipv4Addr::new(10, 9, 0, 1);
    // The answer to this SYN goes where nobody is.
    let mut syn = Vec::new();
    let header = PacketBuilder::ipv4(peer.octets(), NODE_V4.octets(), 64).tcp(6000, 40_013, 1, 65_535).syn();
    header.write(&mut syn, &[]).unwrap();
    let raw = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::TCP)).unwrap();
    raw.set_header_included_v4(true).unwrap();
    raw.send_to(&syn, &SocketAddr::new(NODE_V4.into(), 40_013).into()).unwrap();
    // Local address, peer, state: 03 is half open.
    let sockets = fs::read_to_string("/proc/thread-self/net/tcp").unwrap();
    assert!(sockets.lines().any(|line| line.split_whitespace().nth(3) == Some("03")), "{sockets}");
    let half = Known { tcp: Some(NEW_SYN_RECV), listener: true, udp: None };
    let again = segment(peer.into(), 6000, 40_013, SYN);
    expect(&mut twins, "asked for again", &again, half, Reason::Undocumented);
    for flags in [ACK, SYN | ACK, RST, FIN | ACK] {
        let frame = segment(peer.into(), 6000, 40_013, flags);
        expect(&mut twins, "half open", &frame, half, Reason::NoReplyState);
    }
    drop(listener);
}

#[test]
fn a_documented_port_of_our_own_connection_is_answered_until_somebody_listens_there() {
    enter_namespace();
    let mut twins = at_both_hooks();
    // 8086 is InfluxDB's, and the stranger may not reach it; 50070 is in the ephemeral range.
    for peer in stranger() {
        for port in [8086, 50_070] {
            let (ours, theirs) = connection(peer, port);
            let frame = segment(peer, 6000, port, ACK);
            expect(&mut twins, "our own connection", &frame, own(ESTABLISHED), Reason::Reply);
            let near = SocketAddr::new(node(peer), port);
            let listener = Socket::new(Domain::for_address(near), Type::STREAM, None).unwrap();
            listener.set_reuse_address(true).unwrap();
            listener.bind(&near.into()).and_then(|()| listener.listen(8)).expect("nobody listens there yet");
            let known = Known { listener: true, ..own(ESTABLISHED) };
            expect(&mut twins, "somebody listens there", &frame, known, Reason::Revoked);
            drop((ours, theirs, listener));
        }
    }
}

#[test]
fn a_connection_that_a_peer_opened_needs_the_matrix() {
    enter_namespace();
    let mut twins = at_both_hooks();
    for peer in [client(), stranger()].concat() {
        for port in [8086, 40_007] {
            let listener = TcpListener::bind((node(peer), port)).unwrap();
            let theirs = socket(SocketAddr::new(peer, 6001), Type::STREAM);
            theirs.connect(&SocketAddr::new(node(peer), port).into()).unwrap();
            let (ours, _) = listener.accept().unwrap();
            let admitted = port == 8086 && client().contains(&peer);
            let known = Known { listener: true, ..own(ESTABLISHED) };
            let reason = if admitted { Reason::Admitted } else { Reason::Revoked };
            expect(&mut twins, "opened by the peer", &segment(peer, 6001, port, ACK), known, reason);
            // So that neither end stays behind.
            Socket::from(ours).set_linger(Some(Duration::ZERO)).unwrap();
            drop(theirs);
        }
    }
}

#[test]
fn every_state_but_a_listeners_and_a_half_open_one_is_a_connection() {
    // The states of `include/net/tcp_states.h`. Natively: some are too short to be caught.
    let states: Vec<u32> = (1..=12).collect();
    let frame = segment(stranger()[0], 6000, 40_012, ACK);
    let image = compile(&dropping(), &Node::default()).unwrap();
    for state in states {
        for listener in [false, true] {
            let known = Known { listener, ..own(state) };
            let tables = NativeTables::new(&image, known);
            let arrival = Arrival::new(0, false);
            let outcome = decide(&frame[..], arrival, &tables);
            let expected = match (state, listener) {
                (LISTEN | NEW_SYN_RECV, _) => Reason::NoReplyState,
                (_, true) => Reason::Revoked,
                (_, false) => Reason::Reply,
            };
            assert_eq!(outcome.reason, expected, "state {state}, listener {listener}");
        }
    }
}
