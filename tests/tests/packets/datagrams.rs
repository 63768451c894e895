//! What answers the node's own datagrams, by the kernel's socket table, as [`replies`](crate::replies) does for connections:
//! connected sockets and others, groups of sockets at one port, and groups of hosts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use portguard_common::Reason;
use portguard_tests::craft::{V4, V6, udp};
use socket2::{Domain, Socket, Type};

use crate::{
    case::STRANGER,
    sockets::{
        CLOSE, ESTABLISHED, Known, NOTHING, at_both_hooks, client, datagram, datagrams, enter_namespace,
        expect, node, socket, stranger,
    },
};

#[test]
fn only_a_connected_socket_takes_an_answer_by_datagram() {
    enter_namespace();
    let mut twins = at_both_hooks();
    for peer in stranger() {
        let connected = UdpSocket::bind((node(peer), 40_008)).unwrap();
        connected.connect((peer, 53)).unwrap();
        let unconnected = UdpSocket::bind((node(peer), 40_009)).unwrap();
        let mut ask = |row, source, port, known, reason| {
            expect(&mut twins, row, &datagram(peer, source, port), known, reason);
        };
        ask("an answer", 53, 40_008, datagrams(ESTABLISHED), Reason::Reply);
        ask("from another port", 54, 40_008, NOTHING, Reason::NoSocket);
        ask("to another port", 53, 40_010, NOTHING, Reason::NoSocket);
        ask("a socket that takes anybody's", 53, 40_009, datagrams(CLOSE), Reason::Undocumented);
        drop((connected, unconnected));
    }
    for (right, wrong) in stranger().into_iter().zip(client()) {
        let connected = UdpSocket::bind((node(right), 40_008)).unwrap();
        connected.connect((right, 53)).unwrap();
        expect(&mut twins, "from another peer", &datagram(wrong, 53, 40_008), NOTHING, Reason::NoSocket);
        let mut to_many = datagram(right, 53, 40_008);
        to_many[0] = 0xff;
        let known = datagrams(ESTABLISHED);
        expect(&mut twins, "to several hosts", &to_many, known, Reason::Undocumented);
        drop(connected);
    }
    // A server that connects a socket of the same port to each client: whoever it was, the matrix says who may come.
    for peer in stranger() {
        let open = socket(SocketAddr::new(node(peer), 40_013), Type::DGRAM);
        let connected = socket(SocketAddr::new(node(peer), 40_013), Type::DGRAM);
        connected.connect(&SocketAddr::new(peer, 53).into()).unwrap();
        let known = Known { listener: true, ..datagrams(ESTABLISHED) };
        expect(&mut twins, "beside an open socket", &datagram(peer, 53, 40_013), known, Reason::Revoked);
        drop(open);
        let answer = datagram(peer, 53, 40_013);
        expect(&mut twins, "without it", &answer, datagrams(ESTABLISHED), Reason::Reply);
    }
}

/// A socket that shares the port with others of its kind.
fn shared(local: SocketAddr) -> Socket {
    let socket = Socket::new(Domain::for_address(local), Type::DGRAM, None).expect("a socket");
    socket.set_reuse_port(true).expect("an option");
    socket.bind(&local.into()).expect("all who are there share the port");
    socket
}

#[test]
fn sockets_that_share_a_port_take_answers_when_each_has_one_peer() {
    enter_namespace();
    let mut twins = at_both_hooks();
    for (peer, wrong) in stranger().into_iter().zip(client()) {
        let local = SocketAddr::new(node(peer), 40_014);
        let open = [(); 3].map(|()| shared(local));
        for source in [53, 54, 6000] {
            let frame = datagram(peer, source, 40_014);
            expect(&mut twins, "to whoever takes it", &frame, datagrams(CLOSE), Reason::Undocumented);
        }
        let frame = datagram(wrong, 53, 40_014);
        expect(&mut twins, "somebody else's", &frame, datagrams(CLOSE), Reason::Undocumented);
        drop(open);

        let peers = [53, 54, 55];
        let connected = peers.map(|port| {
            let one = shared(local);
            one.connect(&SocketAddr::new(peer, port).into()).unwrap();
            one
        });
        for source in peers {
            let answer = datagram(peer, source, 40_014);
            expect(&mut twins, "to the one that asked", &answer, datagrams(ESTABLISHED), Reason::Reply);
        }
        expect(&mut twins, "from another port", &datagram(peer, 56, 40_014), NOTHING, Reason::NoSocket);
        expect(&mut twins, "from another peer", &datagram(wrong, 53, 40_014), NOTHING, Reason::NoSocket);
        drop(connected);
    }
}

#[test]
fn what_goes_to_a_group_of_hosts_is_no_answer_whatever_socket_is_there() {
    const SITE: Ipv6Addr = Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 0, 0xfb);
    const DNS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
    const SUBNET: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 255);
    enter_namespace();
    let mut twins = at_both_hooks();
    let to4 = |to: Ipv4Addr, port| V4 { destination: to.octets(), ..STRANGER.v4(17) }.frame(&udp(5353, port));
    let to6 = |port| V6 { destination: SITE.octets(), ..STRANGER.v6(17) }.frame(&udp(5353, port));
    // A socket that takes anybody's is found, and helps nobody.
    let any4 = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 40_011)).unwrap();
    let any6 = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 40_015)).unwrap();
    any6.join_multicast_v6(&SITE, 1).unwrap();
    let found = datagrams(CLOSE);
    expect(&mut twins, "multicast", &to4(DNS, 40_011), found, Reason::Undocumented);
    expect(&mut twins, "multicast", &to6(40_015), found, Reason::Undocumented);
    expect(&mut twins, "a broadcast for one host", &to4(SUBNET, 40_011), found, Reason::Undocumented);
    expect(&mut twins, "everybody", &to4(Ipv4Addr::BROADCAST, 40_011), found, Reason::Undocumented);
    drop((any4, any6));
    // One that is bound to the group and has one peer is of exactly these ends.
    for (group, peer, frame) in [
        (IpAddr::from(DNS), STRANGER.0.into(), to4(DNS, 40_016)),
        (SITE.into(), IpAddr::from(STRANGER.1), to6(40_016)),
    ] {
        let bound = socket(SocketAddr::new(group, 40_016), Type::DGRAM);
        bound.connect(&SocketAddr::new(peer, 5353).into()).unwrap();
        let found = datagrams(ESTABLISHED);
        expect(&mut twins, "to a group with one peer", &frame, found, Reason::Undocumented);
        drop(bound);
    }
}
