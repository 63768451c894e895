//! Packets that attackers make and packets that hosts need: the program in the kernel and the native verdict give the
//! same reason for each, and every counter adds up. Frames of 54 bytes or so, each wrong in one way.

use portguard::matrix::{Matrix, Posture};
use portguard_common::Reason;
use portguard_tests::{
    cases::matrix,
    craft::{V4, V6, authentication, ethernet, fragment, icmp, options, tagged, tcp, udp},
    twin::Twin,
};

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;
/// A member of the group that InfluxDB's clients are: it may reach 8086/tcp.
const CLIENT4: [u8; 4] = [10, 1, 0, 9];
const CLIENT6: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
const STRANGER4: [u8; 4] = [192, 168, 77, 7];
const STRANGER6: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];
const LINK_LOCAL: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];

/// Asks about each packet and compares reasons and counters.
fn check(matrix: &Matrix, cases: Vec<(&str, Vec<u8>, Reason)>) {
    let mut twin = Twin::load(matrix);
    for (name, frame, reason) in cases {
        assert_eq!(twin.ask(&frame).reason, reason, "{name}");
    }
    twin.check_counters();
}

fn drop_site() -> Matrix {
    matrix().expect("the site is sound")
}

fn v4() -> V4 {
    V4::new(CLIENT4, 6)
}

fn v6() -> V6 {
    V6::new(CLIENT6, 6)
}

#[test]
fn the_link_layer() {
    let syn = v4().frame(&tcp(8086, SYN));
    let denied = V4::new(STRANGER4, 6).frame(&tcp(8086, SYN));
    let q = |count: usize, frame: &[u8]| tagged(&vec![(0x8100, 0); count], frame);
    let cases = vec![
        ("ARP", ethernet(0x0806, &[0; 28]), Reason::Arp),
        ("ARP in a priority tag", q(1, &ethernet(0x0806, &[0; 28])), Reason::Arp),
        ("LLDP", ethernet(0x88cc, &[0; 40]), Reason::LinkControl),
        ("LACP", ethernet(0x8809, &[0; 40]), Reason::LinkControl),
        ("EAPOL", ethernet(0x888e, &[0; 40]), Reason::LinkControl),
        ("PTP", ethernet(0x88f7, &[0; 40]), Reason::LinkControl),
        ("spanning tree", ethernet(38, &[0x42, 0x42, 3, 0, 0, 0, 0]), Reason::LinkControl),
        ("SNAP", ethernet(38, &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0]), Reason::Encapsulated),
        ("MPLS", ethernet(0x8847, &[0; 40]), Reason::Encapsulated),
        ("PPPoE", ethernet(0x8864, &[0; 40]), Reason::Encapsulated),
        ("an old tag type", tagged(&[(0x9100, 0)], &syn), Reason::Encapsulated),
        ("an unknown EtherType", ethernet(0x1234, &[0; 40]), Reason::EtherType),
        ("one priority tag", q(1, &syn), Reason::Admitted),
        ("one priority tag, a stranger", q(1, &denied), Reason::SourceNotAdmitted),
        ("802.1ad", tagged(&[(0x88a8, 0)], &denied), Reason::SourceNotAdmitted),
        (
            "four tags",
            tagged(&[(0x88a8, 100), (0x8100, 0), (0x8100, 0), (0x8100, 200)], &syn),
            Reason::Admitted,
        ),
        ("five tags", q(5, &syn), Reason::VlanDepth),
        ("twenty tags", q(20, &syn), Reason::VlanDepth),
        ("ends inside a tag", tagged(&[(0x8100, 0)], &ethernet(0, &[]))[..16].to_vec(), Reason::Short),
    ];
    check(&drop_site(), cases);
}

