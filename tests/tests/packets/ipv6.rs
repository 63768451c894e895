//! IPv6's header and the headers that extend it.

use portguard::matrix::Service;
use portguard_common::Reason;
use portguard_tests::craft::{V6, authentication, fragment, options, tcp};

use crate::case::{CLIENT, Case, STRANGER, SYN, check, dropping, drops, passes, passing, with_rules};

const HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AH: u8 = 51;
const DESTINATION: u8 = 60;

fn chain(extensions: &[(u8, Vec<u8>)]) -> Vec<u8> {
    V6 { extensions: extensions.to_vec(), ..CLIENT.v6(6) }.frame(&tcp(8086, SYN))
}

fn dst(units: u8) -> (u8, Vec<u8>) {
    (DESTINATION, options(units))
}

fn hop() -> (u8, Vec<u8>) {
    (HOP, options(1))
}

/// Admitted to 8086/tcp behind these headers.
fn walked(row: &str, shape: &str, extensions: &[(u8, Vec<u8>)]) -> Case {
    passes(row, &format!("v6 {shape} tcp:8086/S"), chain(extensions), Reason::Admitted).at("8086/tcp")
}

fn refused(row: &str, shape: &str, extensions: &[(u8, Vec<u8>)], reason: Reason) -> Case {
    drops(row, &format!("v6 {shape}"), chain(extensions), reason)
}

#[test]
fn lengths_and_versions_that_lie_drop() {
    let with = |len: u16| V6 { payload_len: Some(len), ..CLIENT.v6(6) }.frame(&tcp(8086, SYN));
    let mut version = chain(&[]);
    version[14] = 0x45;
    let jumbo = V6 {
        payload_len: Some(0),
        extensions: vec![(HOP, vec![0, 0, 0xc2, 4, 0, 0, 0, 28])],
        ..CLIENT.v6(6)
    };
    let with_trailer = |trailer: &[u8]| [&chain(&[])[..], trailer].concat();
    let mut cases = vec![
        drops("version 4 under the EtherType of IPv6", "v6 !", version, Reason::Malformed),
        drops("a payload length beyond the frame", "v6 !", with(99), Reason::Malformed),
        drops("a payload length one byte beyond the frame", "v6 !", with(21), Reason::Malformed),
        drops("no payload", "v6 !", with(0), Reason::Malformed),
        drops("a jumbogram", "v6 !", jumbo.frame(&tcp(8086, SYN)), Reason::Malformed),
        drops("a length that ends inside TCP's header", "v6 tcp !", with(8), Reason::Short),
        drops("one byte short of TCP's header", "v6 tcp !", with(19), Reason::Short),
        passes("zeros behind the packet", "v6 tcp:8086/S", with_trailer(&[0; 20]), Reason::Admitted)
            .at("8086/tcp"),
        passes("a header behind the packet", "v6 tcp:8086/S", with_trailer(&tcp(22, SYN)), Reason::Admitted)
            .at("8086/tcp"),
        passes(
            "hop limit 0 is delivered",
            "v6 tcp:8086/S",
            V6 { hop_limit: 0, ..CLIENT.v6(6) }.frame(&tcp(8086, SYN)),
            Reason::Admitted,
        )
        .at("8086/tcp"),
    ];
    let whole = chain(&[dst(1)]);
    cases.extend((14..whole.len()).map(|len| {
        let reason = if len < 54 { Reason::Short } else { Reason::Malformed };
        drops("the frame ends before the packet", "v6 !", whole[..len].to_vec(), reason)
    }));
    check(&dropping(), cases);
}

