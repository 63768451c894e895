//! The link layer: what is no IP, and tags.

use portguard::compile::{NativeTables, NoSockets, Node, compile};
use portguard_common::{Arrival, Reason, decide};
use portguard_tests::craft::{ethernet, tagged, tcp, udp};

use crate::case::{CLIENT, Case, INTERNAL, STRANGER, SYN, both, check, dropping, drops, passes, passing};

const Q: u16 = 0x8100;
const AD: u16 = 0x88a8;

#[test]
fn what_the_link_needs_passes_and_what_hides_ip_drops() {
    let raw = |ether_type: u16| ethernet(ether_type, &[0; 46]);
    let control = |row, ether_type: u16| {
        passes(row, &format!("{ether_type:04x}"), raw(ether_type), Reason::LinkControl)
    };
    let hidden = |row, ether_type: u16| {
        drops(row, &format!("{ether_type:04x}"), raw(ether_type), Reason::Encapsulated)
    };
    let llc = |begin: &[u8]| ethernet(38, &[begin, &[0; 43]].concat());
    // Request, reply and gratuitous: operation and target.
    let arp = |operation: u8, target: [u8; 4]| {
        let ends = [&[2, 0, 0, 0, 0, 1, 10, 1, 0, 9, 0, 0, 0, 0, 0, 0][..], &target].concat();
        ethernet(0x0806, &[&[0, 1, 8, 0, 6, 4, 0, operation][..], &ends].concat())
    };
    let cases = vec![
        passes("an ARP request", "0806", arp(1, [192, 0, 2, 1]), Reason::Arp),
        passes("an ARP reply", "0806", arp(2, [192, 0, 2, 1]), Reason::Arp),
        passes("a gratuitous ARP", "0806", arp(1, [10, 1, 0, 9]), Reason::Arp),
        control("LLDP never reaches a port", 0x88cc),
        control("LACP: losing it takes a bond down", 0x8809),
        control("EAPOL", 0x888e),
        control("PTP", 0x88f7),
        passes("spanning tree", "0026", llc(&[0x42, 0x42, 3]), Reason::LinkControl),
        drops("SNAP could carry IP", "0026", llc(&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0]), Reason::Encapsulated),
        drops("an LLC frame of two bytes", "0026", ethernet(38, &[0x42, 0x42]), Reason::Short),
        drops("the largest length of LLC is no EtherType", "05ff", raw(0x05ff), Reason::Encapsulated),
        drops("the smallest EtherType", "0600", raw(0x0600), Reason::EtherType),
        hidden("MPLS hides IP", 0x8847),
        hidden("MPLS, multicast", 0x8848),
        hidden("PPPoE discovery", 0x8863),
        hidden("PPPoE sessions hide IP", 0x8864),
        hidden("MACsec", 0x88e5),
        hidden("provider backbone bridges", 0x88e7),
        hidden("network service header", 0x894f),
        hidden("seamless redundancy: the stack unwraps it", 0x892f),
        hidden("an old tag type", 0x9100),
        hidden("another old tag type", 0x9200),
        hidden("and another", 0x9300),
        drops("no IP, under posture drop", "1234", raw(0x1234), Reason::EtherType),
    ];
    check(&dropping(), cases);
    let cases = vec![
        passes("no IP, under posture pass", "1234", raw(0x1234), Reason::EtherTypePassed),
        hidden("no posture opens what hides IP", 0x8847),
        hidden("nor an old tag type", 0x9100),
    ];
    check(&passing(), cases);
}

/// What a header of another layer puts before the frame that it hides.
enum Hides {
    Frame,
    EtherType,
    Packet,
}

