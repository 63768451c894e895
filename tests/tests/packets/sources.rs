//! Source addresses that no packet from outside may have.

use std::net::Ipv4Addr;

use ipnet::{IpNet, Ipv4Net};
use portguard_common::{
    Reason,
    abi::{TRIE_NARROW_BIT, TRIE_NODE_BIT},
};
use portguard_tests::{
    cases::matrix,
    craft::{V4, V6, icmp, tcp, udp},
    sample::{NODE_V4, NODE_V6, syn},
    twin::Twin,
};

use crate::case::{Case, SYN, check, dropping, drops, passes, passing};

fn from4(source: [u8; 4]) -> Vec<u8> {
    V4::new(source, 6).frame(&tcp(8086, SYN))
}

fn from6(source: [u16; 8]) -> Vec<u8> {
    V6::new(std::net::Ipv6Addr::from(source).octets(), 6).frame(&tcp(8086, SYN))
}

fn impossible() -> Vec<Case> {
    let v4 = |row, source| drops(row, "v4 tcp:8086/S", from4(source), Reason::Martian);
    let v6 = |row, source| drops(row, "v6 tcp:8086/S", from6(source), Reason::Martian);
    let datagram = V4::new(NODE_V4.octets(), 17).frame(&udp(53, 4000));
    let later = V4 { fragment: 185, ..V4::new(NODE_V4.octets(), 17) }.frame(&[0; 16]);
    vec![
        v4("our own", NODE_V4.octets()),
        drops("our own, UDP", "v4 udp:4000", datagram, Reason::Martian),
        drops("our own, a later fragment", "v4@185 ip:17", later, Reason::Martian),
        drops("our own, a ping", "v4 icmp:8", V4::new(NODE_V4.octets(), 1).frame(&icmp(8)), Reason::Martian),
        v4("loopback", [127, 0, 0, 1]),
        v4("all of loopback", [127, 255, 255, 254]),
        v4("multicast", [224, 0, 0, 1]),
        v4("the last of multicast", [239, 255, 255, 255]),
        v4("reserved", [240, 0, 0, 1]),
        v4("broadcast", [255; 4]),
        v4("this network", [0, 1, 2, 3]),
        v4("unspecified", [0; 4]),
        v6("our own", NODE_V6.segments()),
        v6("loopback", [0, 0, 0, 0, 0, 0, 0, 1]),
        v6("unspecified", [0; 8]),
        v6("multicast", [0xff02, 0, 0, 0, 0, 0, 0, 1]),
        v6("all of multicast", [0xffff; 8]),
        v6("an IPv4 address mapped into IPv6", [0, 0, 0, 0, 0, 0xffff, 0x0a01, 9]),
        v6("our own mapped into IPv6", [0, 0, 0, 0, 0, 0xffff, 0xc000, 0x0201]),
    ]
}

#[test]
fn sources_that_cannot_be_drop_whatever_the_posture() {
    check(&dropping(), impossible());
    check(&passing(), impossible());
}

#[test]
fn the_neighbours_of_those_are_sources_like_others() {
    let v4 = |source| {
        drops("beside an impossible one", "v4 tcp:8086/S", from4(source), Reason::SourceNotAdmitted)
            .at("8086/tcp")
    };
    let v6 = |source| {
        drops("beside an impossible one", "v6 tcp:8086/S", from6(source), Reason::SourceNotAdmitted)
            .at("8086/tcp")
    };
    let cases = vec![
        v4([1, 0, 0, 0]),
        v4([126, 255, 255, 255]),
        v4([128, 0, 0, 0]),
        v4([223, 255, 255, 255]),
        v4([169, 254, 0, 1]),
        v6([0, 0, 0, 0, 0, 0, 0, 2]),
        v6([0, 0, 0, 0, 0, 0xfffe, 0x0a01, 9]),
        v6([0, 0, 0, 0, 1, 0xffff, 0x0a01, 9]),
        v6([0xfe80, 0, 0, 0, 0, 0, 0, 9]),
        v6([0xfeff, 0, 0, 0, 0, 0, 0, 9]),
    ];
    check(&dropping(), cases);
}

#[test]
fn no_address_yet_is_a_source_for_what_finds_one() {
    let nobody4 = |protocol, payload: &[u8]| V4::new([0; 4], protocol).frame(payload);
    let nobody6 = |kind| V6 { hop_limit: 255, ..V6::new([0; 16], 58) }.frame(&icmp(kind));
    let cases = vec![
        drops(
            "a DHCP client's question, for the rules",
            "v4 udp:67",
            nobody4(17, &udp(68, 67)),
            Reason::NoSocket,
        ),
        drops("another port", "v4 udp:4000", nobody4(17, &udp(68, 4000)), Reason::Martian),
        drops("from another port", "v4 udp:67", nobody4(17, &udp(4000, 67)), Reason::Martian),
        drops("cut short", "v4 udp !", nobody4(17, &udp(68, 67)[..7]), Reason::Martian),
        drops(
            "in pieces",
            "v4@0+ udp:67",
            V4 { fragment: 0x2000, ..V4::new([0; 4], 17) }.frame(&udp(68, 67)),
            Reason::Martian,
        ),
        passes("IGMP", "v4 ip:2", nobody4(2, &[0x16, 0, 0, 0, 0, 0, 0, 0]), Reason::Igmp),
        passes("duplicate address detection", "v6 icmp:135", nobody6(135), Reason::NeighbourDiscovery),
        passes("a router solicitation", "v6 icmp:133", nobody6(133), Reason::NeighbourDiscovery),
        drops("a ping", "v6 icmp:128", nobody6(128), Reason::Martian),
        drops("cut short", "v6 icmp !", V6::new([0; 16], 58).frame(&icmp(135)[..7]), Reason::Martian),
    ];
    check(&dropping(), cases);
}

#[test]
fn hosts_that_share_no_network_are_told_from_their_neighbours() {
    // So many that the nodes of the trie for the last octet are narrow ones.
    let host = |index: u32| Ipv4Addr::from(0x6400_0000 + (index << 8) + (index & 0xff));
    let prefixes = (0..40_000).map(|index| IpNet::V4(Ipv4Net::from(host(index)))).collect();
    let mut matrix = matrix().unwrap();
    matrix.groups.iter_mut().find(|group| group.name == "clients").unwrap().prefixes = prefixes;
    let mut twin = Twin::load(&matrix);
    let is_narrow = |entry: &u32| entry & TRIE_NODE_BIT != 0 && entry & TRIE_NARROW_BIT != 0;
    assert!(twin.image().trie4().iter().any(is_narrow), "there is no narrow node");
    for index in (0..40_000).step_by(999) {
        let neighbours = [1, 16].map(|bit| Ipv4Addr::from(host(index).to_bits() ^ bit));
        assert_eq!(twin.ask(&syn(host(index).into(), 8086)).reason, Reason::Admitted);
        for neighbour in neighbours {
            assert_eq!(
                twin.ask(&syn(neighbour.into(), 8086)).reason,
                Reason::SourceNotAdmitted,
                "{neighbour}"
            );
        }
    }
    twin.check_counters();
}
