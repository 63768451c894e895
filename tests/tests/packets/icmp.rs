//! ICMP for IPv4 and IPv6: what connections and neighbours need passes from anyone, the rest by rule.

use portguard::matrix::{IcmpFamilies, IcmpTypes, Service};
use portguard_common::Reason;
use portguard_tests::{
    craft::{V4, V6, fragment, icmp, tcp, udp},
    sample::NODE_V6,
};

use crate::case::{
    ACK, CLIENT, Case, INTERNAL, NEIGHBOUR, STRANGER, check, dropping, drops, passes, passing, with_rules,
};

fn m4(kind: u8) -> Vec<u8> {
    STRANGER.v4(1).frame(&icmp(kind))
}

fn m6(kind: u8, hop_limit: u8) -> Vec<u8> {
    V6 { hop_limit, ..V6::new(NEIGHBOUR, 58) }.frame(&icmp(kind))
}

fn shape4(kind: u8) -> String {
    format!("v4 icmp:{kind}")
}

fn shape6(kind: u8) -> String {
    format!("v6 icmp:{kind}")
}

/// An error of IPv4 with this code, about a packet that nobody here sent.
fn error4(kind: u8, code: u8) -> Vec<u8> {
    let quoted = V4::new([192, 0, 2, 1], 6).frame(&[0; 8]);
    STRANGER.v4(1).frame(&[&[kind, code, 0, 0, 0, 0, 5, 0xdc][..], &quoted[14..]].concat())
}

#[test]
fn errors_pass_whole_and_from_anyone() {
    let pieces4 = V4 { fragment: 0x2000, ..STRANGER.v4(1) }.frame(&icmp(3));
    let part6 = |more| V6 { extensions: vec![(44, fragment(0, more))], ..STRANGER.v6(58) }.frame(&icmp(2));
    let mut cases = vec![
        drops("an error in pieces", "v4@0+ icmp:3", pieces4, Reason::Short),
        drops("an error in pieces", "v6 frag@0+ icmp:2", part6(true), Reason::Short),
        passes(
            "an error whole behind a fragment header",
            "v6 frag@whole icmp:2",
            part6(false),
            Reason::IcmpError,
        ),
    ];
    cases.extend((0..16).map(|code| {
        passes("unreachable, every code: path MTU is one", &shape4(3), error4(3, code), Reason::IcmpError)
    }));
    cases.extend([11, 12].map(|kind| {
        passes("time exceeded, parameter problem", &shape4(kind), error4(kind, 0), Reason::IcmpError)
    }));
    cases.extend(
        [1, 2, 3, 4].map(|kind| {
            passes("IPv6's errors must never drop", &shape6(kind), m6(kind, 64), Reason::IcmpError)
        }),
    );
    cases.extend((0..8).flat_map(|len| {
        [
            drops("an error cut short", "v4 icmp !", STRANGER.v4(1).frame(&icmp(3)[..len]), Reason::Short),
            drops(
                "an error cut short",
                "v6 dst icmp !",
                V6 { extensions: vec![(60, vec![0, 0, 1, 4, 0, 0, 0, 0])], ..STRANGER.v6(58) }
                    .frame(&icmp(2)[..len]),
                Reason::Short,
            ),
        ]
    }));
    check(&dropping(), cases);
}

#[test]
fn an_error_of_ipv6_passes_whatever_it_quotes() {
    let quote = |source, destination, protocol, payload: &[u8]| {
        V6 { destination, ..V6::new(source, protocol) }.frame(payload).split_off(14)
    };
    let node = NODE_V6.octets();
    let quotes = [
        ("a connection that the node never had", quote(node, STRANGER.1, 6, &tcp(443, ACK))),
        ("a datagram that the node never sent", quote(node, STRANGER.1, 17, &udp(40_000, 53))),
        ("what came to a denied port", quote(STRANGER.1, node, 6, &tcp(22, ACK))),
        ("what others say to each other", quote(CLIENT.1, STRANGER.1, 6, &tcp(443, ACK))),
        ("a ping to others", quote(CLIENT.1, STRANGER.1, 58, &icmp(128))),
        ("nothing", Vec::new()),
    ];
    let mut cases = Vec::new();
    for (row, quoted) in &quotes {
        let kinds = (0..8).map(|code| (1, code)).chain([(2, 0), (3, 0), (3, 1), (4, 0), (4, 1), (4, 2)]);
        for ((kind, code), source) in kinds.flat_map(|kind| [(kind, STRANGER.1), (kind, NEIGHBOUR)]) {
            // Path MTU 1280, or a pointer to nowhere.
            let message = [&[kind, code, 0, 0, 0, 0, 5, 0][..], quoted].concat();
            let frame = V6::new(source, 58).frame(&message);
            cases.push(passes(row, &shape6(kind), frame, Reason::IcmpError));
        }
    }
    check(&dropping(), cases);
}

#[test]
fn echo_requests_follow_the_rules_and_replies_pass() {
    let ping4 = |source: crate::case::Source| source.v4(1).frame(&icmp(8));
    let ping6 = |source: crate::case::Source| source.v6(58).frame(&icmp(128));
    let cases = vec![
        passes("echo reply", &shape4(0), m4(0), Reason::EchoReply),
        passes("echo reply", &shape6(129), m6(129, 64), Reason::EchoReply),
        passes("a ping from who may", &shape4(8), ping4(INTERNAL), Reason::Admitted).at("icmpv4/8"),
        passes("a ping from who may", &shape6(128), ping6(INTERNAL), Reason::Admitted).at("icmpv6/128"),
        drops("a stranger's ping", &shape4(8), ping4(STRANGER), Reason::SourceNotAdmitted).at("icmpv4/8"),
        drops("a stranger's ping", &shape6(128), ping6(STRANGER), Reason::SourceNotAdmitted).at("icmpv6/128"),
        drops("a ping from who may something else", &shape4(8), ping4(CLIENT), Reason::SourceNotAdmitted)
            .at("icmpv4/8"),
    ];
    check(&dropping(), cases);
}

