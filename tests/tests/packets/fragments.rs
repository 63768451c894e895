//! Fragments: a first one is judged by its header, which must be whole; a later one by its source; no state is kept.

use portguard::matrix::{Fragments, Matrix, Service, Transport};
use portguard_common::Reason;
use portguard_tests::{
    craft::{V4, V6, authentication, fragment, options, tcp, udp},
    twin::Twin,
};

use crate::case::{
    CLIENT, Case, EXTERNAL, INTERNAL, META, STRANGER, SYN, Source, check, dropping, drops, passes, passing,
    range, with_rules,
};

const MORE: u16 = 0x2000;

fn part4(source: Source, protocol: u8, fragment: u16, payload: &[u8]) -> Vec<u8> {
    V4 { fragment, ..source.v4(protocol) }.frame(payload)
}

fn part6(source: Source, protocol: u8, (offset, more): (u16, bool), payload: &[u8]) -> Vec<u8> {
    V6 { extensions: vec![(44, fragment(offset, more))], ..source.v6(protocol) }.frame(payload)
}

/// A TCP header of `words` words, its options no operation.
fn segment(port: u16, words: u8) -> Vec<u8> {
    let mut header = tcp(port, SYN);
    header[12] = words << 4;
    header.resize(usize::from(words) * 4, 1);
    header
}

#[test]
fn a_first_fragment_is_judged_by_the_header_that_it_must_hold() {
    let syn = tcp(8086, SYN);
    let tiny4 = |row, payload: &[u8]| {
        drops(row, "v4@0+ tcp !", part4(CLIENT, 6, MORE, payload), Reason::FragmentTiny)
    };
    let tiny6 = |row, payload: &[u8]| {
        drops(row, "v6 frag@0+ tcp !", part6(CLIENT, 6, (0, true), payload), Reason::FragmentTiny)
    };
    let datagram = udp(40_000, 8089);
    let admitted = |row, shape, frame| passes(row, shape, frame, Reason::Admitted).at("8086/tcp");
    let refused = |row, shape, frame| drops(row, shape, frame, Reason::SourceNotAdmitted).at("8086/tcp");
    let cases = vec![
        admitted("the first of several", "v4@0+ tcp:8086/S", part4(CLIENT, 6, MORE, &syn)),
        admitted("the first of several", "v6 frag@0+ tcp:8086/S", part6(CLIENT, 6, (0, true), &syn)),
        admitted("with all its options", "v4@0+ tcp:8086/S", part4(CLIENT, 6, MORE, &segment(8086, 15))),
        refused("a stranger's", "v4@0+ tcp:8086/S", part4(STRANGER, 6, MORE, &syn)),
        refused("a stranger's", "v6 frag@0+ tcp:8086/S", part6(STRANGER, 6, (0, true), &syn)),
        tiny4("eight bytes of TCP: the stack would answer", &syn[..8]),
        tiny4("one byte short of TCP's header", &syn[..19]),
        tiny4("TCP's options in the next fragment", &segment(8086, 15)[..59]),
        tiny4("nothing at all", &[]),
        tiny6("eight bytes of TCP", &syn[..8]),
        tiny6("sixteen bytes of TCP", &syn[..16]),
        tiny6("TCP's options in the next fragment", &segment(8086, 10)[..32]),
        passes(
            "UDP of exactly eight bytes: its header is whole",
            "v4@0+ udp:53",
            part4(INTERNAL, 17, MORE, &udp(40_000, 53)[..8]),
            Reason::Admitted,
        )
        .at("53/udp"),
        passes(
            "UDP of exactly eight bytes",
            "v6 frag@0+ udp:53",
            part6(INTERNAL, 17, (0, true), &udp(40_000, 53)[..8]),
            Reason::Admitted,
        )
        .at("53/udp"),
        drops(
            "UDP of four bytes",
            "v4@0+ udp !",
            part4(META, 17, MORE, &datagram[..4]),
            Reason::FragmentTiny,
        ),
        drops(
            "SCTP of eight bytes, one header short of four",
            "v4@0+ sctp !",
            part4(META, 132, MORE, &[0; 8]),
            Reason::FragmentTiny,
        ),
    ];
    check(&dropping(), cases);
}

