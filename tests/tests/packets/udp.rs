//! UDP: by the matrix, and DHCP's answers where DHCP is used. Nothing that goes to several hosts is a reply.

use portguard_common::Reason;
use portguard_tests::craft::{V4, V6, udp};

use crate::case::{CLIENT, INTERNAL, STRANGER, both, check, dropping, drops, passes, passing, with_dhcp};

#[test]
fn ports_are_the_matrixs() {
    let mut cases = Vec::new();
    cases.extend(
        both(INTERNAL, 17, "udp:53", &udp(40_000, 53))
            .map(|(shape, frame)| passes("from who may", &shape, frame, Reason::Admitted).at("53/udp")),
    );
    // The checksum is 0, which IPv6 forbids: for the stack to judge.
    cases.extend(both(CLIENT, 17, "udp:53", &udp(40_000, 53)).map(|(shape, frame)| {
        drops("from who may not", &shape, frame, Reason::SourceNotAdmitted).at("53/udp")
    }));
    cases.extend(
        both(STRANGER, 17, "udp:4000", &udp(40_000, 4000))
            .map(|(shape, frame)| drops("to nobody", &shape, frame, Reason::NoSocket)),
    );
    for source in [53, 67, 123, 443, 547] {
        cases.extend(
            both(STRANGER, 17, "udp:4000", &udp(source, 4000))
                .map(|(shape, frame)| drops("from the port of a service", &shape, frame, Reason::NoSocket)),
        );
    }
    for port in [500, 4500, 4789, 6081, 51_820] {
        let shape = format!("udp:{port}");
        cases.extend(both(STRANGER, 17, &shape, &udp(40_000, port)).map(|(shape, frame)| {
            drops("a tunnel over UDP is judged by its own port", &shape, frame, Reason::NoSocket)
        }));
    }
    // UDP-Lite's coverage stands where the length is; UDP's length is for the stack.
    let mut length = udp(40_000, 53);
    length[4..6].copy_from_slice(&[0xff, 0xff]);
    cases.extend(both(INTERNAL, 17, "udp:53", &length).map(|(shape, frame)| {
        passes("a length that lies is for the stack", &shape, frame, Reason::Admitted).at("53/udp")
    }));
    for len in 1..8 {
        cases.extend(
            both(INTERNAL, 17, "udp !", &udp(40_000, 53)[..len])
                .map(|(shape, frame)| drops("a header cut short", &shape, frame, Reason::Short)),
        );
    }
    check(&dropping(), cases);
}

#[test]
fn a_packet_to_several_hosts_is_the_matrixs_alone() {
    let to4 = |destination, port| V4 { destination, ..STRANGER.v4(17) }.frame(&udp(port, port));
    let to6 = |last: [u8; 2], port| {
        let mut destination = [0; 16];
        (destination[0], destination[1]) = (0xff, 2);
        destination[14..].copy_from_slice(&last);
        V6 { destination, ..STRANGER.v6(17) }.frame(&udp(port, port))
    };
    let mut broadcast = to4([192, 0, 2, 255], 4000);
    broadcast[..6].fill(0xff);
    let mut frame = STRANGER.v6(17).frame(&udp(4000, 4000));
    frame[0] = 0x33;
    let mdns = Reason::SourceNotAdmitted;
    // For one host a socket would be asked, and there is none; for several none is.
    let cases = vec![
        drops("multicast DNS from a stranger", "v4 udp:5353", to4([224, 0, 0, 251], 5353), mdns)
            .at("5353/udp"),
        drops("multicast DNS from a stranger", "v6 udp:5353", to6([0, 0xfb], 5353), mdns).at("5353/udp"),
        passes(
            "multicast DNS from who may",
            "v4 udp:5353",
            V4 { destination: [224, 0, 0, 251], ..INTERNAL.v4(17) }.frame(&udp(5353, 5353)),
            Reason::Admitted,
        )
        .at("5353/udp"),
        drops("link-local name resolution", "v4 udp:5355", to4([224, 0, 0, 252], 5355), Reason::Undocumented),
        drops("link-local name resolution", "v6 udp:5355", to6([1, 3], 5355), Reason::Undocumented),
        drops("service discovery", "v4 udp:1900", to4([239, 255, 255, 250], 1900), Reason::Undocumented),
        drops("limited broadcast", "v4 udp:4000", to4([255; 4], 4000), Reason::Undocumented),
        drops("a subnet's broadcast", "v4 udp:4000", broadcast, Reason::Undocumented),
        drops("one host's address in a group's frame", "v6 udp:4000", frame, Reason::Undocumented),
    ];
    check(&dropping(), cases);
}

