//! TCP: what asks for a connection is the matrix's alone; what does not, and is no reply, drops.

use portguard_common::Reason;
use portguard_tests::craft::{V4, tcp, tcp_from};

use crate::case::{
    ACK, CLIENT, Case, STRANGER, SYN, Source, both, both_to, check, dropping, drops, passes, passing,
};

const FIN: u8 = 0x01;
const RST: u8 = 0x04;
const PSH: u8 = 0x08;
const URG: u8 = 0x20;
const CONGESTION: u8 = 0xc0;

fn letters(flags: u8) -> String {
    let bits = [(SYN, 'S'), (ACK, 'A'), (FIN, 'F'), (RST, 'R'), (PSH | URG, 'P')];
    bits.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, letter)| letter).collect()
}

/// From a stranger to both families' port, with these flags and data.
fn strange(row: &str, port: u16, flags: u8, data: &[u8], reason: Reason) -> Vec<Case> {
    let shape = format!("tcp:{port}/{}{}", letters(flags), if data.is_empty() { "" } else { "+" });
    let payload = [&tcp(port, flags)[..], data].concat();
    both(STRANGER, 6, &shape, &payload).map(|(shape, frame)| drops(row, &shape, frame, reason)).to_vec()
}

fn documented(cases: Vec<Case>) -> Vec<Case> {
    cases.into_iter().map(|case| case.at("8086/tcp")).collect()
}

#[test]
fn a_segment_that_asks_for_a_connection_is_the_matrixs_alone() {
    let mut cases = Vec::new();
    for flags in
        [SYN, SYN | FIN, SYN | RST, SYN | PSH, SYN | URG, SYN | CONGESTION, SYN | FIN | RST | PSH | URG]
    {
        let refused = Reason::SourceNotAdmitted;
        cases.extend(documented(strange("SYN with whatever beside it", 8086, flags, &[], refused)));
        cases.extend(strange(
            "SYN to a port that no document names",
            50_000,
            flags,
            &[],
            Reason::Undocumented,
        ));
        let shape = format!("tcp:8086/{}", letters(flags));
        cases.extend(both(CLIENT, 6, &shape, &tcp(8086, flags)).map(|(shape, frame)| {
            passes("SYN from who may", &shape, frame, Reason::Admitted).at("8086/tcp")
        }));
    }
    cases.extend(documented(strange("SYN with data", 8086, SYN, &[1; 8], Reason::SourceNotAdmitted)));
    // Kind 34, a cookie of eight bytes, padding.
    let mut open = [&tcp(8086, SYN)[..], &[34, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1], b"GET /"].concat();
    open[12] = 0x80;
    cases.extend(both(CLIENT, 6, "tcp:8086/S+", &open).map(|(shape, frame)| {
        passes("fast open with a cookie and data", &shape, frame, Reason::Admitted).at("8086/tcp")
    }));
    check(&dropping(), cases);
}

#[test]
fn a_segment_that_asks_for_nothing_and_answers_nothing_drops() {
    let late = Reason::Stale;
    let none = Reason::NoSocket;
    let cases = [
        strange("SYN and ACK to nobody", 50_000, SYN | ACK, &[], none),
        strange("an ACK scan", 50_000, ACK, &[], late),
        strange("a late ACK, its connection gone", 50_000, ACK, &[], late),
        strange("a late RST", 50_000, RST, &[], late),
        strange("a late FIN and ACK", 50_000, FIN | ACK, &[], late),
        strange("data to nobody are no late acknowledgement", 50_000, ACK | PSH, &[1; 4], none),
        strange("a NULL scan", 50_000, 0, &[], none),
        strange("a FIN scan", 50_000, FIN, &[], none),
        strange("a XMAS scan", 50_000, FIN | PSH | URG, &[], none),
        documented(strange("an ACK scan of a documented port", 8086, ACK, &[], late)),
        documented(strange("SYN and ACK to a documented port", 8086, SYN | ACK, &[], none)),
        documented(strange("a NULL scan of a documented port", 8086, 0, &[], none)),
        documented(strange("a XMAS scan of a documented port", 8086, FIN | PSH | URG, &[], none)),
    ];
    check(&dropping(), cases.into_iter().flatten().collect());
}

#[test]
fn whoever_may_open_a_connection_may_use_it() {
    let mut cases = Vec::new();
    for flags in [ACK, ACK | PSH, FIN | ACK, RST, SYN | ACK, 0, FIN | PSH | URG] {
        let shape = format!("tcp:8086/{}", letters(flags));
        cases
            .extend(both(CLIENT, 6, &shape, &tcp(8086, flags)).map(|(shape, frame)| {
                passes("from who may", &shape, frame, Reason::Admitted).at("8086/tcp")
            }));
    }
    check(&dropping(), cases);
}