#[test]
fn what_fragments_nothing_is_a_whole_packet() {
    let syn = tcp(8086, SYN);
    let admitted = |row, shape, frame| passes(row, shape, frame, Reason::Admitted).at("8086/tcp");
    let refused = |row, shape, frame| drops(row, shape, frame, Reason::SourceNotAdmitted).at("8086/tcp");
    let cases = vec![
        admitted("flags that fragment nothing", "v4 tcp:8086/S", part4(CLIENT, 6, 0, &syn)),
        admitted(
            "a whole packet with a fragment header",
            "v6 frag@whole tcp:8086/S",
            part6(CLIENT, 6, (0, false), &syn),
        ),
        refused("the same from a stranger", "v6 frag@whole tcp:8086/S", part6(STRANGER, 6, (0, false), &syn)),
        drops(
            "a whole packet with a fragment header, cut",
            "v6 frag@whole tcp !",
            part6(CLIENT, 6, (0, false), &syn[..8]),
            Reason::Short,
        ),
    ];
    check(&dropping(), cases);
}

#[test]
fn a_first_fragment_without_its_whole_chain_drops() {
    let first = |behind: Vec<(u8, Vec<u8>)>, protocol, payload: &[u8]| {
        let extensions = [vec![(44, fragment(0, true))], behind].concat();
        V6 { extensions, ..CLIENT.v6(protocol) }.frame(payload)
    };
    let row = "a first fragment must hold the entire header chain";
    let cases = vec![
        drops(row, "v6 frag@0+ dst tcp !", first(vec![(60, options(1))], 6, &[]), Reason::FragmentChain),
        drops(row, "v6 frag@0+ dst udp !", first(vec![(60, options(2))], 17, &[]), Reason::FragmentChain),
        drops(row, "v6 frag@0+ dst icmp !", first(vec![(60, options(2))], 58, &[]), Reason::FragmentChain),
        drops(row, "v6 frag@0+ dst ip:47", first(vec![(60, options(1))], 47, &[]), Reason::FragmentChain),
        drops(row, "v6 frag@0+ tcp !", first(vec![], 6, &[]), Reason::FragmentChain),
        drops(row, "v6 frag@0+ dst !", first(vec![], 60, &[6, 2, 1, 4, 0, 0, 0, 0]), Reason::FragmentChain),
        drops(row, "v6 frag@0+ dst !", first(vec![], 60, &[6, 0, 1, 4]), Reason::FragmentChain),
        drops(row, "v6 frag@0+ ah !", first(vec![], 51, &authentication(3)[..16]), Reason::FragmentChain),
        drops(
            "chain and a part of TCP",
            "v6 frag@0+ dst tcp !",
            first(vec![(60, options(1))], 6, &tcp(8086, SYN)[..8]),
            Reason::FragmentTiny,
        ),
        passes(
            "chain and TCP's header",
            "v6 frag@0+ dst tcp:8086/S",
            first(vec![(60, options(1))], 6, &tcp(8086, SYN)),
            Reason::Admitted,
        )
        .at("8086/tcp"),
    ];
    check(&dropping(), cases);
}

