//! What is neither TCP, UDP nor ICMP: the posture, but tunnels and other name spaces of ports by rule only.

use portguard::matrix::{Service, Transport};
use portguard_common::Reason;
use portguard_tests::craft::{V4, authentication, tcp, udp};

use crate::case::{
    CLIENT, Case, STRANGER, SYN, Source, both, both_to, check, dropping, drops, passes, passing, range,
    with_rules,
};

/// Tunnels, IPsec, name spaces of ports that the filter does not read.
const BY_RULE_ONLY: [u8; 17] = [4, 33, 41, 47, 50, 55, 93, 94, 97, 98, 108, 115, 131, 136, 137, 143, 145];
/// Routing and redundancy: EGP, EIGRP, OSPF, PIM, VRRP, IS-IS.
const BY_POSTURE: [u8; 6] = [8, 88, 89, 103, 112, 124];

fn to_all(row: &str, number: u8, verdict: impl Fn(&str, &str, Vec<u8>) -> Case) -> Vec<Case> {
    // What a tunnel would carry: a packet to an open port.
    let inner = CLIENT.v4(6).frame(&tcp(8086, SYN));
    let shape = format!("ip:{number}");
    both(STRANGER, number, &shape, &inner[14..]).map(|(shape, frame)| verdict(row, &shape, frame)).to_vec()
}

#[test]
fn tunnels_drop_without_a_rule_whatever_the_posture() {
    let opaque = || {
        BY_RULE_ONLY.iter().flat_map(|&number| {
            to_all("a tunnel carries other traffic past the filter", number, |row, shape, frame| {
                drops(row, shape, frame, Reason::Protocol)
            })
        })
    };
    check(&dropping(), opaque().collect());
    check(&passing(), opaque().collect());
}

#[test]
fn other_protocols_follow_the_posture() {
    let all = |verdict: &dyn Fn(&str, &str, Vec<u8>) -> Case| -> Vec<Case> {
        BY_POSTURE.iter().flat_map(|&number| to_all("routing and redundancy", number, verdict)).collect()
    };
    check(&dropping(), all(&|row, shape, frame| drops(row, shape, frame, Reason::Protocol)));
    check(&passing(), all(&|row, shape, frame| passes(row, shape, frame, Reason::ProtocolPassed)));
}

#[test]
fn a_rule_opens_a_protocol_to_those_that_it_admits() {
    let numbers = [
        (4, "ip/4"),
        (41, "ip/41"),
        (47, "ip/47"),
        (50, "ip/50"),
        (93, "ip/93"),
        (112, "ip/112"),
        (115, "ip/115"),
        (136, "ip/136"),
    ];
    let mut cases = Vec::new();
    for (number, name) in numbers {
        let shape = format!("ip:{number}");
        cases.extend(
            both(CLIENT, number, &shape, &[0; 24])
                .map(|(shape, frame)| passes("from who may", &shape, frame, Reason::Admitted).at(name)),
        );
        cases.extend(
            both(STRANGER, number, &shape, &[0; 24])
                .map(|(shape, frame)| drops("from a stranger", &shape, frame, Reason::Protocol).at(name)),
        );
    }
    let rules = numbers.map(|(number, _)| Service::Protocol(number));
    check(&with_rules(dropping(), rules.clone()), cases.clone());
    check(&with_rules(passing(), rules), cases);
}

#[test]
fn a_tunnel_over_udp_passes_by_a_rule_for_its_own_port() {
    let ports =
        [(500, "500/udp"), (4500, "4500/udp"), (4789, "4789/udp"), (6081, "6081/udp"), (51_820, "51820/udp")];
    let inner = STRANGER.v4(6).frame(&tcp(22, SYN));
    let mut cases = Vec::new();
    for (port, name) in ports {
        // What is inside counts for nothing: VXLAN's header, and a packet that would not pass by itself.
        let payload = [&udp(40_000, port)[..8], &[8, 0, 0, 0, 0, 0, 1, 0], &inner].concat();
        let shape = format!("udp:{port}");
        cases.extend(
            both(CLIENT, 17, &shape, &payload)
                .map(|(shape, frame)| passes("from who may", &shape, frame, Reason::Admitted).at(name)),
        );
        cases.extend(both(STRANGER, 17, &shape, &payload).map(|(shape, frame)| {
            drops("from a stranger", &shape, frame, Reason::SourceNotAdmitted).at(name)
        }));
    }
    let rules = ports.map(|(port, _)| range(Transport::Udp, port, port));
    check(&with_rules(dropping(), rules), cases);
}

#[test]
fn what_routers_tell_each_other_by_multicast_needs_a_rule() {
    let all6 = |last: u8| {
        let mut group = [0; 16];
        (group[0], group[1], group[15]) = (0xff, 2, last);
        group
    };
    // OSPF to all routers and to the designated ones, PIM, VRRP, EIGRP: the last bytes of IPv4's group and of IPv6's.
    let numbers = [
        (89, "ip/89", [5, 5]),
        (89, "ip/89", [6, 6]),
        (103, "ip/103", [13, 13]),
        (112, "ip/112", [18, 18]),
        (88, "ip/88", [10, 10]),
    ];
    let to = |source: Source, number, [v4, v6]: [u8; 2]| {
        let mut frames =
            both_to(Source([224, 0, 0, v4], all6(v6)), source, number, &format!("ip:{number}"), &[0; 24]);
        frames[0].1[..6].copy_from_slice(&[1, 0, 0x5e, 0, 0, v4]);
        frames[1].1[..6].copy_from_slice(&[0x33, 0x33, 0, 0, 0, v6]);
        frames
    };
    let (mut ruled, mut without, mut open) = (Vec::new(), Vec::new(), Vec::new());
    for (number, name, group) in numbers {
        for (shape, frame) in to(CLIENT, number, group) {
            ruled.push(passes("from who may", &shape, frame.clone(), Reason::Admitted).at(name));
            without.push(drops("without a rule", &shape, frame.clone(), Reason::Protocol));
            open.push(passes("by the posture", &shape, frame, Reason::ProtocolPassed));
        }
        ruled.extend(
            to(STRANGER, number, group)
                .map(|(shape, frame)| drops("from a stranger", &shape, frame, Reason::Protocol).at(name)),
        );
    }
    check(&with_rules(dropping(), [88, 89, 103, 112].map(Service::Protocol)), ruled);
    check(&dropping(), without);
    check(&passing(), open);
}

