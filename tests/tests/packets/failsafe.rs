//! Failsafe groups: their members reach everything that a real peer can ask for, and nobody else gains anything.

use std::net::{IpAddr, Ipv6Addr};

use portguard::matrix::{Direction, GroupId, Matrix, Origin, Peer, PeerKind, Rule, Service, ZoneId};
use portguard_common::Reason;
use portguard_tests::{
    craft::{V4, V6, authentication, fragment, icmp, options, tcp, udp},
    sample::{NODE_V4, NODE_V6},
};

use crate::case::{
    ACK, CLIENT, Case, META, STRANGER, SYN, Source, both, check, dropping, drops, passes, passing,
};

/// `matrix` with the meta nodes as its failsafe group. They are admitted to 8089/tcp by a rule of their own.
fn with_failsafe(mut matrix: Matrix) -> Matrix {
    let meta = matrix.groups.iter().position(|group| group.name == "meta").expect("the site has one");
    matrix.rules.push(Rule {
        origin: Origin::Failsafe { line: 3 },
        description: String::new(),
        direction: Direction::In,
        service: Service::All,
        zones: vec![ZoneId::new(0)],
        peers: vec![Peer { role: "meta".to_owned(), kind: PeerKind::Groups(vec![GroupId::new(meta)]) }],
    });
    matrix
}

fn admitted(
    row: &str,
    source: Source,
    protocol: u8,
    shape: &str,
    payload: &[u8],
    port: &'static str,
) -> Vec<Case> {
    both(source, protocol, shape, payload)
        .map(|(shape, frame)| passes(row, &shape, frame, Reason::Admitted).at(port))
        .to_vec()
}

/// What a member is admitted to, at `source`, and where it is counted.
fn everything() -> Vec<Case> {
    let mut sctp = udp(40_000, 36_412);
    sctp.resize(12, 0);
    let mut cases = [
        admitted("a port of its own rules", META, 6, "tcp:8089/S", &tcp(8089, SYN), "8089/tcp"),
        admitted("documented for others", META, 6, "tcp:8086/S", &tcp(8086, SYN), "8086/tcp"),
        admitted("documented for others, UDP", META, 17, "udp:53", &udp(40_000, 53), "53/udp"),
        admitted("a connection that goes on", META, 6, "tcp:8086/A", &tcp(8086, ACK), "8086/tcp"),
        admitted("undocumented", META, 6, "tcp:22/S", &tcp(22, SYN), "other"),
        admitted("undocumented, port 0", META, 6, "tcp:0/S", &tcp(0, SYN), "other"),
        admitted("undocumented, the last port", META, 17, "udp:65535", &udp(40_000, 65_535), "other"),
        admitted("undocumented SCTP", META, 132, "sctp:36412", &sctp, "other"),
    ]
    .concat();
    for number in [4, 33, 41, 47, 50, 88, 94, 112, 115, 137, 143] {
        let shape = format!("ip:{number}");
        cases.extend(admitted("tunnels and all else", META, number, &shape, &[0; 24], "other"));
    }
    cases.extend([5, 13, 17].map(|kind| {
        let frame = META.v4(1).frame(&icmp(kind));
        passes("every type", &format!("v4 icmp:{kind}"), frame, Reason::Admitted).at("other")
    }));
    cases.extend([137, 139, 140].map(|kind| {
        let frame = META.v6(58).frame(&icmp(kind));
        passes("every type", &format!("v6 icmp:{kind}"), frame, Reason::Admitted).at("other")
    }));
    cases.extend([
        passes("a ping, documented for others", "v4 icmp:8", META.v4(1).frame(&icmp(8)), Reason::Admitted)
            .at("icmpv4/8"),
        passes(
            "behind an authentication header",
            "v6 ah tcp:22/S",
            V6 { extensions: vec![(51, authentication(3))], ..META.v6(6) }.frame(&tcp(22, SYN)),
            Reason::Admitted,
        )
        .at("other"),
        passes(
            "a first fragment",
            "v4@0+ tcp:22/S",
            V4 { fragment: 0x2000, ..META.v4(6) }.frame(&tcp(22, SYN)),
            Reason::Admitted,
        )
        .at("other"),
    ]);
    cases
}

