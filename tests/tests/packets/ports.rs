//! Ranges and groups: their ends belong to them, and what is empty admits nobody.

use portguard::matrix::{Matrix, Transport};
use portguard_common::Reason;
use portguard_tests::craft::{V4, V6, tcp, udp};

use crate::case::{
    ACK, CLIENT, EXTERNAL, STRANGER, SYN, Source, both, check, dropping, drops, passes, range, with_rules,
};

#[test]
fn the_ends_of_a_range_belong_to_it() {
    let mut cases = Vec::new();
    for (port, name) in
        [(10_000, "10000/tcp"), (10_001, "10001/tcp"), (19_998, "19998/tcp"), (19_999, "19999/tcp")]
    {
        let shape = format!("tcp:{port}/S");
        cases.extend(
            both(EXTERNAL, 6, &shape, &tcp(port, SYN)).map(|(shape, frame)| {
                passes("a port of the range", &shape, frame, Reason::Admitted).at(name)
            }),
        );
        cases.extend(both(STRANGER, 6, &shape, &tcp(port, SYN)).map(|(shape, frame)| {
            drops("a port of the range", &shape, frame, Reason::SourceNotAdmitted).at(name)
        }));
    }
    for port in [9999, 20_000] {
        let shape = format!("tcp:{port}/S");
        cases.extend(both(EXTERNAL, 6, &shape, &tcp(port, SYN)).map(|(shape, frame)| {
            // 20000 and above belong to the nodes of the cluster.
            let reason = if port == 20_000 { Reason::SourceNotAdmitted } else { Reason::Undocumented };
            let case = drops("a port beside the range", &shape, frame, reason);
            if port == 20_000 { case.at("20000/tcp") } else { case }
        }));
    }
    check(&dropping(), cases);
}

#[test]
fn the_lowest_and_the_highest_port_are_ports() {
    let site = with_rules(dropping(), [range(Transport::Tcp, 0, 1), range(Transport::Tcp, 65_534, u16::MAX)]);
    let mut cases = Vec::new();
    for (port, name) in [(0, "0/tcp"), (1, "1/tcp"), (65_534, "65534/tcp"), (65_535, "65535/tcp")] {
        let shape = format!("tcp:{port}/S");
        cases.extend(
            both(CLIENT, 6, &shape, &tcp(port, SYN))
                .map(|(shape, frame)| passes("from who may", &shape, frame, Reason::Admitted).at(name)),
        );
        cases.extend(both(STRANGER, 6, &shape, &tcp(port, SYN)).map(|(shape, frame)| {
            drops("from a stranger", &shape, frame, Reason::SourceNotAdmitted).at(name)
        }));
    }
    for port in [2, 65_533] {
        let shape = format!("tcp:{port}/S");
        cases.extend(
            both(CLIENT, 6, &shape, &tcp(port, SYN))
                .map(|(shape, frame)| drops("beside the ranges", &shape, frame, Reason::Undocumented)),
        );
    }
    check(&site, cases);
    let none = [0, 65_535].into_iter().flat_map(|port| {
        let shape = format!("tcp:{port}/S");
        both(CLIENT, 6, &shape, &tcp(port, SYN))
            .map(|(shape, frame)| drops("no document names it", &shape, frame, Reason::Undocumented))
    });
    check(&dropping(), none.collect());
}

#[test]
fn the_ends_of_udps_ranges_are_ports_and_no_others() {
    let ranges = [(0, 1), (6000, 6010), (65_534, u16::MAX)];
    let site = with_rules(dropping(), ranges.map(|(first, last)| range(Transport::Udp, first, last)));
    let named = [
        (0, "0/udp"),
        (1, "1/udp"),
        (6000, "6000/udp"),
        (6010, "6010/udp"),
        (65_534, "65534/udp"),
        (65_535, "65535/udp"),
    ];
    let to = |source, port| both(source, 17, &format!("udp:{port}"), &udp(40_000, port));
    let mut cases = Vec::new();
    for (port, name) in named {
        cases.extend(
            to(CLIENT, port)
                .map(|(shape, frame)| passes("from who may", &shape, frame, Reason::Admitted).at(name)),
        );
        cases.extend(to(STRANGER, port).map(|(shape, frame)| {
            drops("from a stranger", &shape, frame, Reason::SourceNotAdmitted).at(name)
        }));
    }
    for port in [2, 5999, 6011, 65_533] {
        cases.extend(
            to(CLIENT, port)
                .map(|(shape, frame)| drops("beside the ranges", &shape, frame, Reason::NoSocket)),
        );
    }
    check(&site, cases);
    let none = [0, 65_535].into_iter().flat_map(|port| {
        to(CLIENT, port).map(|(shape, frame)| drops("no document names it", &shape, frame, Reason::NoSocket))
    });
    check(&dropping(), none.collect());
}