#[test]
fn ports_of_other_name_spaces_are_not_udps() {
    let sctp = |source: Source, port: u16, len: usize| {
        let mut header = udp(40_000, port);
        header.resize(12, 0);
        both(
            source,
            132,
            &if len < 12 { "sctp !".to_owned() } else { format!("sctp:{port}") },
            &header[..len],
        )
    };
    let mut cases = Vec::new();
    for number in [33, 136] {
        // 53 is open to the stranger's neighbours over UDP; here it is another port.
        cases.extend(
            both(crate::case::INTERNAL, number, &format!("ip:{number}"), &udp(40_000, 53)).map(
                |(shape, frame)| drops("DCCP and UDP-Lite look like UDP", &shape, frame, Reason::Protocol),
            ),
        );
    }
    cases.extend(
        sctp(CLIENT, 8086, 12)
            .map(|(shape, frame)| drops("SCTP without a rule", &shape, frame, Reason::Protocol)),
    );
    check(&dropping(), cases);
    let without = sctp(CLIENT, 8086, 12).map(|(shape, frame)| {
        drops("SCTP without a rule, whatever the posture", &shape, frame, Reason::Protocol)
    });
    check(&passing(), without.into());
    let site = with_rules(passing(), [range(Transport::Sctp, 3868, 3869)]);
    let mut cases = Vec::new();
    for (port, name) in [(3868, "3868/sctp"), (3869, "3869/sctp")] {
        cases.extend(
            sctp(CLIENT, port, 12)
                .map(|(shape, frame)| passes("SCTP by a rule", &shape, frame, Reason::Admitted).at(name)),
        );
        cases.extend(sctp(STRANGER, port, 12).map(|(shape, frame)| {
            drops("SCTP from a stranger", &shape, frame, Reason::SourceNotAdmitted).at(name)
        }));
    }
    cases.extend(
        sctp(CLIENT, 3870, 12)
            .map(|(shape, frame)| drops("SCTP to another port", &shape, frame, Reason::Protocol)),
    );
    cases.extend(
        sctp(CLIENT, 3868, 11).map(|(shape, frame)| drops("SCTP cut short", &shape, frame, Reason::Short)),
    );
    check(&site, cases);
}

#[test]
fn igmp_passes_with_its_router_alert() {
    let report = [0x16, 0, 0, 0, 224, 0, 0, 251];
    let alert = |source| V4 { options: vec![148, 4, 0, 0], ..V4::new(source, 2) };
    let cases = vec![
        passes("a report", "v4 ip:2", STRANGER.v4(2).frame(&report), Reason::Igmp),
        passes(
            "with router alert, as they are sent",
            "v4/6 ip:2",
            alert(STRANGER.0).frame(&report),
            Reason::Igmp,
        ),
        passes("from a host without an address", "v4/6 ip:2", alert([0; 4]).frame(&report), Reason::Igmp),
        drops("IPv6 has none", "v6 ip:2", STRANGER.v6(2).frame(&report), Reason::Protocol),
    ];
    check(&dropping(), cases);
}

#[test]
fn what_is_behind_an_authentication_header_of_ipv4_needs_a_rule_for_both() {
    let behind = |source: Source, words: u8, port: u16| {
        let mut header = authentication(words);
        header[0] = 6;
        source.v4(51).frame(&[header, tcp(port, SYN)].concat())
    };
    check(
        &dropping(),
        vec![drops("without a rule", "v4 ah tcp:8086/S", behind(CLIENT, 3, 8086), Reason::Protocol)],
    );
    check(
        &passing(),
        vec![drops(
            "without a rule, whatever the posture",
            "v4 ah tcp:8086/S",
            behind(CLIENT, 3, 8086),
            Reason::Protocol,
        )],
    );
    let site = with_rules(dropping(), [Service::Protocol(51)]);
    let two =
        [&[51, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &[6, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], &tcp(8086, SYN)];
    let mut cases: Vec<Case> = (0..=24)
        .map(|words| {
            let row = "an authentication header of every size";
            passes(row, "v4 ah tcp:8086/S", behind(CLIENT, words, 8086), Reason::Admitted).at("8086/tcp")
        })
        .collect();
    cases.extend([
        drops("its own rule opens no port", "v4 ah tcp:22/S", behind(CLIENT, 3, 22), Reason::Undocumented),
        drops("a stranger's", "v4 ah tcp:8086/S", behind(STRANGER, 3, 8086), Reason::Protocol).at("ip/51"),
        drops(
            "two of them",
            "v4 ah ah tcp:8086/S",
            CLIENT.v4(51).frame(&two.concat()),
            Reason::ExtensionOrder,
        ),
        drops(
            "cut short",
            "v4 ah !",
            CLIENT.v4(51).frame(&[6, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            Reason::Short,
        ),
        drops("shorter than its fixed part", "v4 ah !", CLIENT.v4(51).frame(&[0; 12]), Reason::Malformed),
    ]);
    check(&site, cases);
}