/// Every encapsulation: what it is, its EtherType, the header behind that, and how much of the hidden frame follows.
fn encapsulations(v6: bool) -> Vec<(&'static str, u16, Vec<u8>, Hides)> {
    let point_to_point = if v6 { 0x57 } else { 0x21 };
    let service = if v6 { 2 } else { 1 };
    let batman = [&[0x40, 15, 50, 0][..], &[2, 0, 0, 0, 0, 2]].concat();
    vec![
        ("an old tag", 0x9100, vec![0, 0], Hides::EtherType),
        ("another old tag", 0x9200, vec![0, 0], Hides::EtherType),
        ("and another", 0x9300, vec![0, 0], Hides::EtherType),
        ("MPLS", 0x8847, vec![0, 1, 1, 64], Hides::Packet),
        ("MPLS, multicast", 0x8848, vec![0, 1, 1, 64], Hides::Packet),
        ("PPPoE discovery", 0x8863, vec![0x11, 9, 0, 0, 0, 60], Hides::Packet),
        ("a PPPoE session", 0x8864, vec![0x11, 0, 0, 1, 0, 62, 0, point_to_point], Hides::Packet),
        ("PPP", 0x880b, vec![0xff, 3, 0, point_to_point], Hides::Packet),
        ("MACsec that does not encrypt", 0x88e5, vec![0, 0, 0, 0, 0, 1], Hides::EtherType),
        ("provider backbone bridges", 0x88e7, vec![0, 0, 0, 1], Hides::Frame),
        ("TRILL", 0x22f3, vec![0, 0, 0, 1, 0, 2], Hides::Frame),
        ("seamless redundancy", 0x892f, vec![0, 60, 0, 1], Hides::EtherType),
        ("network service header", 0x894f, vec![0x0f, 0xc2, 2, service, 0, 0, 1, 255], Hides::Packet),
        ("batman-adv", 0x4305, batman, Hides::Frame),
        ("transparent Ethernet bridging", 0x6558, vec![], Hides::Frame),
    ]
}

#[test]
fn what_an_encapsulation_hides_never_comes_in() {
    // Whether its verdict alone would be to drop or to pass.
    let hidden = || {
        [(STRANGER, 22), (STRANGER, 8086), (CLIENT, 22), (CLIENT, 8086)].into_iter().flat_map(
            |(source, port)| {
                both(source, 6, "", &tcp(port, SYN)).map(|(_, frame)| frame).into_iter().enumerate()
            },
        )
    };
    let cases = || -> Vec<Case> {
        let cases = hidden().flat_map(|(family, inner)| {
            encapsulations(family == 1).into_iter().map(move |(row, ether_type, header, hides)| {
                let from = match hides {
                    Hides::Frame => 0,
                    Hides::EtherType => 12,
                    Hides::Packet => 14,
                };
                let frame = ethernet(ether_type, &[&header[..], &inner[from..]].concat());
                drops(row, &format!("{ether_type:04x}"), frame, Reason::Encapsulated)
            })
        });
        cases.collect()
    };
    check(&dropping(), cases());
    check(&passing(), cases());
}

#[test]
fn mixed_tags_hide_nothing_of_either_family_and_protocol() {
    let stacks: [(&[(u16, u16)], &str); 6] = [
        (&[(AD, 0)], "ad:0"),
        (&[(AD, 0), (Q, 0)], "ad:0 q:0"),
        (&[(Q, 0), (AD, 0)], "q:0 ad:0"),
        (&[(AD, 0), (Q, 0), (Q, 0)], "ad:0 q:0 q:0"),
        (&[(Q, 0), (AD, 0), (Q, 0)], "q:0 ad:0 q:0"),
        (&[(AD, 0), (AD, 0), (Q, 0)], "ad:0 ad:0 q:0"),
    ];
    let mut cases = Vec::new();
    for (tags, tokens) in stacks {
        for (who, protocol, shape, payload, name) in [
            (CLIENT, 6, "tcp:8086/S", tcp(8086, SYN), "8086/tcp"),
            (INTERNAL, 17, "udp:53", udp(40_000, 53), "53/udp"),
        ] {
            let stack =
                |(shape, frame): (String, Vec<u8>)| (format!("{tokens} {shape}"), tagged(tags, &frame));
            cases.extend(
                both(who, protocol, shape, &payload)
                    .map(stack)
                    .map(|(shape, frame)| passes("from who may", &shape, frame, Reason::Admitted).at(name)),
            );
            cases.extend(both(STRANGER, protocol, shape, &payload).map(stack).map(|(shape, frame)| {
                drops("from a stranger", &shape, frame, Reason::SourceNotAdmitted).at(name)
            }));
        }
    }
    check(&dropping(), cases.into_iter().map(Case::with_its_own_tags).collect());
}