#[test]
fn types_that_attack_or_tell_are_open_by_name_only() {
    let unwanted = || -> Vec<Case> {
        let v4 = [4, 5, 9, 10, 13, 14, 15, 16, 17, 18];
        let v6 = [137, 139, 140];
        let row = "redirects, router discovery, timestamps, masks, source quench, node information";
        let v4 = v4.map(|kind| drops(row, &shape4(kind), m4(kind), Reason::IcmpType));
        let v6 = v6.map(|kind| drops(row, &shape6(kind), m6(kind, 255), Reason::IcmpType));
        v4.into_iter().chain(v6).collect()
    };
    check(&dropping(), unwanted());
    check(&passing(), unwanted());
    let listed =
        |families, types: &[u8]| Service::Icmp { families, types: IcmpTypes::Listed(types.to_vec()) };
    let site = with_rules(dropping(), [listed(IcmpFamilies::V4, &[13]), listed(IcmpFamilies::V6, &[139])]);
    let cases = vec![
        passes("by name", &shape4(13), CLIENT.v4(1).frame(&icmp(13)), Reason::Admitted).at("icmpv4/13"),
        passes("by name", &shape6(139), CLIENT.v6(58).frame(&icmp(139)), Reason::Admitted).at("icmpv6/139"),
        drops("by name, a stranger's", &shape4(13), m4(13), Reason::SourceNotAdmitted).at("icmpv4/13"),
        drops("another that nobody named", &shape4(17), CLIENT.v4(1).frame(&icmp(17)), Reason::IcmpType),
    ];
    check(&site, cases);
}

#[test]
fn neighbours_are_heard() {
    let from = |source: [u8; 16], hop_limit, kind| V6 { hop_limit, ..V6::new(source, 58) }.frame(&icmp(kind));
    let mut cases = Vec::new();
    for kind in [133, 134, 135, 136] {
        let discovery = |more| {
            let extensions = vec![(44, fragment(0, more))];
            V6 { extensions, hop_limit: 255, ..V6::new(NEIGHBOUR, 58) }.frame(&icmp(kind))
        };
        let row = "neighbour discovery";
        cases.extend([
            passes(row, &shape6(kind), m6(kind, 255), Reason::NeighbourDiscovery),
            drops("from beyond the link", &shape6(kind), m6(kind, 254), Reason::NeighbourHopLimit),
            drops("from beyond the link", &shape6(kind), m6(kind, 0), Reason::NeighbourHopLimit),
            drops(
                "in a fragment",
                &format!("v6 frag@0+ icmp:{kind}"),
                discovery(true),
                Reason::NeighbourFragment,
            ),
            drops(
                "with a fragment header",
                &format!("v6 frag@whole icmp:{kind}"),
                discovery(false),
                Reason::NeighbourFragment,
            ),
            passes(
                "from a host that has no address yet",
                &shape6(kind),
                from([0; 16], 255, kind),
                Reason::NeighbourDiscovery,
            ),
            passes(
                "in our own name: another host has our address",
                &shape6(kind),
                from(NODE_V6.octets(), 255, kind),
                Reason::NeighbourDiscovery,
            ),
        ]);
    }
    cases.push(drops(
        "an echo reply in our own name",
        &shape6(129),
        from(NODE_V6.octets(), 64, 129),
        Reason::Martian,
    ));
    cases.push(drops("an error from no address", &shape6(2), from([0; 16], 64, 2), Reason::Martian));
    check(&dropping(), cases);
}

#[test]
fn multicast_listeners_are_heard() {
    let mut cases = Vec::new();
    let alert = vec![(0, vec![0, 0, 5, 2, 0, 0, 1, 0])];
    for kind in [130, 131, 132, 143] {
        let alerted =
            |source| V6 { extensions: alert.clone(), hop_limit: 1, ..V6::new(source, 58) }.frame(&icmp(kind));
        let shape = format!("v6 hop icmp:{kind}");
        cases.extend([
            passes("multicast listeners", &shape6(kind), m6(kind, 1), Reason::MulticastListener),
            passes(
                "with a router alert, as they are sent",
                &shape,
                alerted(NEIGHBOUR),
                Reason::MulticastListener,
            ),
            passes("the same from no address", &shape, alerted([0; 16]), Reason::MulticastListener),
        ]);
    }
    check(&dropping(), cases);
}

#[test]
fn each_family_has_its_own_icmp() {
    let cases = vec![
        drops("IPv6's ICMP in IPv4", "v4 ip:58", STRANGER.v4(58).frame(&icmp(135)), Reason::Protocol),
        drops("IPv4's ICMP in IPv6", "v6 ip:1", STRANGER.v6(1).frame(&icmp(3)), Reason::Protocol),
        drops("a type that nobody knows", "v4 icmp:42", m4(42), Reason::SourceNotAdmitted).at("icmpv4/42"),
    ];
    check(&dropping(), cases);
}
