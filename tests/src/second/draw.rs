//! Sites drawn at random: groups that nest and overlap, rules of every kind, two zones, either posture, and sockets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use portguard::{
    compile::Kernel,
    matrix::{
        Attach, Direction, Dormant, Fragments, Group, GroupId, IcmpFamilies, IcmpTypes, Interface, Matrix,
        Mode, Origin, Outbound, OutboundAttach, Peer, PeerKind, PortRange, PortSet, Posture, Rule, Service,
        Transport, Zone, ZoneId,
    },
};
use portguard_common::tables::SocketState;
use rand::{RngExt, rngs::StdRng, seq::IndexedRandom};

use crate::sample::{NODE_V4, NODE_V6};

const GROUPS: usize = 6;

/// A site and the sockets of its node.
#[derive(Debug)]
pub struct Drawn {
    /// The matrix. It has two interfaces.
    pub matrix: Matrix,
    /// The sockets of its node.
    pub sockets: SocketTable,
    /// Ports at the edges of what rules and sockets have, and beside them.
    pub ports: Vec<u16>,
}

/// What the kernel would find.
#[derive(Debug)]
pub struct SocketTable {
    open: Vec<Open>,
    router: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Open {
    udp: bool,
    /// `None` listens, or takes datagrams from everybody.
    peer: Option<SocketAddr>,
    local: SocketAddr,
    state: u32,
}

impl SocketTable {
    /// Whether the node sends on what is for others.
    pub fn is_router(&self) -> bool {
        self.router
    }

    /// The ends of a connection of one family, peer first.
    pub(super) fn pick(&self, v6: bool, random: &mut StdRng) -> Option<(IpAddr, u16)> {
        let ends = self.open.iter().filter_map(|socket| Some((socket.peer?.ip(), socket.local.port())));
        let ends: Vec<_> = ends.filter(|(peer, _)| peer.is_ipv6() == v6).collect();
        ends.choose(random).copied()
    }

    fn takes_anybody(&self, udp: bool, local: SocketAddr) -> bool {
        self.open.iter().any(|socket| socket.udp == udp && socket.peer.is_none() && socket.local == local)
    }
}

impl Kernel for &SocketTable {
    fn tcp(&self, peer: SocketAddr, local: SocketAddr) -> Option<SocketState> {
        find(&self.open, false, peer, local)
    }

    fn tcp_listener(&self, local: SocketAddr) -> bool {
        self.takes_anybody(false, local)
    }

    fn udp(&self, peer: SocketAddr, local: SocketAddr) -> Option<SocketState> {
        find(&self.open, true, peer, local)
    }

    fn udp_listener(&self, local: SocketAddr) -> bool {
        self.takes_anybody(true, local)
    }