fn later() -> Vec<Case> {
    let from4 = |row, source, protocol, fragment: u16, pass: bool| {
        let more = if fragment & MORE == 0 { "" } else { "+" };
        let shape = format!("v4@{}{more} ip:{protocol}", fragment & 0x1fff);
        // What would be ports, 8086 among them, is payload.
        let frame = part4(source, protocol, fragment, &[&tcp(8086, SYN)[..], &[0; 12]].concat());
        if pass {
            passes(row, &shape, frame, Reason::LaterFragment)
        } else {
            drops(row, &shape, frame, Reason::FragmentSource)
        }
    };
    let from6 = |row, source, protocol, offset, more, pass: bool| {
        let sign = if more { "+" } else { "" };
        let shape = format!("v6 frag@{offset}{sign} ip:{protocol}");
        let frame = part6(source, protocol, (offset, more), &[&tcp(8086, SYN)[..], &[0; 12]].concat());
        if pass {
            passes(row, &shape, frame, Reason::LaterFragment)
        } else {
            drops(row, &shape, frame, Reason::FragmentSource)
        }
    };
    let offset1 = |row, shape, frame| drops(row, shape, frame, Reason::FragmentOffset1);
    let syn = tcp(8086, SYN);
    vec![
        from4("a later one from who may send TCP", CLIENT, 6, 3 | MORE, true),
        from4("the last one from who may send TCP", CLIENT, 6, 3, true),
        from4("offset 2 is beyond the flags", CLIENT, 6, 2, true),
        from4("the highest offset", CLIENT, 6, 0x1fff, true),
        from4("a stranger's is no packet to 8086/tcp", STRANGER, 6, 3 | MORE, false),
        from4("a stranger's last one", STRANGER, 6, 3, false),
        from4("of UDP, from who may send TCP only", CLIENT, 17, 185, false),
        from4("of UDP, from who may send UDP", INTERNAL, 17, 185, true),
        from4("of UDP at offset 1: its header is whole in eight bytes", INTERNAL, 17, 1, true),
        from4("of ICMP, from who may send pings", INTERNAL, 1, 185, true),
        from4("of ICMP, from who may not", CLIENT, 1, 185, false),
        from4("of a protocol that no rule names", EXTERNAL, 47, 185, false),
        from4("of the protocol that is IPv6's fragment header", CLIENT, 44, 3, false),
        from6("a later one from who may send something", CLIENT, 6, 3, true, true),
        from6("the last one from who may send something", CLIENT, 6, 3, false, true),
        from6("the protocol that it claims counts for nothing", CLIENT, 47, 3, false, true),
        from6("nor does no next header, which its first may not have", CLIENT, 59, 3, false, true),
        from6("a stranger's", STRANGER, 6, 3, true, false),
        from6("a stranger's that claims neighbour discovery's protocol", STRANGER, 58, 3, true, false),
        from6("UDP at offset 1: its header is whole in eight bytes", CLIENT, 17, 1, true, true),
        offset1("offset 1 would overwrite TCP's flags", "v4@1 ip:6", part4(CLIENT, 6, 1, &syn)),
        offset1("the same with more to come", "v4@1+ ip:6", part4(CLIENT, 6, 1 | MORE, &syn)),
        offset1("a stranger's", "v4@1 ip:6", part4(STRANGER, 6, 1, &syn)),
        offset1("SCTP's checksum likewise", "v4@1 ip:132", part4(CLIENT, 132, 1, &syn)),
        offset1("that claims to be TCP", "v6 frag@1 ip:6", part6(CLIENT, 6, (1, false), &syn)),
    ]
}

#[test]
fn a_later_fragment_is_judged_by_its_source() {
    check(&dropping(), later());
}

#[test]
fn a_later_fragment_passes_by_a_rule_for_its_protocol_alone() {
    let later4 = |source, protocol, offset| {
        (format!("v4@{offset} ip:{protocol}"), part4(source, protocol, offset, &[0; 32]))
    };
    let later6 = |source, protocol, offset| {
        (format!("v6 frag@{offset} ip:{protocol}"), part6(source, protocol, (offset, false), &[0; 32]))
    };
    let yes = |row, (shape, frame): (String, _)| passes(row, &shape, frame, Reason::LaterFragment);
    let no = |row, (shape, frame): (String, _)| drops(row, &shape, frame, Reason::FragmentSource);
    for (service, own, other) in
        [(Service::Protocol(47), 47, 132), (range(Transport::Sctp, 3868, 3869), 132, 47)]
    {
        // The clients have no other rule: nothing else can let them in.
        let site = with_rules(Matrix { rules: Vec::new(), ..dropping() }, [service]);
        let mut cases = vec![
            no("of TCP, which no rule lets this source send", later4(CLIENT, 6, 185)),
            no("of a protocol that no rule names", later4(CLIENT, 115, 185)),
            yes("the protocol that it claims counts for nothing", later6(CLIENT, 6, 185)),
            drops(
                "at offset 1 it would overwrite SCTP's checksum",
                "v4@1 ip:132",
                part4(CLIENT, 132, 1, &[0; 32]),
                Reason::FragmentOffset1,
            ),
            drops(
                "at offset 1 it would overwrite SCTP's checksum",
                "v6 frag@1 ip:132",
                part6(CLIENT, 132, (1, false), &[0; 32]),
                Reason::FragmentOffset1,
            ),
        ];
        for offset in [2, 185] {
            cases.extend([
                yes("from who may send it", later4(CLIENT, own, offset)),
                yes("from who may send it", later6(CLIENT, own, offset)),
                no("of the other rule's protocol", later4(CLIENT, other, offset)),
                no("a stranger's", later4(STRANGER, own, offset)),
                no("a stranger's", later6(STRANGER, own, offset)),
            ]);
        }
        check(&site, cases);
    }
}

