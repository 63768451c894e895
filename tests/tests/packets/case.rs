//! A case, the sites that cases are tried at, and how one is tried.

use portguard::{
    compile::{Kernel, NoSockets},
    matrix::{
        Attach, Direction, GroupId, Hook, Interface, Matrix, Origin, Peer, PeerKind, PortRange, PortSet,
        Posture, Rule, Service, Transport, ZoneId,
    },
};
use portguard_common::{Action, Outcome, Reason, abi::port_slots};
use portguard_tests::{
    cases,
    craft::{V4, V6, tagged},
    second::shape,
    twin::Twin,
};

pub(crate) const SYN: u8 = 0x02;
pub(crate) const ACK: u8 = 0x10;

/// A member of the group that InfluxDB's clients are: it may reach 8086/tcp.
pub(crate) const CLIENT: Source = Source([10, 1, 0, 9], v6(1));
/// A member of the group that may reach Redis from outside: 10000-19999/tcp.
pub(crate) const EXTERNAL: Source = Source([10, 6, 0, 9], v6(6));
/// A meta node of InfluxDB: it may reach 8089/tcp.
pub(crate) const META: Source = Source([10, 3, 0, 9], v6(3));
/// A node of the Redis cluster: it may send pings and reach 53/udp.
pub(crate) const INTERNAL: Source = Source([10, 5, 0, 9], v6(5));
/// Somebody in no group.
pub(crate) const STRANGER: Source = Source([192, 168, 77, 7], v6(0xff));
/// A neighbour, by its link-local address.
pub(crate) const NEIGHBOUR: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];

const fn v6(third: u8) -> [u8; 16] {
    [0x20, 1, 0xd, 0xb8, 0, third, 0, 0, 0, 0, 0, 0, 0, 0, 0, if third == 0xff { 7 } else { 9 }]
}

/// A host's addresses.
#[derive(Clone, Copy)]
pub(crate) struct Source(pub(crate) [u8; 4], pub(crate) [u8; 16]);

impl Source {
    pub(crate) fn v4(self, protocol: u8) -> V4 {
        V4::new(self.0, protocol)
    }

    pub(crate) fn v6(self, protocol: u8) -> V6 {
        V6::new(self.1, protocol)
    }
}

/// A packet and what must become of it.
#[derive(Clone)]
pub(crate) struct Case {
    /// What it is about.
    row: String,
    frame: Vec<u8>,
    /// What a decoder sees in it.
    shape: String,
    passes: bool,
    reason: Reason,
    /// The documented port that counts it, if one does.
    port: Option<&'static str>,
    /// Tags of the case's own: no others are put on.
    has_tags: bool,
}

/// A packet that must pass. `shape` is what a decoder sees in its frame.
pub(crate) fn passes(row: &str, shape: &str, frame: Vec<u8>, reason: Reason) -> Case {
    let (row, shape) = (row.to_owned(), shape.to_owned());
    Case { row, frame, shape, passes: true, reason, port: None, has_tags: false }
}

/// A packet that must drop.
pub(crate) fn drops(row: &str, shape: &str, frame: Vec<u8>, reason: Reason) -> Case {
    Case { passes: false, ..passes(row, shape, frame, reason) }
}

impl Case {
    /// It is counted at this documented port as well.
    pub(crate) fn at(self, port: &'static str) -> Self {
        Self { port: Some(port), ..self }
    }

    /// It is about the tags that it has.
    pub(crate) fn with_its_own_tags(self) -> Self {
        Self { has_tags: true, ..self }
    }

    /// Tries it with each number of tags, in one piece and in several; `sockets` is what the kernel knows.
    pub(crate) fn try_with(&self, twin: &mut Twin, kernel: impl Kernel + Copy) {
        let tags: &[(&str, &[(u16, u16)])] =
            &[("", &[]), ("q:0 ", &[(0x8100, 0)]), ("ad:100 q:200 ", &[(0x88a8, 100), (0x8100, 200)])];
        let tags = if self.has_tags { &tags[..1] } else { tags };
        for (prefix, tags) in tags {
            let frame = tagged(tags, &self.frame);
            assert_eq!(shape(&frame), format!("{prefix}{}", self.shape), "{}: is another frame", self.row);
            if !twin.takes(&frame) {
                assert!(!self.has_tags, "{}: is asked with tags at least", self.row);
                continue;
            }
            self.compare(twin.ask_with(&frame, kernel), twin, prefix);
            for linear in twin.splits(&frame) {
                self.compare(twin.ask_split_with(&frame, linear, kernel), twin, prefix);
            }
        }
        twin.check_counters();
    }