fn later(source: Source, protocol: u8) -> [(String, Vec<u8>); 2] {
    let extensions = vec![(44, fragment(185, false))];
    [
        (format!("v4@185 ip:{protocol}"), V4 { fragment: 185, ..source.v4(protocol) }.frame(&[0; 16])),
        (format!("v6 frag@185 ip:{protocol}"), V6 { extensions, ..source.v6(protocol) }.frame(&[0; 16])),
    ]
}

#[test]
fn a_member_is_admitted_to_everything_under_either_posture() {
    check(&with_failsafe(dropping()), everything());
    check(&with_failsafe(passing()), everything());
}

#[test]
fn later_fragments_of_any_protocol_may_come_from_members() {
    let mut cases = Vec::new();
    for protocol in [6, 17, 132, 47, 112] {
        cases.extend(
            later(META, protocol).map(|(shape, frame)| {
                passes("a member's later fragment", &shape, frame, Reason::LaterFragment)
            }),
        );
        cases.extend(later(STRANGER, protocol).map(|(shape, frame)| {
            drops("a stranger's later fragment", &shape, frame, Reason::FragmentSource)
        }));
    }
    check(&with_failsafe(dropping()), cases);
}

#[test]
fn what_no_peer_can_have_sent_drops_from_members_as_from_all_others() {
    let mut site = with_failsafe(dropping());
    // Not even an address of the node itself, nor a loopback address, that somebody puts into the group is let in.
    let meta = site.groups.iter_mut().find(|group| group.name == "meta").expect("the site has one");
    for text in ["127.0.0.0/8", "224.0.0.0/4", "0.0.0.0/8", "::/96", "ff00::/8"] {
        meta.prefixes.push(text.parse().expect("a prefix"));
    }
    for own in [IpAddr::from(NODE_V4), IpAddr::from(NODE_V6)] {
        meta.prefixes.push(own.into());
    }
    meta.prefixes.sort_unstable();
    let syn = tcp(22, SYN);
    let martian4 = |row, source| drops(row, "v4 tcp:22/S", V4::new(source, 6).frame(&syn), Reason::Martian);
    let martian6 = |row, source: Ipv6Addr| {
        drops(row, "v6 tcp:22/S", V6::new(source.octets(), 6).frame(&syn), Reason::Martian)
    };
    let depth = vec![(60, options(1)); 9];
    check(
        &site,
        vec![
            martian4("our own", NODE_V4.octets()),
            martian4("loopback", [127, 0, 0, 1]),
            martian4("multicast", [224, 0, 0, 1]),
            martian4("this network", [0, 1, 2, 3]),
            martian6("our own", NODE_V6),
            martian6("loopback", Ipv6Addr::LOCALHOST),
            martian6("multicast", Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1)),
            drops("a header cut short", "v4 tcp !", META.v4(6).frame(&syn[..12]), Reason::Short),
            drops(
                "a source route",
                "v4/7 tcp:22/S",
                V4 { options: vec![137, 7, 4, 10, 0, 0, 1, 0], ..META.v4(6) }.frame(&syn),
                Reason::SourceRoute,
            ),
            drops(
                "too many extension headers",
                "v6 dst dst dst dst dst dst dst dst dst tcp:22/S",
                V6 { extensions: depth, ..META.v6(6) }.frame(&syn),
                Reason::ExtensionDepth,
            ),
            drops(
                "a first fragment without its whole header",
                "v4@0+ tcp !",
                V4 { fragment: 0x2000, ..META.v4(6) }.frame(&syn[..8]),
                Reason::FragmentTiny,
            ),
        ],
    );
}

#[test]
fn nobody_else_gains_anything() {
    let mut cases = Vec::new();
    for source in [CLIENT, STRANGER] {
        cases.extend(
            both(source, 6, "tcp:22/S", &tcp(22, SYN))
                .map(|(shape, frame)| drops("undocumented", &shape, frame, Reason::Undocumented)),
        );
        cases.extend(both(source, 6, "tcp:8091/S", &tcp(8091, SYN)).map(|(shape, frame)| {
            drops("documented for others", &shape, frame, Reason::SourceNotAdmitted).at("8091/tcp")
        }));
        cases.extend(
            both(source, 47, "ip:47", &[0; 24])
                .map(|(shape, frame)| drops("a tunnel", &shape, frame, Reason::Protocol)),
        );
        cases.push(drops("a redirect", "v4 icmp:5", source.v4(1).frame(&icmp(5)), Reason::IcmpType));
    }
    check(&with_failsafe(dropping()), cases);
}