#[test]
fn the_order_of_fragments_changes_nothing() {
    // No state is kept: the same verdicts in order, in reverse order, and again.
    let parts = [
        (part4(CLIENT, 6, MORE, &segment(8086, 6)), Reason::Admitted),
        (part4(CLIENT, 6, 3, &[0; 16]), Reason::LaterFragment),
        (part4(STRANGER, 6, MORE, &segment(8086, 6)), Reason::SourceNotAdmitted),
        (part4(STRANGER, 6, 3, &[0; 16]), Reason::FragmentSource),
        (part6(CLIENT, 6, (0, true), &segment(8086, 6)), Reason::Admitted),
        (part6(CLIENT, 6, (3, false), &[0; 16]), Reason::LaterFragment),
        // Overlapping: the first is judged by its port, whatever the others bring.
        (part6(STRANGER, 6, (0, true), &segment(8086, 6)), Reason::SourceNotAdmitted),
        (part6(STRANGER, 6, (2, false), &[0; 16]), Reason::FragmentSource),
    ];
    let mut twin = Twin::load(&dropping());
    for (frame, reason) in parts.iter().chain(parts.iter().rev()).chain(&parts) {
        assert_eq!(twin.ask(frame).reason, *reason, "{frame:02x?}");
    }
    // A flood of fragments with every identification: each is judged alone.
    let mut flood = part4(STRANGER, 17, 185, &[0; 16]);
    for identification in 0..=u16::MAX {
        flood[18..20].copy_from_slice(&identification.to_be_bytes());
        assert_eq!(twin.ask(&flood).reason, Reason::FragmentSource);
    }
    twin.check_counters();
}

#[test]
fn a_site_may_let_in_anybodys_later_fragments_which_come_to_nothing_without_their_first() {
    let cases = vec![
        passes("a stranger's", "v4@185 ip:17", part4(STRANGER, 17, 185, &[0; 32]), Reason::LaterFragment),
        passes(
            "a stranger's",
            "v6 frag@185 ip:17",
            part6(STRANGER, 17, (185, false), &[0; 32]),
            Reason::LaterFragment,
        ),
        drops("offset 1 drops still", "v4@1 ip:6", part4(STRANGER, 6, 1, &[0; 16]), Reason::FragmentOffset1),
        drops(
            "a first one is judged by its port",
            "v4@0+ tcp:8086/S",
            part4(STRANGER, 6, MORE, &tcp(8086, SYN)),
            Reason::SourceNotAdmitted,
        )
        .at("8086/tcp"),
    ];
    check(&Matrix { fragments: Fragments::Anybody, ..dropping() }, cases);
}

#[test]
fn under_posture_pass_later_fragments_come_to_nothing_without_their_first() {
    let cases = vec![
        passes(
            "a stranger's later one",
            "v4@3+ ip:6",
            part4(STRANGER, 6, 3 | MORE, &[0; 32]),
            Reason::LaterFragment,
        ),
        passes(
            "a stranger's later one",
            "v6 frag@3+ ip:17",
            part6(STRANGER, 17, (3, true), &[0; 32]),
            Reason::LaterFragment,
        ),
        drops("offset 1 drops still", "v4@1 ip:6", part4(STRANGER, 6, 1, &[0; 16]), Reason::FragmentOffset1),
        drops(
            "so do tiny ones",
            "v4@0+ tcp !",
            part4(STRANGER, 6, MORE, &tcp(22, SYN)[..8]),
            Reason::FragmentTiny,
        ),
        passes(
            "a first one to a port that no document names",
            "v4@0+ tcp:22/S",
            part4(STRANGER, 6, MORE, &tcp(22, SYN)),
            Reason::UndocumentedPassed,
        ),
        drops(
            "a first one to a port that one names",
            "v4@0+ tcp:8086/S",
            part4(STRANGER, 6, MORE, &tcp(8086, SYN)),
            Reason::SourceNotAdmitted,
        )
        .at("8086/tcp"),
    ];
    check(&passing(), cases);
}
