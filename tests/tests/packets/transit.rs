//! P120: what the node sends on to others, by the kernel's routes: a network namespace of the test's own that is a router, and packets
//! through it. The native verdict is told what the kernel must answer.

use std::{fs, net::IpAddr, process::Command};

use portguard::{
    compile::Kernel,
    matrix::{Hook, Matrix, Posture},
};
use portguard_common::Reason;
use portguard_tests::{
    craft::{V4, V6, fragment, icmp, options, tcp, udp},
    sample::{NODE_V4, NODE_V6},
    twin::{Twin, at_tcx},
};

use crate::{
    case::{ACK, CLIENT, Case, NEIGHBOUR, STRANGER, SYN, Source, both_to, dropping, drops, passes},
    sockets::enter_namespace,
};

/// Somebody behind the node.
const BEYOND: Source = Source([10, 9, 0, 7], [0xfd, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
/// Where a route says that nobody is.
const NOWHERE: Source = Source([10, 9, 1, 7], [0xfd, 9, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
/// An address that the node has got since the image was compiled.
const LATE: Source = Source([10, 9, 2, 7], [0xfd, 9, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);

/// What the kernel says of every packet that it is asked about.
#[derive(Clone, Copy)]
struct SendsOn(bool);

impl Kernel for SendsOn {
    fn forwards(&self, _source: IpAddr, _destination: IpAddr) -> bool {
        self.0
    }
}

fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split_whitespace()).status().expect("ip is there");
    assert!(status.success(), "ip {arguments}");
}

fn forward(on: bool) {
    for setting in ["ipv4/ip_forward", "ipv6/conf/all/forwarding"] {
        let value = if on { "1" } else { "0" };
        fs::write(format!("/proc/sys/net/{setting}"), value).expect("root of the namespace");
    }
}

/// This thread's network becomes a router's, to [`BEYOND`] and not to [`NOWHERE`].
fn enter_router() {
    enter_namespace();
    forward(true);
    ip("route add prohibit 10.9.1.0/24");
    ip("route add blackhole fd09:1::/32");
}

/// The program at either hook for a node that was a router when the image was compiled.
fn routers(site: &Matrix) -> [Twin; 2] {
    Hook::INBOUND.map(|hook| match hook {
        Hook::Tcx => Twin::load_router(&at_tcx(site), 0),
        Hook::Xdp | Hook::Egress | Hook::Clsact => Twin::load_router(site, 0),
    })
}

fn check(twins: &mut [Twin; 2], cases: &[Case], sends_on: bool) {
    for twin in twins {
        for case in cases {
            case.try_with(twin, SendsOn(sends_on));
        }
    }
}

fn to4(source: Source, protocol: u8, payload: &[u8], destination: [u8; 4]) -> Vec<u8> {
    V4 { destination, ..source.v4(protocol) }.frame(payload)
}

fn to6(source: Source, protocol: u8, payload: &[u8], destination: [u8; 16]) -> Vec<u8> {
    V6 { destination, ..source.v6(protocol) }.frame(payload)
}

/// Packets of the stranger's that only the rules are against.
fn against_the_rules(to: Source) -> Vec<(String, Vec<u8>, Reason)> {
    let mut packets = Vec::new();
    let mut add = |protocol, shape: &str, payload: &[u8], reason| {
        for (shape, frame) in both_to(to, STRANGER, protocol, shape, payload) {
            packets.push((shape, frame, reason));
        }
    };
    add(6, "tcp:8086/S", &tcp(8086, SYN), Reason::SourceNotAdmitted);
    add(6, "tcp:4000/S", &tcp(4000, SYN), Reason::Undocumented);
    add(6, "tcp:4000/A+", &[&tcp(4000, ACK)[..], b"data"].concat(), Reason::NoSocket);
    add(6, "tcp:8086/A", &tcp(8086, ACK), Reason::Stale);
    add(17, "udp:53", &udp(4000, 53), Reason::SourceNotAdmitted);
    add(17, "udp:4000", &udp(53, 4000), Reason::NoSocket);
    add(47, "ip:47", &[0; 8], Reason::Protocol);
    add(132, "sctp:4000", &[&udp(40_000, 4000)[..], &[0; 4]].concat(), Reason::Protocol);
    packets.push(("v4 icmp:8".to_owned(), to4(STRANGER, 1, &icmp(8), to.0), Reason::SourceNotAdmitted));
    packets.push(("v6 icmp:128".to_owned(), to6(STRANGER, 58, &icmp(128), to.1), Reason::SourceNotAdmitted));
    packets.push(("v6 icmp:137".to_owned(), to6(STRANGER, 58, &icmp(137), to.1), Reason::IcmpType));
    let later = V4 { destination: to.0, fragment: 185, ..STRANGER.v4(6) }.frame(&[1; 32]);
    packets.push(("v4@185 ip:6".to_owned(), later, Reason::FragmentSource));
    let extensions = vec![(44, fragment(185, false))];
    let later = V6 { destination: to.1, extensions, ..STRANGER.v6(6) }.frame(&[1; 32]);
    packets.push(("v6 frag@185 ip:6".to_owned(), later, Reason::FragmentSource));
    packets.push(("v4 icmp:5".to_owned(), to4(STRANGER, 1, &icmp(5), to.0), Reason::IcmpType));
    packets
}

fn as_transit(to: Source) -> Vec<Case> {
    let passing =
        |(shape, frame, _): (String, Vec<u8>, Reason)| passes("for others", &shape, frame, Reason::Transit);
    against_the_rules(to).into_iter().map(passing).collect()
}

fn as_ever(row: &str, to: Source) -> Vec<Case> {
    let port = |shape: &str| match shape.split_once(' ').map(|(_, what)| what) {
        Some("tcp:8086/S" | "tcp:8086/A") => Some("8086/tcp"),
        Some("udp:53") => Some("53/udp"),
        Some("icmp:8") => Some("icmpv4/8"),
        Some("icmp:128") => Some("icmpv6/128"),
        _ => None,
    };
    let dropping = |(shape, frame, reason): (String, Vec<u8>, Reason)| {
        let case = drops(row, &shape, frame, reason);
        match port(&shape) {
            Some(port) => case.at(port),
            None => case,
        }
    };
    against_the_rules(to).into_iter().map(dropping).collect()
}

/// The node's own addresses.
fn node() -> Source {
    Source(NODE_V4.octets(), NODE_V6.octets())
}

#[test]
fn what_the_node_sends_on_passes_and_what_is_for_the_node_itself_follows_the_rules() {
    enter_router();
    let twins = &mut routers(&dropping());
    check(twins, &as_transit(BEYOND), true);
    check(twins, &as_ever("for the node itself", node()), true);
    check(twins, &as_ever("the routes say that nobody is there", NOWHERE), false);
    let admitted = both_to(BEYOND, CLIENT, 6, "tcp:8086/S", &tcp(8086, SYN));
    let admitted = admitted.map(|(shape, frame)| {
        passes("the rules are asked first", &shape, frame, Reason::Admitted).at("8086/tcp")
    });
    check(twins, &admitted, true);
}

#[test]
fn an_address_that_the_node_got_a_moment_ago_is_its_own_to_the_kernel() {
    enter_router();
    let twins = &mut routers(&dropping());
    let [v4, v6] = [IpAddr::from(LATE.0), IpAddr::from(LATE.1)];
    check(twins, &as_transit(LATE), true);
    ip(&format!("address add {v4} dev lo"));
    ip(&format!("address add {v6} dev lo nodad"));
    check(twins, &as_ever("it is the node's now", LATE), false);
}

#[test]
fn a_node_that_is_no_router_any_more_judges_all() {
    enter_router();
    let twins = &mut routers(&dropping());
    forward(false);
    check(twins, &as_ever("nothing is sent on", BEYOND), false);
}

#[test]
fn a_site_may_have_all_judged_alike() {
    enter_router();
    let twins = &mut routers(&Matrix { transit: Posture::Drop, ..dropping() });
    check(twins, &as_ever("the site says so", BEYOND), true);
}

#[test]
fn what_is_for_several_hosts_is_not_for_others() {
    enter_router();
    // By this route alone everything would be.
    ip("route add default dev void");
    ip("-6 route add default dev void");
    let twins = &mut routers(&dropping());
    let mut cases =
        as_transit(Source([203, 0, 113, 9], [0x20, 1, 0xd, 0xb8, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]));
    let asked = |row, shape: &str, frame| drops(row, shape, frame, Reason::SourceNotAdmitted).at("53/udp");
    let query = udp(4000, 53);
    let mut link4 = to4(STRANGER, 17, &query, BEYOND.0);
    let mut link6 = to6(STRANGER, 17, &query, BEYOND.1);
    link4[..6].fill(0xff);
    link6[..6].copy_from_slice(&[0x33, 0x33, 0, 0, 0, 1]);
    let groups = [
        asked("everybody", "v4 udp:53", to4(STRANGER, 17, &query, [255; 4])),
        asked("a group", "v4 udp:53", to4(STRANGER, 17, &query, [224, 0, 0, 251])),
        asked("reserved", "v4 udp:53", to4(STRANGER, 17, &query, [240, 0, 0, 1])),
        asked(
            "a group",
            "v6 udp:53",
            to6(STRANGER, 17, &query, [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xfb]),
        ),
        asked("by the link's broadcast", "v4 udp:53", link4),
        asked("by a group of the link", "v6 udp:53", link6),
    ];
    cases.extend(groups);
    // The stack takes what nobody sends to nobody for a broadcast.
    let nobody = Source([0; 4], [0; 16]);
    cases.extend([
        drops("nobody", "v4 udp:67", to4(nobody, 17, &udp(68, 67), nobody.0), Reason::NoSocket),
        asked("nobody", "v4 udp:53", to4(STRANGER, 17, &query, [0, 0, 0, 1])),
        asked("nobody", "v6 udp:53", to6(STRANGER, 17, &query, nobody.1)),
        asked("loopback", "v4 udp:53", to4(STRANGER, 17, &query, [127, 0, 0, 1])),
        asked(
            "loopback",
            "v6 udp:53",
            to6(STRANGER, 17, &query, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
        ),
    ]);
    check(twins, &cases, true);
    // Of these the kernel is asked.
    ip("address add 10.99.0.1/24 dev void");
    let local = [
        asked("a neighbour", "v6 udp:53", to6(STRANGER, 17, &query, NEIGHBOUR)),
        asked(
            "everybody in a network of the node's",
            "v4 udp:53",
            to4(STRANGER, 17, &query, [10, 99, 0, 255]),
        ),
    ];
    check(twins, &local, false);
}

#[test]
fn what_asks_each_router_to_look_at_it_is_judged() {
    enter_router();
    let alert = V4 { destination: BEYOND.0, options: vec![148, 4, 0, 0], ..STRANGER.v4(46) }.frame(&[0; 8]);
    let hop_by_hop =
        V6 { destination: BEYOND.1, extensions: vec![(0, options(1))], ..STRANGER.v6(46) }.frame(&[0; 8]);
    let other =
        V6 { destination: BEYOND.1, extensions: vec![(60, options(1))], ..STRANGER.v6(46) }.frame(&[0; 8]);
    let twins = &mut routers(&dropping());
    let cases = [
        drops("router alert", "v4/6 ip:46", alert, Reason::Protocol),
        drops("hop-by-hop options", "v6 hop ip:46", hop_by_hop, Reason::Protocol),
        passes("options for the destination", "v6 dst ip:46", other, Reason::Transit),
    ];
    check(twins, &cases, true);
}

#[test]
fn what_is_wrong_with_a_packet_is_so_wherever_it_goes() {
    enter_router();
    let route = [131, 7, 4, 10, 9, 0, 8, 0];
    let routed =
        V4 { destination: BEYOND.0, options: route.to_vec(), ..STRANGER.v4(6) }.frame(&tcp(4000, SYN));
    let own = Source(NODE_V4.octets(), NODE_V6.octets());
    let cases = [
        drops("a source route", "v4/7 tcp:4000/S", routed, Reason::SourceRoute),
        drops(
            "the node's own source",
            "v4 tcp:4000/S",
            to4(own, 6, &tcp(4000, SYN), BEYOND.0),
            Reason::Martian,
        ),
        drops(
            "the node's own source",
            "v6 tcp:4000/S",
            to6(own, 6, &tcp(4000, SYN), BEYOND.1),
            Reason::Martian,
        ),
        drops(
            "a header cut off",
            "v4 tcp !",
            to4(STRANGER, 6, &tcp(4000, SYN)[..8], BEYOND.0),
            Reason::Short,
        ),
    ];
    check(&mut routers(&dropping()), &cases, true);
}
