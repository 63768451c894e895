//! What leaves: by the rules for its destination, or because it answers what came in.

use std::net::IpAddr;

use portguard_common::{
    Action, Arrival, Outcome, Reason,
    abi::{
        CLASS_FIRST, CLASS_NONE, CLASS_OWN, Cell, Entry6, Length6, Pilot6, PortEntry, port_entries,
        port_slots, undocumented,
    },
    outgoing,
    tables::{Flow, OutboundTables, SocketState, SourceAddress, Tables},
};

const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// The node.
const NODE: [u8; 4] = [192, 0, 2, 1];
/// Inbound rules admit it to 8086/tcp, 53/udp, 36412/sctp and AH.
const CLIENT: [u8; 4] = [10, 1, 0, 9];
/// Outbound rules admit it at 443/tcp, 123/udp, 36422/sctp, by echo requests and VRRP.
const UPSTREAM: [u8; 4] = [10, 3, 0, 9];
const STRANGER: [u8; 4] = [10, 9, 0, 9];

const CLIENT_CLASS: u32 = CLASS_FIRST;
const UPSTREAM_CLASS: u32 = CLASS_FIRST + 1;
const INBOUND: PortEntry = PortEntry { slot: 200, cells: 10 };
const OUTBOUND: PortEntry = PortEntry { slot: 300, cells: 20 };

/// A node with one zone, whose IPv6 peers are all upstream.
#[derive(Clone, Copy)]
struct Node {
    posture_pass: bool,
    observes_inbound: bool,
    /// The state of the TCP socket between 8087 and the stranger.
    socket: Option<u32>,
    /// Whether there is a listener on 8087.
    listener: bool,
    departure: Arrival,
}

const DROPPING: Node = Node {
    posture_pass: false,
    observes_inbound: false,
    socket: None,
    listener: false,
    departure: Arrival::new(1, false),
};
const PASSING: Node = Node { posture_pass: true, ..DROPPING };

impl Tables for Node {
    fn posture_pass(&self) -> bool {
        self.posture_pass
    }

    fn failsafe(&self) -> bool {
        false
    }

    fn default_class6(&self) -> u32 {
        UPSTREAM_CLASS
    }

    fn place_shift6(&self) -> u32 {
        63
    }

    fn pilot_shift6(&self) -> u32 {
        63
    }

    fn length_count6(&self) -> u32 {
        0
    }

    fn length6(&self, _: u32) -> Option<Length6> {
        None
    }

    fn port(&self, index: u32) -> Option<PortEntry> {
        use port_entries::{ICMPV4, ICMPV6, PER_ZONE, PROTOCOL, SCTP, TCP, UDP};
        let inbound = [TCP + 8086, UDP + 53, SCTP + 36_412, PROTOCOL + 51];
        let outbound = [TCP + 443, UDP + 123, SCTP + 36_422, PROTOCOL + 112, ICMPV4 + 8, ICMPV6 + 128]
            .map(|at| PER_ZONE + at);
        match index {
            _ if inbound.contains(&index) => Some(INBOUND),
            _ if outbound.contains(&index) => Some(OUTBOUND),
            _ => (index < 2 * PER_ZONE).then(PortEntry::default),
        }
    }

