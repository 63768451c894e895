//! Sites and packets to measure and to test with.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::{IpHeaders, PacketBuilder, PacketBuilderStep};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use portguard::matrix::{
    Direction, Dormant, Fragments, Group, GroupId, Matrix, Mode, Origin, Peer, PeerKind, PortRange, PortSet,
    Posture, Rule, Service, Transport, Zone, ZoneId,
};

/// The address of the node in sample packets.
pub const NODE_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// The address of the node in sample packets.
pub const NODE_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 1);

/// The `index`th IPv4 source of [`sources`].
pub fn source_v4(index: u32) -> Ipv4Addr {
    Ipv4Addr::from(0x0a00_0000 + index * 7)
}

/// The `index`th IPv6 source of [`sources`].
pub fn source_v6(index: u32) -> Ipv6Addr {
    Ipv6Addr::from((0x2001_0db8_u128 << 96) | (u128::from(index) * 0x1_0001))
}

/// `count` prefixes: half of them IPv4 and half IPv6, single hosts and, each eighth, a network.
pub fn sources(count: u32) -> Vec<IpNet> {
    let mut prefixes: Vec<IpNet> = (0..count / 2)
        .flat_map(|index| {
            let (len4, len6) = if index % 8 == 7 { (29, 64) } else { (32, 128) };
            let v4 = Ipv4Net::new(source_v4(index), len4).expect("at most 32").trunc();
            let v6 = Ipv6Net::new(source_v6(index), len6).expect("at most 128").trunc();
            [IpNet::V4(v4), IpNet::V6(v6)]
        })
        .collect();
    prefixes.sort_unstable();
    prefixes.dedup();
    prefixes
}

/// One zone, one group of `prefixes`, one rule that admits it to TCP ports 8000 to 8999.
pub fn site(prefixes: Vec<IpNet>) -> Matrix {
    let ports = PortRange::new(8000, 8999).and_then(|range| PortSet::new(vec![range])).expect("in order");
    Matrix {
        mode: Mode::Enforce,
        posture: Posture::Drop,
        transit: Posture::Pass,
        fragments: Fragments::Admitted,
        outbound: None,
        details: true,
        zones: vec![Zone { name: "default".to_owned() }],
        interfaces: Vec::new(),
        groups: vec![Group { name: "sources".to_owned(), prefixes }],
        rules: vec![Rule {
            origin: Origin::Site { rule: "sample".to_owned(), line: 1 },
            description: "sample".to_owned(),
            direction: Direction::In,
            service: Service::Transport { transport: Transport::Tcp, ports },
            zones: vec![ZoneId::new(0)],
            peers: vec![Peer { role: "sources".to_owned(), kind: PeerKind::Groups(vec![GroupId::new(0)]) }],
        }],
        dormant: Dormant::default(),
    }
}

/// The first packet of a TCP connection from `source` to the node's `port`.
pub fn syn(source: IpAddr, port: u16) -> Vec<u8> {
    let mut frame = Vec::new();
    ip(source).tcp(50_000, port, 1, 65_535).syn().write(&mut frame, &[]).expect("memory does not fail");
    frame
}

/// A UDP packet of eight bytes from `source` to the node's `port`.
pub fn udp(source: IpAddr, port: u16) -> Vec<u8> {
    let mut frame = Vec::new();
    ip(source).udp(50_000, port).write(&mut frame, &[0; 8]).expect("memory does not fail");
    frame
}

/// An echo request from `source`.
pub fn ping(source: IpAddr) -> Vec<u8> {
    let mut frame = Vec::new();
    let written = match source {
        IpAddr::V4(_) => ip(source).icmpv4_echo_request(1, 1).write(&mut frame, &[0; 8]),
        IpAddr::V6(_) => ip(source).icmpv6_echo_request(1, 1).write(&mut frame, &[0; 8]),
    };
    written.expect("memory does not fail");
    frame
}

/// What the node sends first to `destination`: a TCP segment that opens a connection, a datagram, or an echo request.
pub fn leaving(protocol: &str, destination: IpAddr, port: u16) -> Vec<u8> {
    let mut frame = Vec::new();
    let ip = between(if destination.is_ipv4() { NODE_V4.into() } else { NODE_V6.into() }, destination);
    let written = match (protocol, destination) {
        ("tcp", _) => ip.tcp(50_000, port, 1, 65_535).syn().write(&mut frame, &[]),
        ("udp", _) => ip.udp(50_000, port).write(&mut frame, &[0; 8]),
        ("icmp", IpAddr::V4(_)) => ip.icmpv4_echo_request(1, 1).write(&mut frame, &[0; 8]),
        ("icmp", IpAddr::V6(_)) => ip.icmpv6_echo_request(1, 1).write(&mut frame, &[0; 8]),
        (other, _) => unreachable!("no row has {other}"),
    };
    written.expect("memory does not fail");
    frame
}

/// What the node answers to `destination` over a connection to its own TCP `port`.
pub fn answer(destination: IpAddr, port: u16) -> Vec<u8> {
    let mut frame = Vec::new();
    let ip = between(if destination.is_ipv4() { NODE_V4.into() } else { NODE_V6.into() }, destination);
    ip.tcp(port, 50_000, 1, 65_535).ack(1).write(&mut frame, &[]).expect("memory does not fail");
    frame
}

fn ip(source: IpAddr) -> PacketBuilderStep<IpHeaders> {
    between(source, if source.is_ipv4() { NODE_V4.into() } else { NODE_V6.into() })
}

/// Headers up to IP, of two addresses of one family.
fn between(source: IpAddr, destination: IpAddr) -> PacketBuilderStep<IpHeaders> {
    let ethernet = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(to)) => ethernet.ipv4(source.octets(), to.octets(), 64),
        (IpAddr::V6(source), IpAddr::V6(to)) => ethernet.ipv6(source.octets(), to.octets(), 64),
        other => unreachable!("{other:?} are of two families"),
    }
}