#[test]
fn chains_are_walked_to_the_limit_and_drop_beyond() {
    let many = |count: usize| vec![dst(1); count];
    let deep = |count: usize| {
        let shape = format!("{}tcp:8086/S", "dst ".repeat(count));
        refused("the stack walks longer chains than the filter", &shape, &many(count), Reason::ExtensionDepth)
    };
    let stranger = V6 { extensions: many(8), ..STRANGER.v6(6) }.frame(&tcp(8086, SYN));
    let later = [many(8), vec![(FRAGMENT, fragment(2, true))]].concat();
    let shape = |text: &str, last: &str| format!("{}{last}", text.repeat(8));
    let mut cases = vec![
        walked("hop-by-hop options first", "hop", &[hop()]),
        walked("hop-by-hop and destination options", "hop dst", &[hop(), dst(1)]),
        walked("destination options", "dst", &[dst(1)]),
        walked("as many as are walked", "dst dst dst dst dst dst dst dst", &many(8)),
        walked("a header of 240 bytes", "dst", &[dst(30)]),
        walked("the longest header", "dst", &[dst(255)]),
        walked(
            "a header of every kind that is walked",
            "hop dst frag@whole dst",
            &[hop(), dst(2), (FRAGMENT, fragment(0, false)), dst(1)],
        ),
        deep(9),
        deep(16),
        refused(
            "a ninth header that is a later fragment's",
            &shape("dst ", "frag@2+ ip:6"),
            &later,
            Reason::ExtensionDepth,
        ),
        drops(
            "a stranger's chain hides no port",
            &format!("v6 {}", shape("dst ", "tcp:8086/S")),
            stranger,
            Reason::SourceNotAdmitted,
        )
        .at("8086/tcp"),
    ];
    for units in 1..8 {
        cases.push(walked("a port behind a header of every length", "dst", &[dst(units)]));
    }
    check(&dropping(), cases);
}

#[test]
fn headers_that_no_node_needs_drop() {
    let next = |row, protocol, reason| {
        let frame = V6 { protocol, ..CLIENT.v6(6) }.frame(&tcp(8086, SYN));
        drops(row, &format!("v6 ip:{protocol}"), frame, reason)
    };
    let routing = |row, kind, left| {
        let header = vec![0, 0, kind, left, 0, 0, 0, 0];
        refused(row, "route tcp:8086/S", &[(ROUTING, header)], Reason::RoutingHeader)
    };
    let cut = |row, header: Vec<u8>, shape| refused(row, shape, &[(DESTINATION, header)], Reason::Short);
    let two = [(FRAGMENT, fragment(0, false)), (FRAGMENT, fragment(0, false))];
    let cases = vec![
        refused("hop-by-hop options second", "dst hop tcp:8086/S", &[dst(1), hop()], Reason::ExtensionOrder),
        refused("hop-by-hop options twice", "hop hop tcp:8086/S", &[hop(), hop()], Reason::ExtensionOrder),
        refused("two fragment headers", "frag@whole frag@whole tcp:8086/S", &two, Reason::ExtensionOrder),
        cut("a header that runs past the packet", vec![0, 255, 1, 4, 0, 0, 0, 0], "dst !"),
        cut("a header that runs eight bytes past the packet", vec![0, 3, 1, 4, 0, 0, 0, 0], "dst !"),
        drops(
            "a header of four bytes",
            "v6 dst !",
            V6 { protocol: DESTINATION, ..CLIENT.v6(6) }.frame(&[6, 0, 1, 0]),
            Reason::Short,
        ),
        drops(
            "a header that ends in the padding behind the packet",
            "v6 dst !",
            V6 { payload_len: Some(12), extensions: vec![dst(2)], ..CLIENT.v6(6) }.frame(&tcp(8086, SYN)),
            Reason::Short,
        ),
        drops(
            "a fragment header of four bytes",
            "v6 frag !",
            V6 { protocol: FRAGMENT, ..CLIENT.v6(6) }.frame(&[6, 0, 0, 0]),
            Reason::Short,
        ),
        routing("routing header 0, nothing left", 0, 0),
        routing("routing header 0", 0, 1),
        routing("routing header 2, of mobility", 2, 0),
        routing("routing header 3", 3, 1),
        routing("segment routing", 4, 1),
        refused(
            "a routing header further back",
            "dst route tcp:8086/S",
            &[dst(1), (ROUTING, vec![0; 8])],
            Reason::RoutingHeader,
        ),
        next("no next header, though bytes follow", 59, Reason::NoNextHeader),
        next("mobility", 135, Reason::ExtensionUnknown),
        next("HIP", 139, Reason::ExtensionUnknown),
        next("Shim6", 140, Reason::ExtensionUnknown),
        next("an experiment", 253, Reason::ExtensionUnknown),
        next("another experiment", 254, Reason::ExtensionUnknown),
        next("ESP without a rule", 50, Reason::Protocol),
    ];
    check(&dropping(), cases);
}