    fn compare(&self, outcome: Outcome, twin: &Twin, prefix: &str) {
        let told = format!("{}: {prefix}{}", self.row, self.shape);
        assert_eq!(outcome.reason, self.reason, "{told}");
        assert_eq!(outcome.reason.action() == Action::Pass, self.passes, "{told}");
        let port = outcome.slot().map(|slot| {
            let legend = twin.image().legend();
            let port = legend.port_of(slot).expect("a slot beyond the reasons' is a port's");
            match slot - port.slot {
                port_slots::REFUSED => assert_eq!(self.reason, Reason::SourceNotAdmitted, "{told}"),
                port_slots::UNANSWERED => {
                    assert!(!self.passes && self.reason != Reason::SourceNotAdmitted, "{told}");
                }
                _ => {
                    assert_eq!(self.reason, Reason::Admitted, "{told}");
                    assert!(legend.rule_of(slot).is_some(), "{told}");
                }
            }
            port.target.to_string()
        });
        assert_eq!(port.as_deref(), self.port, "{told}: counted at another port");
    }
}

/// Tries each case at `site`, at either hook. A site without interfaces has one.
pub(crate) fn check(site: &Matrix, cases: Vec<Case>) {
    let mut twins = Hook::INBOUND.map(|hook| Twin::load_at(hook, site));
    for case in cases {
        for twin in &mut twins {
            case.try_with(twin, NoSockets);
        }
    }
}

/// The same payload in an IPv4 and an IPv6 packet of `source`, each with its shape.
pub(crate) fn both(source: Source, protocol: u8, shape: &str, payload: &[u8]) -> [(String, Vec<u8>); 2] {
    [
        (format!("v4 {shape}"), source.v4(protocol).frame(payload)),
        (format!("v6 {shape}"), source.v6(protocol).frame(payload)),
    ]
}

/// The same for somebody else than the node.
pub(crate) fn both_to(
    destination: Source,
    source: Source,
    protocol: u8,
    shape: &str,
    payload: &[u8],
) -> [(String, Vec<u8>); 2] {
    let Source(v4, v6) = destination;
    [
        (format!("v4 {shape}"), V4 { destination: v4, ..source.v4(protocol) }.frame(payload)),
        (format!("v6 {shape}"), V6 { destination: v6, ..source.v6(protocol) }.frame(payload)),
    ]
}

/// InfluxDB and Redis, posture drop.
pub(crate) fn dropping() -> Matrix {
    cases::matrix().expect("the site is sound")
}

/// The same under posture pass.
pub(crate) fn passing() -> Matrix {
    Matrix { posture: Posture::Pass, ..dropping() }
}

/// The same, posture drop, on an interface that uses DHCP.
pub(crate) fn with_dhcp() -> Matrix {
    let interface =
        Interface { name: "eth0".to_owned(), zone: ZoneId::new(0), attach: Attach::Auto, dhcp: true };
    Matrix { interfaces: vec![interface], ..dropping() }
}

/// `matrix` and a rule that admits the clients to these.
pub(crate) fn with_rules(mut matrix: Matrix, services: impl IntoIterator<Item = Service>) -> Matrix {
    let clients = matrix.groups.iter().position(|group| group.name == "clients").expect("the site has one");
    let kind = PeerKind::Groups(vec![GroupId::new(clients)]);
    matrix.rules.extend(services.into_iter().zip(1..).map(|(service, line)| Rule {
        origin: Origin::Site { rule: format!("rule-{line}"), line },
        description: String::new(),
        direction: Direction::In,
        service,
        zones: vec![ZoneId::new(0)],
        peers: vec![Peer { role: "clients".to_owned(), kind: kind.clone() }],
    }));
    matrix
}

/// One range of ports.
pub(crate) fn range(transport: Transport, first: u16, last: u16) -> Service {
    let ports = PortRange::new(first, last).and_then(|range| PortSet::new(vec![range])).expect("in order");
    Service::Transport { transport, ports }
}
