//! IPv4's own header: version, lengths, options.

use portguard_common::Reason;
use portguard_tests::craft::{V4, ethernet, tcp, udp};

use crate::case::{CLIENT, Case, INTERNAL, STRANGER, SYN, check, dropping, drops, passes};

fn from_client(change: impl Fn(&mut V4)) -> Vec<u8> {
    let mut packet = CLIENT.v4(6);
    change(&mut packet);
    packet.frame(&tcp(8086, SYN))
}

#[test]
fn lengths_and_versions_that_lie_drop() {
    let malformed =
        |row, change: &dyn Fn(&mut V4)| drops(row, "v4/0 !", from_client(change), Reason::Malformed);
    let beyond = V4 { version_and_len: Some(0x4f), ..CLIENT.v4(6) }.frame(&[]);
    let short = V4 { version_and_len: Some(0x4f), ..CLIENT.v4(6) }.frame(&[0; 8]);
    let inside = |row, len: u16| {
        drops(row, "v4 tcp !", from_client(|packet| packet.total_len = Some(len)), Reason::Short)
    };
    let udp = V4 { total_len: Some(24), ..CLIENT.v4(17) }.frame(&udp(40_000, 8089));
    let mut cases = vec![
        malformed("version 6 under the EtherType of IPv4", &|packet| packet.version_and_len = Some(0x65)),
        malformed("version 0", &|packet| packet.version_and_len = Some(0x05)),
        drops("a header that the frame ends in", "v4/0 !", beyond, Reason::Short),
        drops("a header that the frame ends in, with bytes of options", "v4/0 !", short, Reason::Short),
        drops(
            "a total length within the header",
            "v4 !",
            from_client(|packet| packet.total_len = Some(16)),
            Reason::Malformed,
        ),
        drops("no total length", "v4 !", from_client(|packet| packet.total_len = Some(0)), Reason::Malformed),
        drops(
            "a total length beyond the frame",
            "v4 !",
            from_client(|packet| packet.total_len = Some(200)),
            Reason::Malformed,
        ),
        drops(
            "a total length one byte beyond the frame",
            "v4 !",
            from_client(|packet| packet.total_len = Some(41)),
            Reason::Malformed,
        ),
        inside("nothing but the header, though bytes follow", 20),
        inside("a total length that ends inside TCP's header, though bytes follow", 24),
        inside("one byte short of TCP's header", 39),
        drops(
            "a total length that ends inside UDP's header, though bytes follow",
            "v4 udp !",
            udp,
            Reason::Short,
        ),
    ];
    cases.extend((0..5).map(|words| {
        malformed("a header of fewer than five words", &|packet| packet.version_and_len = Some(0x40 | words))
    }));
    check(&dropping(), cases);
}

#[test]
fn what_is_unusual_and_sound_is_judged_by_its_port() {
    let admitted = |row, shape, frame| passes(row, shape, frame, Reason::Admitted).at("8086/tcp");
    let trailer = [from_client(|_| ()), vec![0; 30]].concat();
    let tail = |packet: &V4| [packet.frame(&tcp(8086, SYN)), tcp(22, SYN)].concat();
    let mut checksum = from_client(|_| ());
    checksum[24] ^= 0x55;
    let cases = vec![
        admitted("zeros behind the packet, as in every small frame", "v4 tcp:8086/S", trailer),
        admitted("another header behind the packet", "v4 tcp:8086/S", tail(&CLIENT.v4(6))),
        drops("the same from a stranger", "v4 tcp:8086/S", tail(&STRANGER.v4(6)), Reason::SourceNotAdmitted)
            .at("8086/tcp"),
        admitted("a wrong checksum is for the stack", "v4 tcp:8086/S", checksum),
        admitted("time to live 0 is delivered", "v4 tcp:8086/S", from_client(|packet| packet.ttl = 0)),
        admitted(
            "don't fragment is no fragment",
            "v4 tcp:8086/S",
            from_client(|packet| packet.fragment = 0x4000),
        ),
        admitted("nor is the reserved flag", "v4 tcp:8086/S", from_client(|packet| packet.fragment = 0x8000)),
    ];
    check(&dropping(), cases);
}

#[test]
fn options_are_walked_and_the_port_is_behind_them() {
    let with = |options: &[u8]| from_client(|packet| packet.options = options.to_vec());
    let shape = |options: &[u8]| format!("v4/{} tcp:8086/S", 5 + options.len() / 4);
    let admitted = |row, options: &[u8]| -> Case {
        passes(row, &shape(options), with(options), Reason::Admitted).at("8086/tcp")
    };
    let route = |row, options: &[u8]| drops(row, &shape(options), with(options), Reason::SourceRoute);
    let malformed = |row, options: &[u8]| drops(row, &shape(options), with(options), Reason::Malformed);
    // A program that takes the header for 20 bytes would read the ports there: it would see 53.
    let disguise = V4 { options: vec![1, 1, 0, 53], ..INTERNAL.v4(17) }.frame(&udp(40_000, 4000));
    // "7" is record route, of three bytes at least.
    let cases = vec![
        admitted("four bytes of no operation", &[1; 4]),
        admitted("forty bytes of options", &[1; 40]),
        admitted("options that look like a port", &[1, 1, 0, 53]),
        drops("options that look like an open port", "v4/6 udp:4000", disguise, Reason::NoSocket),
        admitted("router alert", &[148, 4, 0, 0]),
        admitted("a list that ends early", &[0, 131, 3, 4]),
        admitted("a source route's number as data", &[148, 4, 131, 137]),
        admitted("a timestamp of forty bytes", &[&[68, 40][..], &[5; 38]].concat()),
        route("loose source route", &[131, 4, 4, 0]),
        route("strict source route", &[1, 137, 3, 4]),
        route("source route behind 36 bytes", &[&[1; 36][..], &[131, 3, 4, 0]].concat()),
        route("source route in the last byte", &[1, 1, 1, 131]),
        route("source route behind another option", &[148, 4, 0, 0, 137, 3, 4, 0]),
        malformed("an option without a length", &[1, 1, 1, 7]),
        malformed("an option of length 0", &[7, 0, 0, 0]),
        malformed("an option of length 1", &[7, 1, 0, 0]),
        malformed("an option one byte beyond the header", &[7, 5, 0, 0]),
        malformed("an option far beyond the header", &[7, 255, 0, 0]),
        malformed("an option that hides in the payload", &[1, 1, 7, 24]),
        drops(
            "a stranger's options change nothing",
            "v4/6 tcp:8086/S",
            V4 { options: vec![1; 4], ..STRANGER.v4(6) }.frame(&tcp(8086, SYN)),
            Reason::SourceNotAdmitted,
        )
        .at("8086/tcp"),
    ];
    check(&dropping(), cases);
}

#[test]
fn every_cut_of_the_frame_drops() {
    let frame = from_client(|packet| packet.options = vec![1; 8]);
    let cases = (14..frame.len()).map(|len| {
        let reason = if len < 14 + 28 { Reason::Short } else { Reason::Malformed };
        let shape = if len < 14 + 28 { "v4/0 !" } else { "v4/7 !" };
        drops("the frame ends before the packet", shape, frame[..len].to_vec(), reason)
    });
    let mut cases: Vec<Case> = cases.collect();
    cases.push(drops("an EtherType and no byte of IPv4", "v4/0 !", ethernet(0x0800, &[]), Reason::Short));
    check(&dropping(), cases);
}