#[test]
fn numbers_that_no_node_needs_drop_behind_other_headers_and_whatever_the_posture() {
    let numbers = [
        ("no next header, though bytes follow", 59, Reason::NoNextHeader),
        ("mobility", 135, Reason::ExtensionUnknown),
        ("HIP", 139, Reason::ExtensionUnknown),
        ("Shim6", 140, Reason::ExtensionUnknown),
        ("an experiment", 253, Reason::ExtensionUnknown),
        ("another experiment", 254, Reason::ExtensionUnknown),
    ];
    let chains = [
        ("", vec![]),
        ("dst ", vec![dst(1)]),
        ("dst dst ", vec![dst(1), dst(3)]),
        ("hop ", vec![hop()]),
        ("hop dst ", vec![hop(), dst(2)]),
        ("frag@whole ", vec![(FRAGMENT, fragment(0, false))]),
        ("dst frag@0+ ", vec![dst(1), (FRAGMENT, fragment(0, true))]),
    ];
    let cases = || -> Vec<Case> {
        let cases = numbers.iter().flat_map(|&(row, protocol, reason)| {
            chains.iter().map(move |(tokens, extensions)| {
                let frame =
                    V6 { protocol, extensions: extensions.clone(), ..CLIENT.v6(6) }.frame(&tcp(8086, SYN));
                drops(row, &format!("v6 {tokens}ip:{protocol}"), frame, reason)
            })
        });
        cases.collect()
    };
    check(&dropping(), cases());
    check(&passing(), cases());
}

#[test]
fn what_is_behind_an_authentication_header_needs_a_rule_for_both() {
    let ah = |words: u8| (AH, authentication(words));
    let refused = |row, shape, extensions: &[_], reason| refused(row, shape, extensions, reason);
    let without =
        vec![refused("an authentication header without a rule", "ah tcp:8086/S", &[ah(3)], Reason::Protocol)];
    check(&dropping(), without);
    let site = with_rules(dropping(), [Service::Protocol(AH)]);
    let stranger = V6 { extensions: vec![ah(3)], ..STRANGER.v6(6) }.frame(&tcp(8086, SYN));
    let closed = V6 { extensions: vec![ah(3)], ..CLIENT.v6(6) }.frame(&tcp(22, SYN));
    let mut zero = authentication(0);
    zero[1] = 0;
    // Its length counts words less two. Taken for units of eight bytes, as of every other header, or without the two, the
    // port would be read elsewhere.
    let mut cases: Vec<Case> =
        (0..=24).map(|words| walked("an authentication header of every size", "ah", &[ah(words)])).collect();
    cases.extend([
        walked("the longest authentication header", "ah", &[ah(252)]),
        walked("with other headers around it", "hop ah dst", &[hop(), ah(3), dst(1)]),
        drops("its own rule opens no port", "v6 ah tcp:22/S", closed, Reason::Undocumented),
        drops("a stranger's", "v6 ah tcp:8086/S", stranger, Reason::Protocol).at("ip/51"),
        refused("two of them", "ah ah tcp:8086/S", &[ah(3), ah(3)], Reason::ExtensionOrder),
        refused(
            "one that runs past the packet",
            "ah !",
            &[(AH, vec![0, 40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])],
            Reason::Short,
        ),
        refused("one shorter than its fixed part", "ah !", &[(AH, zero)], Reason::Malformed),
    ]);
    check(&site, cases);
}