    fn root4(&self, high: u16) -> Option<u32> {
        Some(match high {
            0x0a01 => CLIENT_CLASS,
            0x0a03 => UPSTREAM_CLASS,
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
        Some(Cell::from([INBOUND.cells + CLIENT_CLASS, OUTBOUND.cells + UPSTREAM_CLASS].contains(&index)))
    }

    /// About what comes in alone.
    fn fragments_pass(&self) -> bool {
        true
    }

    /// Likewise.
    fn transit(&self) -> bool {
        true
    }

    fn forwards<A: SourceAddress>(&self, _source: A, _destination: A) -> bool {
        true
    }

    /// The peer is the flow's source, whoever sends.
    fn tcp_socket<A: SourceAddress>(&self, flow: &Flow<A>) -> Option<SocketState> {
        let ends = [flow.source.to_ip(), flow.destination.to_ip()];
        let known = ends == [STRANGER, NODE].map(IpAddr::from) && flow.ports.destination() == 8087;
        self.socket.filter(|_| known).map(SocketState)
    }

    fn tcp_listener<A: SourceAddress>(&self, flow: &Flow<A>) -> bool {
        self.listener && flow.destination.to_ip() == IpAddr::from(NODE) && flow.ports.destination() == 8087
    }

    fn udp_socket<A: SourceAddress>(&self, _: &Flow<A>) -> Option<SocketState> {
        unreachable!("a socket does not tell who spoke first")
    }

    fn udp_listener<A: SourceAddress>(&self, _: &Flow<A>) -> bool {
        unreachable!("likewise")
    }
}

impl OutboundTables for Node {
    fn zones(&self) -> u32 {
        1
    }

    fn observes_inbound(&self) -> bool {
        self.observes_inbound
    }
}

impl Node {
    fn asked(self, frame: &[u8]) -> Outcome {
        outgoing(frame, self.departure, &self)
    }

    fn reason(self, frame: &[u8]) -> Reason {
        self.asked(frame).reason
    }
}

fn frame(ether_type: [u8; 2], packet: &[u8]) -> Vec<u8> {
    [&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1][..], &ether_type, packet].concat()
}

fn v4_fragment(to: [u8; 4], protocol: u8, fragment: u16, behind: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(20 + behind.len()).expect("a packet").to_be_bytes();
    let [flags, offset] = fragment.to_be_bytes();
    let header = [&[0x45, 0, high, low, 0, 1, flags, offset, 64, protocol, 0, 0][..], &NODE, &to].concat();
    frame([8, 0], &[&header[..], behind].concat())
}

fn v4(to: [u8; 4], protocol: u8, behind: &[u8]) -> Vec<u8> {
    v4_fragment(to, protocol, 0, behind)
}

fn v6(next: u8, hops: u8, behind: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(behind.len()).expect("a packet").to_be_bytes();
    let mut header = vec![0x60, 0, 0, 0, high, low, next, hops];
    for last in [1, 9] {
        header.extend([0x20, 1, 0xd, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
    }
    frame([0x86, 0xdd], &[&header[..], behind].concat())
}

fn ports(from: u16, to: u16) -> Vec<u8> {
    [from.to_be_bytes(), to.to_be_bytes()].concat()
}

fn segment(from: u16, to: u16, flags: u8) -> Vec<u8> {
    [&ports(from, to)[..], &[0, 0, 0, 1, 0, 0, 0, 0, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]].concat()
}

fn datagram(from: u16, to: u16) -> Vec<u8> {
    [&ports(from, to)[..], &[0, 12, 0, 0, 1, 2, 3, 4]].concat()
}

fn chunk(from: u16, to: u16) -> Vec<u8> {
    [&ports(from, to)[..], &[0; 8]].concat()
}

const FIRST_ADMITTED: u32 = OUTBOUND.slot + port_slots::ADMITTED;

#[test]
fn what_a_rule_admits_leaves_and_is_counted_for_the_rule() {
    let echo = [8, 0, 0, 0, 0, 0, 0, 0];
    for leaving in [
        v4(UPSTREAM, 6, &segment(40_000, 443, SYN)),
        v4(UPSTREAM, 6, &segment(40_000, 443, ACK)),
        v4(UPSTREAM, 17, &datagram(40_000, 123)),
        v4(UPSTREAM, 132, &chunk(40_000, 36_422)),
        v4(UPSTREAM, 112, &[0; 8]),
        v4(UPSTREAM, 1, &echo),
        v6(6, 64, &segment(40_000, 443, SYN)),
        v6(58, 64, &[128, 0, 0, 0, 0, 0, 0, 0]),
    ] {
        for node in [DROPPING, PASSING] {
            let outcome = node.asked(&leaving);
            assert_eq!(
                (outcome.reason, outcome.slot()),
                (Reason::Admitted, Some(FIRST_ADMITTED)),
                "{leaving:?}"
            );
        }
    }
}

#[test]
fn a_documented_port_is_closed_to_other_destinations_under_either_posture() {
    for (to, protocol, behind) in [
        (STRANGER, 6, segment(40_000, 443, SYN)),
        (CLIENT, 6, segment(40_000, 443, SYN)),
        (NODE, 6, segment(40_000, 443, SYN)),
        (STRANGER, 17, datagram(40_000, 123)),
        (STRANGER, 132, chunk(40_000, 36_422)),
        (STRANGER, 1, vec![8, 0, 0, 0, 0, 0, 0, 0]),
    ] {
        for node in [DROPPING, PASSING] {
            let outcome = node.asked(&v4(to, protocol, &behind));
            let expected = (Reason::DestinationNotAdmitted, Some(OUTBOUND.slot + port_slots::REFUSED));
            assert_eq!((outcome.reason, outcome.slot()), expected, "{protocol} to {to:?}");
            assert_eq!(outcome.reason.action(), Action::Drop);
        }
    }
}

#[test]
fn what_no_rule_names_follows_the_outbound_posture_and_has_an_outbound_place() {
    for (protocol, behind, place) in [
        (6, segment(40_000, 22, SYN), undocumented::TCP + 22),
        (17, datagram(40_000, 53), undocumented::UDP + 53),
        (1, vec![42, 0, 0, 0, 0, 0, 0, 0], undocumented::ICMPV4 + 42),
    ] {
        let place = Some(undocumented::OUT + place);
        let leaving = v4(STRANGER, protocol, &behind);
        for (node, reason) in [(DROPPING, Reason::Undocumented), (PASSING, Reason::UndocumentedPassed)] {
            let outcome = node.asked(&leaving);
            assert_eq!((outcome.reason, outcome.undocumented_place()), (reason, place), "{protocol}");
        }
    }
    let ether_type = frame([0x12, 0x34], &[0; 46]);
    assert_eq!(DROPPING.reason(&ether_type), Reason::EtherType);
    assert_eq!(PASSING.reason(&ether_type), Reason::EtherTypePassed);
}

#[test]
fn what_answers_a_peer_that_inbound_rules_admit_needs_no_rule_and_no_socket() {
    for flags in [SYN | ACK, ACK, ACK | 0x01, RST, 0x08] {
        assert_eq!(DROPPING.reason(&v4(CLIENT, 6, &segment(8086, 40_000, flags))), Reason::Reply, "{flags}");
    }
    for node in [DROPPING, PASSING] {
        assert_eq!(node.reason(&v4(CLIENT, 17, &datagram(53, 40_000))), Reason::Reply);
        assert_eq!(node.reason(&v4(CLIENT, 132, &chunk(36_412, 40_000))), Reason::Reply);
    }
    let authenticated = [&[6, 4, 0, 0][..], &[0; 20], &segment(8086, 40_000, ACK)].concat();
    assert_eq!(DROPPING.reason(&v4(CLIENT, 51, &authenticated)), Reason::Reply);
    assert_eq!(
        PASSING.reason(&v4(UPSTREAM, 51, &authenticated)),
        Reason::Protocol,
        "no rule for AH to there"
    );
}

#[test]
fn what_only_comes_from_a_served_port_is_no_answer() {
    // The node opens it.
    let opened = DROPPING.asked(&v4(CLIENT, 6, &segment(8086, 40_000, SYN)));
    assert_eq!(opened.reason, Reason::Undocumented);
    // Another peer, another port.
    for (to, protocol, behind, reason) in [
        (STRANGER, 6, segment(8086, 40_000, ACK), Reason::NoSocket),
        (CLIENT, 6, segment(8087, 40_000, ACK), Reason::NoSocket),
        (STRANGER, 17, datagram(53, 40_000), Reason::Undocumented),
        (CLIENT, 17, datagram(54, 40_000), Reason::Undocumented),
        (STRANGER, 132, chunk(36_412, 40_000), Reason::Protocol),
    ] {
        assert_eq!(DROPPING.reason(&v4(to, protocol, &behind)), reason, "{protocol} to {to:?}");
    }
}

#[test]
fn a_connection_that_the_socket_table_knows_as_the_peers_is_answered() {
    let answer = v4(STRANGER, 6, &segment(8087, 40_000, ACK));
    // Established, FIN_WAIT1, TIME_WAIT, CLOSE_WAIT, SYN_RECV as a socket and as a request.
    for state in [1, 4, 6, 8, 3, 12] {
        let served = Node { socket: Some(state), listener: true, ..DROPPING };
        assert_eq!(served.reason(&answer), Reason::Reply, "{state}");
        assert_eq!(served.reason(&v4(STRANGER, 6, &segment(8087, 40_000, SYN))), Reason::Undocumented);
        // Without a listener the node opened it, while a rule still let it.
        let own = Node { listener: false, ..served };
        let outcome = own.asked(&answer);
        assert_eq!(outcome.reason, Reason::Revoked, "{state}");
        assert_eq!(outcome.undocumented_place(), Some(undocumented::OUT + undocumented::TCP + 40_000));
        let documented = own.asked(&v4(STRANGER, 6, &segment(8087, 443, ACK)));
        let unanswered = OUTBOUND.slot + port_slots::UNANSWERED;
        assert_eq!((documented.reason, documented.slot()), (Reason::Revoked, Some(unanswered)));
    }
    let opening = Node { socket: Some(2), listener: true, ..DROPPING };
    assert_eq!(opening.reason(&answer), Reason::Revoked, "SYN_SENT is the node's, whoever listens");
    assert_eq!(DROPPING.reason(&answer), Reason::NoSocket);
}

#[test]
fn a_listener_that_keeps_no_sockets_under_attack_still_agrees_to_connections() {
    let listening = Node { socket: Some(10), listener: true, ..DROPPING };
    assert_eq!(listening.reason(&v4(STRANGER, 6, &segment(8087, 40_000, SYN | ACK))), Reason::Reply);
    assert_eq!(listening.reason(&v4(STRANGER, 6, &segment(8087, 40_000, ACK))), Reason::NoSocket);
    assert_eq!(DROPPING.reason(&v4(STRANGER, 6, &segment(8087, 40_000, SYN | ACK))), Reason::NoSocket);
}

#[test]
fn a_reset_passes_and_carries_nothing() {
    for flags in [RST, RST | ACK] {
        for to in [443, 40_000] {
            assert_eq!(DROPPING.reason(&v4(STRANGER, 6, &segment(22, to, flags))), Reason::Reset);
        }
    }
    let with_data = [segment(22, 40_000, RST | ACK), vec![1]].concat();
    assert_eq!(DROPPING.reason(&v4(STRANGER, 6, &with_data)), Reason::NoSocket);
    assert_eq!(DROPPING.reason(&v4(STRANGER, 6, &segment(22, 40_000, RST | SYN))), Reason::Undocumented);
}

#[test]
fn whoever_is_only_counted_inbound_is_answered() {
    let observing = Node { observes_inbound: true, ..DROPPING };
    assert_eq!(observing.reason(&v4(STRANGER, 17, &datagram(53, 40_000))), Reason::Reply);
    assert_eq!(observing.reason(&v4(STRANGER, 132, &chunk(36_412, 40_000))), Reason::Reply);
    // Ports that no inbound rule names are those that the node's own traffic goes out from.
    assert_eq!(observing.reason(&v4(STRANGER, 17, &datagram(40_001, 40_000))), Reason::Undocumented);
    // Of TCP the socket table tells.
    assert_eq!(observing.reason(&v4(STRANGER, 6, &segment(8086, 40_000, ACK))), Reason::NoSocket);
}

#[test]
fn what_ip_needs_leaves_whatever_the_posture() {
    for (leaving, reason) in [
        (frame([8, 6], &[0; 28]), Reason::Arp),
        (frame([0x88, 0xcc], &[0; 28]), Reason::LinkControl),
        (v4(STRANGER, 1, &[3, 4, 0, 0, 0, 0, 0, 0]), Reason::IcmpError),
        (v4(STRANGER, 1, &[0; 8]), Reason::EchoReply),
        (v4([224, 0, 0, 22], 2, &[0; 8]), Reason::Igmp),
        (v6(58, 64, &[2, 0, 0, 0, 0, 0, 5, 0]), Reason::IcmpError),
        (v6(58, 255, &[133, 0, 0, 0, 0, 0, 0, 0]), Reason::NeighbourDiscovery),
        (v6(58, 255, &[135, 0, 0, 0, 0, 0, 0, 0]), Reason::NeighbourDiscovery),
        (v6(58, 255, &[136, 0, 0, 0, 0, 0, 0, 0]), Reason::NeighbourDiscovery),
        (v6(58, 1, &[143, 0, 0, 0, 0, 0, 0, 0]), Reason::MulticastListener),
        (v4_fragment(STRANGER, 17, 185, &[0; 16]), Reason::LaterFragment),
        (v6(44, 64, &[17, 0, 5, 0xc8, 0, 0, 0, 1, 0, 0]), Reason::LaterFragment),
    ] {
        for node in [DROPPING, PASSING] {
            assert_eq!(node.reason(&leaving), reason);
            assert_eq!(reason.action(), Action::Pass);
        }
    }
}

#[test]
fn a_client_of_dhcp_asks_where_the_interface_uses_dhcp() {
    let with_dhcp = Node { departure: Arrival::new(1, true), ..DROPPING };
    let asks4 = v4([255; 4], 17, &datagram(68, 67));
    // IPv6 peers are upstream here, where the port is undocumented all the same.
    let asks6 = v6(17, 64, &datagram(546, 547));
    for asks in [&asks4, &asks6] {
        assert_eq!(with_dhcp.reason(asks), Reason::Dhcp);
        assert_eq!(DROPPING.reason(asks), Reason::Undocumented);
    }
    assert_eq!(with_dhcp.reason(&v4([255; 4], 17, &datagram(67, 68))), Reason::Undocumented, "a server's");
}

#[test]
fn what_hides_its_content_leaves_by_rule_only() {
    for tunnel in [4, 41, 47, 50, 94, 137] {
        assert_eq!(PASSING.reason(&v4(UPSTREAM, tunnel, &[0; 24])), Reason::Protocol, "{tunnel}");
    }
    assert_eq!(PASSING.reason(&v4(STRANGER, 89, &[0; 24])), Reason::ProtocolPassed);
    assert_eq!(DROPPING.reason(&v4(STRANGER, 89, &[0; 24])), Reason::Protocol);
    let refused = DROPPING.asked(&v4(STRANGER, 112, &[0; 8]));
    let unanswered = OUTBOUND.slot + port_slots::UNANSWERED;
    assert_eq!((refused.reason, refused.slot()), (Reason::Protocol, Some(unanswered)));
    assert_eq!(PASSING.reason(&frame([0x88, 0x47], &[0; 46])), Reason::Encapsulated);
}

#[test]
fn a_header_that_is_not_whole_leaves_under_no_posture() {
    let syn = segment(40_000, 22, SYN);
    for len in 0..syn.len() {
        assert_eq!(PASSING.reason(&v4(STRANGER, 6, &syn[..len])), Reason::Short, "{len}");
        if len > 0 {
            assert_eq!(PASSING.reason(&v4_fragment(STRANGER, 6, 0x2000, &syn[..len])), Reason::FragmentTiny);
        }
    }
    assert_eq!(PASSING.reason(&v4_fragment(STRANGER, 6, 1, &syn)), Reason::FragmentOffset1);
    assert_eq!(PASSING.reason(&v6(58, 64, &[135, 0, 0, 0, 0, 0, 0, 0])), Reason::NeighbourHopLimit);
}

#[test]
fn whatever_the_bytes_are_there_is_a_verdict_that_counts_where_it_may() {
    let whole = [
        v4(UPSTREAM, 6, &segment(40_000, 443, SYN)),
        v4(STRANGER, 6, &segment(8087, 443, ACK)),
        v4(CLIENT, 17, &datagram(53, 40_000)),
        v6(17, 64, &datagram(40_000, 123)),
    ];
    for whole in whole {
        for at in 0..whole.len() {
            for value in [0, 1, 4, 0x7f, 0x80, 0xff, whole[at] ^ 1, whole[at].wrapping_add(1)] {
                let mut bytes = whole.clone();
                bytes[at] = value;
                for node in [DROPPING, PASSING] {
                    let outcome = node.asked(&bytes);
                    assert_ne!(outcome.reason, Reason::Internal, "{bytes:?}");
                    assert_ne!(outcome.reason, Reason::SourceNotAdmitted, "{bytes:?}");
                    if outcome.reason.is_counted_by_port_outbound() {
                        assert!(outcome.slot().is_some_and(|slot| slot >= OUTBOUND.slot), "{bytes:?}");
                    }
                    if let Some(place) = outcome.undocumented_place() {
                        assert!(
                            outcome.reason.may_be_undocumented() && place >= undocumented::OUT,
                            "{bytes:?}"
                        );
                    }
                }
            }
        }
    }
}