#[test]
fn what_goes_to_several_hosts_is_the_matrixs_alone() {
    let all6 = |last: u8| {
        let mut group = [0; 16];
        (group[0], group[1], group[15]) = (0xff, 2, last);
        group
    };
    let groups = [Source([255; 4], all6(1)), Source([224, 0, 0, 251], all6(0xfb))];
    let mut cases = Vec::new();
    for flags in [SYN, SYN | ACK, ACK, RST, 0] {
        let shape = |port: u16| format!("tcp:{port}/{}", letters(flags));
        // By the address, and by the frame's: a subnet's broadcast, and the node's own address in everybody's frame.
        let to = |source: Source, port| {
            let by_address = groups
                .into_iter()
                .flat_map(move |group| both_to(group, source, 6, &shape(port), &tcp(port, flags)));
            let mut by_frame = both(source, 6, &shape(port), &tcp(port, flags)).to_vec();
            let subnet = V4 { destination: [192, 0, 2, 255], ..source.v4(6) }.frame(&tcp(port, flags));
            by_frame.push((format!("v4 {}", shape(port)), subnet));
            for (_, frame) in &mut by_frame {
                frame[..6].fill(0xff);
            }
            by_address.chain(by_frame).collect::<Vec<_>>()
        };
        let row = "to several hosts";
        for (shape, frame) in to(STRANGER, 50_000) {
            cases.push(drops(row, &shape, frame, Reason::Undocumented));
        }
        for (shape, frame) in to(STRANGER, 8086) {
            cases.push(drops(row, &shape, frame, Reason::SourceNotAdmitted).at("8086/tcp"));
        }
        for (shape, frame) in to(CLIENT, 8086) {
            cases.push(passes(row, &shape, frame, Reason::Admitted).at("8086/tcp"));
        }
    }
    check(&dropping(), cases);
}

#[test]
fn a_header_that_contradicts_itself_drops() {
    let with = |words: u8, rest: &[u8]| {
        let mut header = tcp(8086, SYN);
        header[12] = words << 4;
        [&header[..], rest].concat()
    };
    let mut cases = Vec::new();
    for words in 0..5 {
        cases.extend(both(CLIENT, 6, "tcp !", &with(words, &[])).map(|(shape, frame)| {
            drops("a data offset within the header", &shape, frame, Reason::Malformed)
        }));
    }
    for (words, rest) in [(6, 0), (15, 0), (15, 39), (8, 11)] {
        cases.extend(both(CLIENT, 6, "tcp !", &with(words, &vec![1; rest])).map(|(shape, frame)| {
            drops("a data offset beyond the packet", &shape, frame, Reason::Malformed)
        }));
    }
    for (words, rest, shape) in [(6, 4, "tcp:8086/S"), (15, 40, "tcp:8086/S"), (15, 41, "tcp:8086/S+")] {
        cases.extend(both(CLIENT, 6, shape, &with(words, &vec![1; rest])).map(|(shape, frame)| {
            passes("options to the last byte", &shape, frame, Reason::Admitted).at("8086/tcp")
        }));
    }
    for len in 1..20 {
        cases.extend(
            both(CLIENT, 6, "tcp !", &tcp(8086, SYN)[..len])
                .map(|(shape, frame)| drops("a header cut short", &shape, frame, Reason::Short)),
        );
    }
    check(&dropping(), cases);
}

#[test]
fn a_source_port_opens_nothing() {
    let mut cases = Vec::new();
    for source in [20, 53, 80, 443, 8086] {
        let from = |port, flags| tcp_from(source, port, flags);
        cases.extend(
            both(STRANGER, 6, "tcp:4000/S", &from(4000, SYN)).map(|(shape, frame)| {
                drops("from the port of a service", &shape, frame, Reason::Undocumented)
            }),
        );
        cases.extend(both(STRANGER, 6, "tcp:4000/A", &from(4000, ACK)).map(|(shape, frame)| {
            drops("from the port of a service, as if answering", &shape, frame, Reason::Stale)
        }));
    }
    check(&dropping(), cases);
}

#[test]
fn posture_pass_opens_what_no_document_names_and_nothing_else() {
    let mut cases = Vec::new();
    for flags in [SYN, ACK, 0] {
        let shape = format!("tcp:4000/{}", letters(flags));
        cases.extend(
            both(STRANGER, 6, &shape, &tcp(4000, flags)).map(|(shape, frame)| {
                passes("no document names it", &shape, frame, Reason::UndocumentedPassed)
            }),
        );
    }
    cases.extend(documented(strange("one names it", 8086, SYN, &[], Reason::SourceNotAdmitted)));
    cases.extend(documented(strange("one names it", 8086, ACK, &[], Reason::Stale)));
    check(&passing(), cases);
}
