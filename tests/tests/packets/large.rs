//! Frames of more than a page, in several buffers (`xdp.frags`): the same verdict as in one piece, whatever is in the
//! first buffer. The smaller ones are cut at every byte by every case of the other files.

use portguard_common::Reason;
use portguard_tests::{
    craft::{V4, V6, fragment, options, tcp, udp},
    twin::Twin,
};

use crate::case::{CLIENT, STRANGER, SYN, dropping};

/// The payload of a frame at the largest MTU that networks have.
const JUMBO: usize = 8900;

#[test]
fn a_jumbo_frame_is_judged_as_a_small_one_is() {
    let mut twin = Twin::load(&dropping());
    let data = [&tcp(8086, 0x10)[..], &[7; JUMBO]].concat();
    let cases = [
        (CLIENT.v4(6).frame(&data), Reason::Admitted),
        (CLIENT.v6(6).frame(&data), Reason::Admitted),
        (STRANGER.v4(6).frame(&data), Reason::NoSocket),
        (STRANGER.v6(6).frame(&data), Reason::NoSocket),
        // Its length says more than all buffers hold.
        (V4 { total_len: Some(9999), ..CLIENT.v4(6) }.frame(&data), Reason::Malformed),
        (V6 { payload_len: Some(9999), ..CLIENT.v6(6) }.frame(&data), Reason::Malformed),
        (STRANGER.v4(17).frame(&[&udp(53, 4000)[..], &[7; JUMBO]].concat()), Reason::NoSocket),
        (V4 { options: vec![1; 40], ..CLIENT.v4(6) }.frame(&data), Reason::Admitted),
    ];
    for (frame, reason) in &cases {
        assert!(frame.len() > 2 * 4096);
        // Without being told, the kernel fills the first buffer and goes on in others.
        assert_eq!(twin.ask(frame).reason, *reason);
        for linear in 14..120 {
            assert_eq!(twin.ask_split(frame, linear).reason, *reason, "{linear} bytes in the first buffer");
        }
    }
    twin.check_counters();
}

#[test]
fn all_bytes_of_a_jumbo_frame_are_counted() {
    const LEN: usize = 9000;
    let mut twin = Twin::load(&dropping());
    let segment = |port, flags, ip: usize| {
        let mut segment = tcp(port, flags);
        segment.resize(LEN - 14 - ip, 7);
        segment
    };
    let cases = [
        (CLIENT.v4(6).frame(&segment(8086, 0x10, 20)), Reason::Admitted),
        (CLIENT.v6(6).frame(&segment(8086, 0x10, 40)), Reason::Admitted),
        (STRANGER.v4(6).frame(&segment(8086, SYN, 20)), Reason::SourceNotAdmitted),
        (STRANGER.v6(6).frame(&segment(8086, SYN, 40)), Reason::SourceNotAdmitted),
        (STRANGER.v4(6).frame(&segment(4000, 0x10, 20)), Reason::NoSocket),
        (STRANGER.v6(6).frame(&segment(4000, SYN, 40)), Reason::Undocumented),
        (STRANGER.v4(47).frame(&segment(0, 0, 20)), Reason::Protocol),
    ];
    for (frame, reason) in &cases {
        assert_eq!(frame.len(), LEN);
        let mut counted = twin.counted_bytes(*reason);
        let mut expect = |twin: &Twin, told: &str| {
            counted += LEN as u64;
            assert_eq!(twin.counted_bytes(*reason), counted, "{reason:?} {told}");
        };
        assert_eq!(twin.ask(frame).reason, *reason);
        expect(&twin, "as the kernel fills its buffers");
        for linear in [14, 33, 34, 54, 74, 75, 1500, 3000] {
            assert_eq!(twin.ask_split(frame, linear).reason, *reason);
            expect(&twin, &format!("with {linear} bytes in the first buffer"));
        }
    }
    twin.check_counters();
}

#[test]
fn headers_are_found_in_whichever_buffer_they_are() {
    let mut twin = Twin::load(&dropping());
    // Eight headers of 2 KiB or less: the port is in the fifth page.
    let long = |count: usize, units: u8| vec![(60, options(units)); count];
    let deep =
        |source: crate::case::Source, extensions| V6 { extensions, ..source.v6(6) }.frame(&tcp(8086, SYN));
    let first = [long(4, 255), vec![(44, fragment(0, true))]].concat();
    let cases = [
        (deep(CLIENT, long(8, 255)), Reason::Admitted),
        (deep(STRANGER, long(8, 255)), Reason::SourceNotAdmitted),
        (deep(CLIENT, long(9, 255)), Reason::ExtensionDepth),
        (deep(CLIENT, first.clone()), Reason::Admitted),
        (deep(STRANGER, first), Reason::SourceNotAdmitted),
        (V6 { extensions: long(3, 200), ..CLIENT.v6(6) }.frame(&tcp(8086, SYN)[..12]), Reason::Short),
    ];
    for (frame, reason) in &cases {
        assert!(frame.len() > 4096);
        assert_eq!(twin.ask(frame).reason, *reason);
        for linear in [14, 15, 53, 54, 55, 62, 1000, 2000, 2102, 3000] {
            assert_eq!(twin.ask_split(frame, linear).reason, *reason, "{linear} bytes in the first buffer");
        }
    }
    twin.check_counters();
}