    /// Half of all pairs of addresses, whatever they are: the verdict is not to ask about those that are for several hosts.
    fn forwards(&self, source: IpAddr, destination: IpAddr) -> bool {
        let last = |address: IpAddr| match address {
            IpAddr::V4(address) => address.octets()[3],
            IpAddr::V6(address) => address.octets()[15],
        };
        self.router && (last(source) ^ last(destination)) & 1 == 0
    }
}

fn find(sockets: &[Open], udp: bool, peer: SocketAddr, local: SocketAddr) -> Option<SocketState> {
    let here = || sockets.iter().filter(|socket| socket.udp == udp && socket.local == local);
    let connected = here().find(|socket| socket.peer == Some(peer));
    connected.or_else(|| here().find(|socket| socket.peer.is_none())).map(|socket| SocketState(socket.state))
}

/// A site.
///
/// # Panics
/// Never.
pub fn draw(random: &mut StdRng) -> Drawn {
    let zones = ["front", "back"].map(|name| Zone { name: name.to_owned() });
    let interface = |(index, name): (usize, &str), random: &mut StdRng| Interface {
        name: name.to_owned(),
        zone: ZoneId::new(index),
        attach: Attach::Auto,
        dhcp: random.random_bool(0.3),
    };
    let interfaces = [(0, "eth0"), (1, "eth1")].map(|each| interface(each, random)).to_vec();
    let groups = (0..GROUPS).map(|index| Group { name: format!("g{index}"), prefixes: prefixes(random) });
    let groups: Vec<Group> = groups.collect();
    let mut ports = vec![0, 53, 67, 68, 546, 547, 50_070, u16::MAX];
    let mut rules: Vec<Rule> =
        (0..random.random_range(1..18)).map(|index| rule(index, &mut ports, random)).collect();
    if random.random_bool(0.3) {
        rules.push(failsafe(random));
    }
    let posture = if random.random_bool(0.3) { Posture::Pass } else { Posture::Drop };
    let leaving = if random.random_bool(0.3) { Posture::Pass } else { Posture::Drop };
    let outbound = Outbound { mode: Mode::Enforce, posture: leaving, attach: OutboundAttach::Auto };
    let mode = if random.random_bool(0.3) { Mode::Observe } else { Mode::Enforce };
    let transit = if random.random_bool(0.5) { Posture::Pass } else { Posture::Drop };
    let fragments = if random.random_bool(0.3) { Fragments::Anybody } else { Fragments::Admitted };
    let matrix = Matrix {
        mode,
        posture,
        transit,
        fragments,
        outbound: random.random_bool(0.7).then_some(outbound),
        details: true,
        zones: zones.to_vec(),
        interfaces,
        groups,
        rules,
        dormant: Dormant::default(),
    };
    let open = (0..24).map(|_| socket(&ports, random)).collect();
    let sockets = SocketTable { open, router: random.random_bool(0.6) };
    Drawn { matrix, sockets, ports }
}

fn prefixes(random: &mut StdRng) -> Vec<IpNet> {
    let mut prefixes: Vec<IpNet> = (0..random.random_range(0..5))
        .map(|_| match address(random.random_bool(0.5), random) {
            IpAddr::V4(address) => {
                let length = *[0, 8, 15, 16, 17, 23, 24, 25, 31, 32, 32].choose(random).expect("some");
                IpNet::V4(Ipv4Net::new(address, length).expect("at most 32").trunc())
            }
            IpAddr::V6(address) => {
                let length = *[0, 32, 47, 48, 63, 64, 65, 127, 128, 128].choose(random).expect("some");
                IpNet::V6(Ipv6Net::new(address, length).expect("at most 128").trunc())
            }
        })
        .collect();
    prefixes.sort_unstable();
    prefixes.dedup();
    prefixes
}

/// One of few addresses, so that prefixes nest and frames hit them; the node's own and impossible ones now and then.
pub(super) fn address(v6: bool, random: &mut StdRng) -> IpAddr {
    let [second, third, fourth] =
        [0, 1, 2].map(|_| *[0_u8, 1, 2, 127, 128, 255].choose(random).expect("six"));
    if v6 {
        let tail = u16::from(fourth);
        let halves = [0x2001, 0xdb8, u16::from(second), u16::from(third), 0, 0, 0, tail];
        let special = [
            NODE_V6,
            Ipv6Addr::UNSPECIFIED,
            Ipv6Addr::LOCALHOST,
            Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1),
            Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0x0a01, 9),
            Ipv6Addr::new(0, 0, 0, 0, 0, 0, 0x0a01, 9),
            Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 9),
        ];
        let ordinary = Ipv6Addr::from(halves);
        return IpAddr::V6(or_special(ordinary, &special, random));
    }
    let special = [
        NODE_V4,
        Ipv4Addr::UNSPECIFIED,
        Ipv4Addr::LOCALHOST,
        Ipv4Addr::BROADCAST,
        Ipv4Addr::new(224, 0, 0, 1),
        Ipv4Addr::new(0, 1, 2, 3),
        Ipv4Addr::new(240, 0, 0, 1),
    ];
    IpAddr::V4(or_special(Ipv4Addr::new(10, second, third, fourth), &special, random))
}