#[test]
fn a_broadcast_in_a_frame_for_one_host_is_the_matrixs_alone() {
    let to = |source: crate::case::Source, destination, port| {
        V4 { destination, ..source.v4(17) }.frame(&udp(40_000, port))
    };
    let subnet = [192, 0, 2, 255];
    let cases = vec![
        // That it is a broadcast nobody can tell: a socket is asked for, and there is none.
        drops("a subnet's", "v4 udp:4000", to(STRANGER, subnet, 4000), Reason::NoSocket),
        drops("to a documented port", "v4 udp:53", to(STRANGER, subnet, 53), Reason::SourceNotAdmitted)
            .at("53/udp"),
        passes("from who may", "v4 udp:53", to(INTERNAL, subnet, 53), Reason::Admitted).at("53/udp"),
        drops("everybody's", "v4 udp:53", to(STRANGER, [255; 4], 53), Reason::SourceNotAdmitted).at("53/udp"),
        passes("everybody's, from who may", "v4 udp:53", to(INTERNAL, [255; 4], 53), Reason::Admitted)
            .at("53/udp"),
    ];
    check(&dropping(), cases);
}

#[test]
fn dhcp_answers_pass_where_dhcp_is_used() {
    let mut offer = V4 { destination: [255; 4], ..STRANGER.v4(17) }.frame(&udp(67, 68));
    offer[..6].fill(0xff);
    let from = |source, port| STRANGER.v4(17).frame(&udp(source, port));
    let from6 = |source, port| STRANGER.v6(17).frame(&udp(source, port));
    let discover = V4 { destination: [255; 4], ..V4::new([0; 4], 17) }.frame(&udp(68, 67));
    let row = "an answer";
    let dhcp = vec![
        passes(row, "v4 udp:68", from(67, 68), Reason::Dhcp),
        passes("an answer by broadcast", "v4 udp:68", offer.clone(), Reason::Dhcp),
        passes(row, "v6 udp:546", from6(547, 546), Reason::Dhcp),
        drops("from another port", "v4 udp:68", from(68, 68), Reason::NoSocket),
        drops("to another port", "v4 udp:67", from(67, 67), Reason::NoSocket),
        drops("from another port", "v6 udp:546", from6(546, 546), Reason::NoSocket),
        drops("IPv4's ports in IPv6", "v6 udp:68", from6(67, 68), Reason::NoSocket),
        drops("IPv6's ports in IPv4", "v4 udp:546", from(547, 546), Reason::NoSocket),
        drops("another host's question", "v4 udp:67", discover, Reason::Undocumented),
        drops("an answer cut short", "v4 udp !", STRANGER.v4(17).frame(&udp(67, 68)[..7]), Reason::Short),
    ];
    check(&with_dhcp(), dhcp);
    let none = vec![
        drops("where nobody asks", "v4 udp:68", from(67, 68), Reason::NoSocket),
        drops("where nobody asks, by broadcast", "v4 udp:68", offer, Reason::Undocumented),
        drops("where nobody asks", "v6 udp:546", from6(547, 546), Reason::NoSocket),
    ];
    check(&dropping(), none);
}

#[test]
fn posture_pass_opens_what_no_document_names() {
    let mut cases = Vec::new();
    cases.extend(
        both(STRANGER, 17, "udp:4000", &udp(40_000, 4000))
            .map(|(shape, frame)| passes("no document names it", &shape, frame, Reason::UndocumentedPassed)),
    );
    cases.extend(
        both(STRANGER, 17, "udp:53", &udp(40_000, 53)).map(|(shape, frame)| {
            drops("one names it", &shape, frame, Reason::SourceNotAdmitted).at("53/udp")
        }),
    );
    check(&passing(), cases);
}