#[test]
fn ipv4_headers() {
    let syn = tcp(8086, SYN);
    let with = |change: &dyn Fn(&mut V4)| {
        let mut packet = v4();
        change(&mut packet);
        packet.frame(&syn)
    };
    let trailer = [with(&|_| ()), vec![0; 30]].concat();
    let cases = vec![
        ("version 6", with(&|packet| packet.version_and_len = Some(0x65)), Reason::Malformed),
        ("a header of four words", with(&|packet| packet.version_and_len = Some(0x44)), Reason::Malformed),
        ("a header of no words", with(&|packet| packet.version_and_len = Some(0x40)), Reason::Malformed),
        (
            "a header beyond the frame",
            V4 { version_and_len: Some(0x4f), ..v4() }.frame(&[0; 8]),
            Reason::Short,
        ),
        ("total length within the header", with(&|packet| packet.total_len = Some(16)), Reason::Malformed),
        ("total length beyond the frame", with(&|packet| packet.total_len = Some(200)), Reason::Malformed),
        ("total length inside the TCP header", with(&|packet| packet.total_len = Some(30)), Reason::Short),
        ("a trailer", trailer, Reason::Admitted),
        ("four bytes of no operation", with(&|packet| packet.options = vec![1; 4]), Reason::Admitted),
        (
            "options that look like a port",
            with(&|packet| packet.options = vec![1, 1, 0, 53]),
            Reason::Admitted,
        ),
        ("router alert", with(&|packet| packet.options = vec![148, 4, 0, 0]), Reason::Admitted),
        ("forty bytes of options", with(&|packet| packet.options = vec![1; 40]), Reason::Admitted),
        ("loose source route", with(&|packet| packet.options = vec![131, 4, 4, 0]), Reason::SourceRoute),
        ("strict source route", with(&|packet| packet.options = vec![1, 137, 3, 4]), Reason::SourceRoute),
        (
            "source route behind 36 bytes",
            with(&|p| p.options = [vec![1; 36], vec![131, 4, 4, 0]].concat()),
            Reason::SourceRoute,
        ),
        (
            "source route's number as data",
            with(&|packet| packet.options = vec![148, 4, 131, 137]),
            Reason::Admitted,
        ),
        ("an option without length", with(&|packet| packet.options = vec![1, 1, 1, 7]), Reason::Malformed),
        ("an option of length 0", with(&|packet| packet.options = vec![7, 0, 0, 0]), Reason::Malformed),
        ("an option beyond the header", with(&|packet| packet.options = vec![7, 5, 0, 0]), Reason::Malformed),
        ("truncated", with(&|_| ())[..30].to_vec(), Reason::Short),
    ];
    check(&drop_site(), cases);
}

#[test]
fn ipv6_headers() {
    let syn = tcp(8086, SYN);
    let chain = |extensions: Vec<(u8, Vec<u8>)>| V6 { extensions, ..v6() }.frame(&syn);
    let many = |count: usize| chain(vec![(60, options(1)); count]);
    let next = |protocol| V6 { protocol, ..v6() }.frame(&syn);
    let mut version = v6().frame(&syn);
    version[14] = 0x40;
    let cases = vec![
        ("version 4", version, Reason::Malformed),
        ("payload length 0", V6 { payload_len: Some(0), ..v6() }.frame(&syn), Reason::Malformed),
        (
            "payload length beyond the frame",
            V6 { payload_len: Some(99), ..v6() }.frame(&syn),
            Reason::Malformed,
        ),
        (
            "payload length inside the TCP header",
            V6 { payload_len: Some(8), ..v6() }.frame(&syn),
            Reason::Short,
        ),
        ("a trailer", [v6().frame(&syn), vec![0; 20]].concat(), Reason::Admitted),
        ("hop-by-hop", chain(vec![(0, options(1))]), Reason::Admitted),
        ("hop-by-hop second", chain(vec![(60, options(1)), (0, options(1))]), Reason::ExtensionOrder),
        ("one destination option", many(1), Reason::Admitted),
        ("eight", many(8), Reason::Admitted),
        ("nine", many(9), Reason::ExtensionDepth),
        ("sixteen", many(16), Reason::ExtensionDepth),
        ("a long header", chain(vec![(60, options(30))]), Reason::Admitted),
        ("a header beyond the packet", chain(vec![(60, vec![0, 255, 1, 4, 0, 0, 0, 0])]), Reason::Short),
        ("routing header 0", chain(vec![(43, vec![0; 8])]), Reason::RoutingHeader),
        ("segment routing", chain(vec![(43, vec![0, 0, 4, 0, 0, 0, 0, 0])]), Reason::RoutingHeader),
        ("no next header", next(59), Reason::NoNextHeader),
        ("mobility", next(135), Reason::ExtensionUnknown),
        ("HIP", next(139), Reason::ExtensionUnknown),
        ("experiment", next(254), Reason::ExtensionUnknown),
        ("ESP", next(50), Reason::Protocol),
        ("authentication header without a rule", chain(vec![(51, authentication(3))]), Reason::Protocol),
        (
            "two fragment headers",
            chain(vec![(44, fragment(0, false)), (44, fragment(0, false))]),
            Reason::ExtensionOrder,
        ),
    ];
    check(&drop_site(), cases);
}