fn or_special<A: Copy>(ordinary: A, special: &[A], random: &mut StdRng) -> A {
    if random.random_bool(0.08) { *special.choose(random).expect("some") } else { ordinary }
}

fn rule(index: usize, ports: &mut Vec<u16>, random: &mut StdRng) -> Rule {
    let zones = match random.random_range(0..3) {
        0 => vec![ZoneId::new(0)],
        1 => vec![ZoneId::new(1)],
        _ => vec![ZoneId::new(0), ZoneId::new(1)],
    };
    let count = random.random_range(0..3);
    let groups = (0..count).map(|_| GroupId::new(random.random_range(0..GROUPS))).collect();
    let kind = if random.random_bool(0.1) { PeerKind::Node } else { PeerKind::Groups(groups) };
    let peers = vec![Peer { role: "peers".to_owned(), kind }];
    Rule {
        origin: Origin::Site { rule: format!("r{index}"), line: 1 },
        description: String::new(),
        direction: if random.random_bool(0.35) { Direction::Out } else { Direction::In },
        service: service(ports, random),
        zones,
        peers,
    }
}

fn failsafe(random: &mut StdRng) -> Rule {
    let groups = (0..random.random_range(1..3)).map(|_| GroupId::new(random.random_range(0..GROUPS)));
    Rule {
        origin: Origin::Failsafe { line: 1 },
        description: String::new(),
        direction: Direction::In,
        service: Service::All,
        zones: vec![ZoneId::new(0), ZoneId::new(1)],
        peers: vec![Peer { role: "admins".to_owned(), kind: PeerKind::Groups(groups.collect()) }],
    }
}

fn service(ports: &mut Vec<u16>, random: &mut StdRng) -> Service {
    let families = [IcmpFamilies::Both, IcmpFamilies::V4, IcmpFamilies::V6];
    match random.random_range(0..12) {
        0 => Service::Icmp { families: *families.choose(random).expect("three"), types: IcmpTypes::All },
        1 => {
            let types = [0, 3, 5, 8, 13, 42, 128, 137, 140];
            let types = types.sample(random, 2).copied().collect();
            Service::Icmp {
                families: *families.choose(random).expect("three"),
                types: IcmpTypes::Listed(types),
            }
        }
        2 | 3 => Service::Protocol(*[2, 4, 41, 47, 50, 51, 51, 51, 89, 112].choose(random).expect("ten")),
        kind => {
            let transport = match kind {
                4 => Transport::Sctp,
                5..8 => Transport::Udp,
                _ => Transport::Tcp,
            };
            let range = |random: &mut StdRng| {
                let first = *[0, 22, 80, 546, 8080, 9000, 50_070, u16::MAX].choose(random).expect("eight");
                let last = first.saturating_add(*[0, 0, 1, 7, 900].choose(random).expect("five"));
                PortRange::new(first, last).expect("in order")
            };
            let set = PortSet::new(vec![range(random), range(random)]).expect("not empty");
            for range in set.ranges() {
                let (first, last) = (range.first(), range.last());
                ports.extend([first.saturating_sub(1), first, last, last.saturating_add(1)]);
            }
            Service::Transport { transport, ports: set }
        }
    }
}

fn socket(ports: &[u16], random: &mut StdRng) -> Open {
    let v6 = random.random_bool(0.5);
    let node = if v6 { IpAddr::V6(NODE_V6) } else { IpAddr::V4(NODE_V4) };
    let local = SocketAddr::new(node, *ports.choose(random).expect("there are ports"));
    let peer = SocketAddr::new(address(v6, random), super::frames::SOURCE_PORT);
    let (udp, connected) = (random.random_bool(0.3), random.random_bool(0.7));
    let state = match (udp, connected) {
        (true, true) => 1,
        (true, false) => 7,
        (false, false) => 10,
        // Every state of a connection (include/net/tcp_states.h), NEW_SYN_RECV among them.
        (false, true) => *[1, 2, 4, 5, 6, 8, 9, 11, 12].choose(random).expect("nine"),
    };
    Open { udp, peer: connected.then_some(peer), local, state }
}