/// The site with the group that InfluxDB's clients are changed.
fn with_clients(prefixes: &[&str]) -> Matrix {
    let mut matrix = dropping();
    let clients = matrix.groups.iter_mut().find(|group| group.name == "clients").expect("the site has one");
    clients.prefixes = prefixes.iter().map(|prefix| prefix.parse().expect("a prefix")).collect();
    clients.prefixes.sort_unstable();
    matrix
}

#[test]
fn an_empty_group_admits_nobody() {
    let mut cases = Vec::new();
    for source in [CLIENT, STRANGER] {
        for flags in [SYN, ACK] {
            let shape = format!("tcp:8086/{}", if flags == SYN { "S" } else { "A" });
            let reason = if flags == SYN { Reason::SourceNotAdmitted } else { Reason::Stale };
            cases.extend(
                both(source, 6, &shape, &tcp(8086, flags)).map(|(shape, frame)| {
                    drops("nobody is in the group", &shape, frame, reason).at("8086/tcp")
                }),
            );
        }
    }
    check(&with_clients(&[]), cases);
}

#[test]
fn the_longest_prefix_decides_and_rules_add_up() {
    // One host of another group, which may not reach 8086, inside the clients' network: it is in both groups.
    let prefixes = ["10.2.0.0/15", "10.1.0.9/32", "2001:db8:1::9/128", "2001:db8::/46"];
    let from4 = |source| V4::new(source, 6).frame(&tcp(8086, SYN));
    let from6 = |third, last| {
        let mut source = CLIENT.1;
        (source[5], source[15]) = (third, last);
        V6::new(source, 6).frame(&tcp(8086, SYN))
    };
    let yes = |row, shape, frame| passes(row, shape, frame, Reason::Admitted).at("8086/tcp");
    let no = |row, shape, frame| drops(row, shape, frame, Reason::SourceNotAdmitted).at("8086/tcp");
    let cases = vec![
        yes("one address", "v4 tcp:8086/S", from4([10, 1, 0, 9])),
        no("the address before it", "v4 tcp:8086/S", from4([10, 1, 0, 8])),
        no("the address behind it", "v4 tcp:8086/S", from4([10, 1, 0, 10])),
        yes("the first of a network", "v4 tcp:8086/S", from4([10, 2, 0, 0])),
        yes("the last of a network", "v4 tcp:8086/S", from4([10, 3, 255, 255])),
        no("the one behind the network", "v4 tcp:8086/S", from4([10, 4, 0, 0])),
        yes("in a network and in a narrower one of another group", "v4 tcp:8086/S", from4([10, 2, 0, 9])),
        yes("one address", "v6 tcp:8086/S", from6(1, 9)),
        yes("in a wider network", "v6 tcp:8086/S", from6(3, 1)),
        no("beyond the network", "v6 tcp:8086/S", from6(4, 1)),
    ];
    check(&with_clients(&prefixes), cases);
    let everybody = vec![
        yes("everybody", "v4 tcp:8086/S", from4(STRANGER.0)),
        yes("everybody", "v6 tcp:8086/S", V6::new(STRANGER.1, 6).frame(&tcp(8086, SYN))),
        drops("but the impossible", "v4 tcp:8086/S", from4([127, 0, 0, 1]), Reason::Martian),
        drops(
            "but the impossible",
            "v6 tcp:8086/S",
            V6::new([0; 16], 6).frame(&tcp(8086, SYN)),
            Reason::Martian,
        ),
    ];
    check(&with_clients(&["0.0.0.0/0", "::/0"]), everybody);
}

#[test]
fn on_a_node_that_is_no_router_what_is_for_another_host_is_judged_as_what_is_for_this_one() {
    // The stack drops it afterwards; of routers see transit.rs.
    let beyond4 =
        |source: Source, port| V4 { destination: [198, 51, 100, 1], ..source.v4(6) }.frame(&tcp(port, SYN));
    let beyond6 =
        |source: Source, port| V6 { destination: [0x20; 16], ..source.v6(6) }.frame(&tcp(port, SYN));
    let cases = vec![
        passes("by the matrix", "v4 tcp:8086/S", beyond4(CLIENT, 8086), Reason::Admitted).at("8086/tcp"),
        passes("by the matrix", "v6 tcp:8086/S", beyond6(CLIENT, 8086), Reason::Admitted).at("8086/tcp"),
        drops("by the posture", "v4 tcp:4000/S", beyond4(CLIENT, 4000), Reason::Undocumented),
        drops("by the posture", "v6 tcp:4000/S", beyond6(CLIENT, 4000), Reason::Undocumented),
    ];
    check(&dropping(), cases);
}