#[test]
fn sources_that_cannot_be() {
    let from4 = |source: [u8; 4]| V4::new(source, 6).frame(&tcp(8086, SYN));
    let from6 = |source: [u8; 16]| V6::new(source, 6).frame(&tcp(8086, SYN));
    let mut mapped = [0; 16];
    mapped[10..12].fill(0xff);
    mapped[12..].copy_from_slice(&CLIENT4);
    let mut loopback = [0; 16];
    loopback[15] = 1;
    let solicitation = V6 { hop_limit: 255, ..V6::new([0; 16], 58) }.frame(&icmp(135));
    let cases = vec![
        ("our own", from4([192, 0, 2, 1]), Reason::Martian),
        ("loopback", from4([127, 0, 0, 1]), Reason::Martian),
        ("multicast", from4([224, 0, 0, 1]), Reason::Martian),
        ("reserved", from4([240, 0, 0, 1]), Reason::Martian),
        ("broadcast", from4([255; 4]), Reason::Martian),
        ("this network", from4([0, 1, 2, 3]), Reason::Martian),
        ("unspecified", from4([0; 4]), Reason::Martian),
        ("IGMP from nowhere", V4::new([0; 4], 2).frame(&[0x16, 0, 0, 0, 0, 0, 0, 0]), Reason::Igmp),
        ("a DHCP request from nowhere", V4::new([0; 4], 17).frame(&udp(68, 67)), Reason::NoSocket),
        ("our own, IPv6", from6(portguard_tests::sample::NODE_V6.octets()), Reason::Martian),
        ("loopback, IPv6", from6(loopback), Reason::Martian),
        ("multicast, IPv6", from6([0xff; 16]), Reason::Martian),
        ("mapped", from6(mapped), Reason::Martian),
        ("unspecified, IPv6", from6([0; 16]), Reason::Martian),
        ("duplicate address detection", solicitation, Reason::NeighbourDiscovery),
    ];
    check(&drop_site(), cases);
}

#[test]
fn fragments() {
    let part4 = |source, offset: u16, more: bool, payload: &[u8]| {
        V4 { fragment: offset | if more { 0x2000 } else { 0 }, ..V4::new(source, 6) }.frame(payload)
    };
    let udp4 = |source, offset: u16| V4 { fragment: offset, ..V4::new(source, 17) }.frame(&[0; 16]);
    let part6 = |source, header: Vec<u8>, payload: &[u8]| {
        V6 { extensions: vec![(44, header)], ..V6::new(source, 6) }.frame(payload)
    };
    let syn = tcp(8086, SYN);
    let cut = V6 { extensions: vec![(44, fragment(0, true))], ..V6::new(CLIENT6, 60) }
        .frame(&[6, 2, 1, 4, 0, 0, 0, 0]);
    let cases = vec![
        ("a first one", part4(CLIENT4, 0, true, &syn), Reason::Admitted),
        ("a first one from a stranger", part4(STRANGER4, 0, true, &syn), Reason::SourceNotAdmitted),
        ("a tiny first one", part4(CLIENT4, 0, true, &syn[..8]), Reason::FragmentTiny),
        ("at offset 1", part4(CLIENT4, 1, false, &syn), Reason::FragmentOffset1),
        ("a later one", part4(CLIENT4, 2, true, &[0; 32]), Reason::LaterFragment),
        ("a later one from a stranger", part4(STRANGER4, 2, true, &[0; 32]), Reason::FragmentSource),
        ("a later one of UDP, from who may TCP only", udp4(CLIENT4, 2), Reason::FragmentSource),
        ("a later one of UDP, from who may", udp4([10, 6, 0, 9], 1), Reason::LaterFragment),
        ("IPv6: a first one", part6(CLIENT6, fragment(0, true), &syn), Reason::Admitted),
        ("IPv6: an atomic one", part6(CLIENT6, fragment(0, false), &syn), Reason::Admitted),
        ("IPv6: a tiny first one", part6(CLIENT6, fragment(0, true), &syn[..8]), Reason::FragmentTiny),
        ("IPv6: a first one without its chain", cut, Reason::FragmentChain),
        ("IPv6: a later one", part6(CLIENT6, fragment(2, true), &[0; 16]), Reason::LaterFragment),
        (
            "IPv6: a later one from a stranger",
            part6(STRANGER6, fragment(2, true), &[0; 16]),
            Reason::FragmentSource,
        ),
    ];
    check(&drop_site(), cases);
    let mut pass = drop_site();
    pass.posture = Posture::Pass;
    let later = part4(STRANGER4, 2, true, &[0; 32]);
    check(&pass, vec![("posture pass: nothing without its first", later, Reason::LaterFragment)]);
}