#[test]
fn tags_hide_nothing() {
    let stranger = STRANGER.v4(6).frame(&tcp(8086, SYN));
    let client = CLIENT.v6(6).frame(&tcp(8086, SYN));
    let refused = |row, tags: &[(u16, u16)], shape: &str| -> Case {
        let shape = format!("{shape}v4 tcp:8086/S");
        drops(row, &shape, tagged(tags, &stranger), Reason::SourceNotAdmitted).at("8086/tcp")
    };
    let admitted = |row, tags: &[(u16, u16)], shape: &str| -> Case {
        let shape = format!("{shape}v6 tcp:8086/S");
        passes(row, &shape, tagged(tags, &client), Reason::Admitted).at("8086/tcp")
    };
    let deep = |count: usize| {
        let shape = format!("{}v4 tcp:8086/S", "q:0 ".repeat(count));
        let row = "the stack peels any number of tags, so more than the filter peels must drop";
        drops(row, &shape, tagged(&vec![(Q, 0); count], &stranger), Reason::VlanDepth)
    };
    let cut = |len: usize, shape| {
        drops("ends inside a tag", shape, tagged(&[(Q, 0), (Q, 0)], &stranger)[..len].to_vec(), Reason::Short)
    };
    let arp = tagged(&[(Q, 0)], &ethernet(0x0806, &[0; 28]));
    let cases = vec![
        passes("ARP in a priority tag", "q:0 0806", arp, Reason::Arp),
        refused("one priority tag", &[(Q, 0)], "q:0 "),
        admitted("one priority tag", &[(Q, 0)], "q:0 "),
        refused("one priority tag of 802.1ad", &[(AD, 0)], "ad:0 "),
        refused("two tags, mixed", &[(AD, 0), (Q, 0)], "ad:0 q:0 "),
        refused("three tags, mixed", &[(AD, 0), (Q, 0), (Q, 0)], "ad:0 q:0 q:0 "),
        refused("a VLAN that has no interface today", &[(Q, 100)], "q:100 "),
        admitted("a VLAN", &[(Q, 100)], "q:100 "),
        refused("priority and drop bits beside the VLAN", &[(Q, 0xf064)], "q:100 "),
        refused("802.1ad with 802.1Q inside", &[(AD, 100), (Q, 200)], "ad:100 q:200 "),
        admitted("as many tags as are peeled", &[(Q, 1), (Q, 2), (AD, 3), (Q, 4)], "q:1 q:2 ad:3 q:4 "),
        refused("as many tags as are peeled", &[(Q, 0); 4], "q:0 q:0 q:0 q:0 "),
        deep(5),
        deep(8),
        deep(20),
        cut(14, "q:0 !"),
        cut(16, "q:0 !"),
        cut(17, "q:0 !"),
        cut(20, "q:0 q:0 !"),
    ];
    check(&dropping(), cases.into_iter().map(Case::with_its_own_tags).collect());
}

#[test]
fn a_runt_is_too_short_to_judge() {
    // Natively only: BPF_PROG_TEST_RUN takes no frame without a whole Ethernet header.
    let image = compile(&passing(), &Node::default()).unwrap();
    let tables = NativeTables::new(&image, NoSockets);
    for len in 0..14 {
        let outcome = decide(&vec![0xff; len][..], Arrival::new(0, false), &tables);
        assert_eq!(outcome.reason, Reason::Short, "{len} bytes");
    }
}
