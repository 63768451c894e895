//! Whatever the bytes are, the verdict is given without a panic; the shortcut for plain frames gives the same one; and
//! what lies beyond the packet has no part in it.
//!
//! Small enough for Miri: `cargo +nightly miri test -p portguard-common`.

use portguard_common::{
    Action, Arrival, Outcome, Reason,
    abi::{CLASS_FIRST, CLASS_NONE, CLASS_OWN, Cell, Entry6, Length6, Pilot6, PortEntry, port_entries},
    decide, general,
    tables::{Flow, SocketState, SourceAddress, Tables},
    unless_transit,
};

/// The one documented port of TCP and of UDP, and whom it is open to: 10.1.0.0/16 and every address of IPv6.
const PORT: u32 = 8086;
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

struct Small {
    /// Whether what is for others passes; all of IPv6 is.
    router: bool,
}

impl Tables for Small {
    fn posture_pass(&self) -> bool {
        false
    }

    fn failsafe(&self) -> bool {
        false
    }

    fn default_class6(&self) -> u32 {
        CLASS_FIRST
    }

    fn place_shift6(&self) -> u32 {
        63
    }

    fn pilot_shift6(&self) -> u32 {
        63
    }

    fn length_count6(&self) -> u32 {
        1
    }

    fn length6(&self, index: u32) -> Option<Length6> {
        (index == 0).then_some(Length6 { high: u64::MAX, low: u64::MAX, multiplier: 1 })
    }

    fn port(&self, index: u32) -> Option<PortEntry> {
        let documented = [port_entries::TCP + PORT, port_entries::UDP + PORT].contains(&index);
        let entry = if documented { PortEntry { slot: 100, cells: 1 } } else { PortEntry::default() };
        (index < port_entries::PER_ZONE).then_some(entry)
    }

    fn root4(&self, high: u16) -> Option<u32> {
        Some(match high {
            0x0a01 => CLASS_FIRST,
            0xc000 => CLASS_OWN,
            _ => CLASS_NONE,
        })
    }

    fn trie4(&self) -> impl Fn(u32) -> Option<u32> {
        |_| None
    }

    fn pilot6(&self, index: usize) -> Option<Pilot6> {
        (index < 2).then_some(0)
    }

    fn entry6(&self, index: usize) -> Option<&Entry6> {
        (index < 2).then_some(&Entry6::EMPTY)
    }

    fn cell(&self, index: u32) -> Option<Cell> {
        Some(Cell::from(index == 1 + CLASS_FIRST))
    }

    fn fragments_pass(&self) -> bool {
        false
    }

    fn transit(&self) -> bool {
        self.router
    }

    fn forwards<A: SourceAddress>(&self, _source: A, _destination: A) -> bool {
        true
    }

    /// To an odd port of the peer's there is a connection.
    fn tcp_socket<A: SourceAddress>(&self, flow: &Flow<A>) -> Option<SocketState> {
        (flow.ports.source() % 2 == 1).then_some(SocketState(1))
    }

    fn tcp_listener<A: SourceAddress>(&self, flow: &Flow<A>) -> bool {
        flow.ports.destination() == 80
    }

    fn udp_socket<A: SourceAddress>(&self, flow: &Flow<A>) -> Option<SocketState> {
        (flow.ports.source() % 2 == 1).then_some(SocketState(7))
    }

    fn udp_listener<A: SourceAddress>(&self, flow: &Flow<A>) -> bool {
        self.tcp_listener(flow)
    }
}

fn verdict(frame: &[u8]) -> Outcome {
    let arrival = Arrival::new(0, true);
    let [node, router] = [false, true].map(|router| Small { router });
    let outcome = decide(frame, arrival, &node);
    assert_eq!(outcome, general(frame, arrival, &node), "the shortcut is none for {frame:02x?}");
    let sent_on = decide(frame, arrival, &router);
    assert_eq!(sent_on, unless_transit(frame, outcome, &router), "the shortcut is none for {frame:02x?}");
    assert!(sent_on == outcome || sent_on.reason == Reason::Transit && outcome.reason.may_be_transit());
    outcome
}

fn tcp(port: u32, flags: u8) -> Vec<u8> {
    let [_, _, high, low] = port.to_be_bytes();
    vec![0x9c, 0x40, high, low, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]
}

fn frame(tags: &[u8], ether_type: [u8; 2], packet: &[u8]) -> Vec<u8> {
    [&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1][..], tags, &ether_type, packet].concat()
}