#[test]
fn icmp_and_other_protocols() {
    let m4 = |kind| V4::new(STRANGER4, 1).frame(&icmp(kind));
    let m6 = |kind, hop_limit| V6 { hop_limit, ..V6::new(LINK_LOCAL, 58) }.frame(&icmp(kind));
    let other = |protocol| V4::new(STRANGER4, protocol).frame(&[0; 40]);
    let pieces = V4 { fragment: 0x2000, ..V4::new(STRANGER4, 1) }.frame(&icmp(3));
    let discovery =
        V6 { extensions: vec![(44, fragment(0, false))], hop_limit: 255, ..V6::new(LINK_LOCAL, 58) };
    let mut cases = vec![
        ("an error in pieces", pieces, Reason::Short),
        ("an error cut short", V4::new(STRANGER4, 1).frame(&[3, 4, 0]), Reason::Short),
        ("echo reply", m4(0), Reason::EchoReply),
        ("echo request", m4(8), Reason::SourceNotAdmitted),
        ("IPv6 echo reply", m6(129, 64), Reason::EchoReply),
        ("IPv6 echo request", m6(128, 64), Reason::SourceNotAdmitted),
        ("neighbour discovery from afar", m6(135, 254), Reason::NeighbourHopLimit),
        ("neighbour discovery in a fragment", discovery.frame(&icmp(135)), Reason::NeighbourFragment),
        ("IGMP", other(2), Reason::Igmp),
        ("VRRP under posture drop", other(112), Reason::Protocol),
    ];
    cases.extend([3, 11, 12].map(|kind| ("error", m4(kind), Reason::IcmpError)));
    cases.extend([4, 5, 9, 10, 13, 14, 17, 18].map(|kind| ("unwanted", m4(kind), Reason::IcmpType)));
    cases.extend([1, 2, 3, 4].map(|kind| ("IPv6 error", m6(kind, 64), Reason::IcmpError)));
    cases.extend([133, 134, 135, 136].map(|kind| ("discovery", m6(kind, 255), Reason::NeighbourDiscovery)));
    cases.extend([130, 131, 132, 143].map(|kind| ("listener", m6(kind, 1), Reason::MulticastListener)));
    cases.extend([137, 139, 140].map(|kind| ("IPv6 unwanted", m6(kind, 255), Reason::IcmpType)));
    check(&drop_site(), cases);
    let mut pass = drop_site();
    pass.posture = Posture::Pass;
    let mut cases = vec![("VRRP under posture pass", other(112), Reason::ProtocolPassed)];
    cases.extend([4, 33, 41, 47, 115, 132, 136].map(|number| ("a tunnel", other(number), Reason::Protocol)));
    cases.push(("a redirect, whatever the posture", m4(5), Reason::IcmpType));
    check(&pass, cases);
}

#[test]
fn segments_that_open_nothing() {
    let to4 = |port, flags| V4::new(STRANGER4, 6).frame(&tcp(port, flags));
    let mut short = tcp(8086, SYN);
    short[12] = 0x40;
    let mut long = tcp(8086, SYN);
    long[12] = 0xf0;
    let group = V4 { destination: [224, 0, 0, 251], ..V4::new(STRANGER4, 17) };
    let cases = vec![
        ("SYN", to4(8086, SYN), Reason::SourceNotAdmitted),
        ("SYN and FIN", to4(8086, 0x03), Reason::SourceNotAdmitted),
        ("SYN and RST", to4(8086, 0x06), Reason::SourceNotAdmitted),
        ("SYN and ACK to nobody", to4(50_000, SYN | ACK), Reason::NoSocket),
        ("a late ACK", to4(50_000, ACK), Reason::Stale),
        ("a late RST", to4(50_000, 0x04), Reason::Stale),
        ("no flags", to4(50_000, 0), Reason::NoSocket),
        ("FIN, PSH, URG", to4(50_000, 0x29), Reason::NoSocket),
        ("data offset 4", v4().frame(&short), Reason::Malformed),
        ("data offset beyond the packet", v4().frame(&long), Reason::Malformed),
        ("from port 53", V4::new(STRANGER4, 17).frame(&udp(53, 4000)), Reason::NoSocket),
        ("multicast DNS from a stranger", group.frame(&udp(5353, 5353)), Reason::SourceNotAdmitted),
        ("a DHCP answer where nobody asks", V4::new(STRANGER4, 17).frame(&udp(67, 68)), Reason::NoSocket),
        ("port 0", to4(0, SYN), Reason::Undocumented),
        ("port 65535", to4(65_535, SYN), Reason::Undocumented),
    ];
    check(&drop_site(), cases);
}

#[test]
fn every_cut_of_a_packet_is_judged_alike_and_lets_nothing_in() {
    let mut twin = Twin::load(&drop_site());
    let long = V6 { extensions: vec![(0, options(2)), (60, options(1)), (44, fragment(0, true))], ..v6() };
    for frame in [v4().frame(&tcp(8086, SYN)), v6().frame(&tcp(8086, SYN)), long.frame(&tcp(8086, SYN))] {
        for len in 14..frame.len() {
            let reason = twin.ask(&frame[..len]).reason;
            assert!(
                matches!(reason, Reason::Short | Reason::Malformed),
                "{len} bytes of {frame:02x?}: {reason:?}"
            );
        }
        assert_eq!(twin.ask(&frame).reason, Reason::Admitted);
    }
    twin.check_counters();
}