/// IPv4 from 10.1.0.9, its options included in `words`.
fn v4(words: u8, protocol: u8, behind: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(20 + behind.len()).expect("a packet").to_be_bytes();
    let header = [0x40 | words, 0, high, low, 0, 1, 0, 0, 64, protocol, 0, 0, 10, 1, 0, 9, 192, 0, 2, 1];
    frame(&[], [8, 0], &[&header[..], behind].concat())
}

fn v6(next: u8, behind: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(behind.len()).expect("a packet").to_be_bytes();
    let mut header = vec![0x60, 0, 0, 0, high, low, next, 255];
    for last in [9, 1] {
        header.extend([0x20, 1, 0xd, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
    }
    frame(&[], [0x86, 0xdd], &[&header[..], behind].concat())
}

/// Frames that reach every part of the parser.
fn frames() -> Vec<Vec<u8>> {
    let syn = tcp(PORT, SYN);
    let udp = [0, 53, 0x1f, 0x96, 0, 12, 0, 0, 1, 2, 3, 4];
    let authenticated = [&[6, 4, 0, 0][..], &[0; 20], &syn].concat();
    let chain =
        [&[60, 0, 1, 4, 0, 0, 0, 0][..], &[44, 1, 1, 12][..], &[0; 12], &[51, 0, 0, 1, 0, 0, 0, 1]].concat();
    let tagged = [0x88, 0xa8, 0, 100, 0x81, 0, 0, 200, 0x81, 0, 0, 0];
    vec![
        v4(5, 6, &syn),
        v4(7, 6, &[&[148, 4, 0, 0, 1, 1, 1, 0][..], &tcp(80, ACK)].concat()),
        v4(5, 17, &udp),
        v4(5, 51, &authenticated),
        v4(5, 1, &[8, 0, 0, 0, 0, 0, 0, 0]),
        v6(6, &syn),
        v6(17, &udp),
        v6(0, &[chain, authenticated].concat()),
        v6(58, &[135, 0, 0, 0, 0, 0, 0, 0]),
        frame(&tagged, [8, 0], &v4(5, 6, &tcp(22, ACK))[14..]),
        frame(&[], [0, 38], &[0x42, 0x42, 3]),
        frame(&[], [8, 6], &[0; 28]),
    ]
}

#[test]
fn every_cut_of_a_frame_has_a_verdict_and_none_is_admitted() {
    for whole in frames() {
        for len in 0..whole.len() {
            let outcome = verdict(&whole[..len]);
            let about_a_port = outcome.slot().is_some();
            assert!(!about_a_port, "{len} bytes of {whole:02x?}: {outcome:?}");
        }
        assert_ne!(verdict(&whole).reason, Reason::Short, "{whole:02x?}");
    }
}

#[test]
fn every_byte_may_be_another() {
    let mut seen = [false; Reason::ALL.len()];
    for whole in frames() {
        for at in 0..whole.len() {
            let values =
                [0, 1, 4, 0x7f, 0x80, 0xff, whole[at] ^ 1, whole[at] ^ 0x20, whole[at].wrapping_add(1)];
            // Miri takes a thousand times as long.
            let fewer = if cfg!(miri) { 5..7 } else { 0..values.len() };
            for value in &values[fewer] {
                let mut frame = whole.clone();
                frame[at] = *value;
                seen[verdict(&frame).reason as usize] = true;
            }
        }
    }
    assert!(!seen[Reason::Internal as usize], "the tables are sound");
    let count = seen.iter().filter(|&&seen| seen).count();
    assert!(count >= if cfg!(miri) { 16 } else { 24 }, "only {count} reasons were reached");
}

#[test]
fn what_lies_beyond_the_packet_has_no_part_in_the_verdict() {
    for whole in frames() {
        let outcome = verdict(&whole);
        for trailer in [&[0; 46][..], &[0xff; 7], &tcp(PORT, SYN), &[6, 0, 0, 0, 0, 0, 0, 0]] {
            assert_eq!(verdict(&[&whole[..], trailer].concat()), outcome, "{whole:02x?}");
        }
    }
    // A header that ends in what lies beyond is not there.
    for len in 0..20 {
        let mut frame = v4(5, 6, &tcp(PORT, SYN)[..len]);
        frame.extend(tcp(PORT, SYN));
        let outcome = verdict(&frame);
        assert_eq!((outcome.reason, outcome.reason.action()), (Reason::Short, Action::Drop), "{len} bytes");
    }
}
