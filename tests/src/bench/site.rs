//! The site that is measured: two ranges for the sources, and a port for everybody.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use portguard::matrix::{Group, GroupId, Matrix, Peer, PeerKind, PortRange, PortSet, Service, Transport};

use crate::sample;

/// TCP and UDP ports 8000 to 8999 are for the sources.
pub(super) const GUARDED: u16 = 8086;
/// This TCP port is for everybody.
pub(super) const OPEN: u16 = 7000;
/// No rule names this one.
pub(super) const UNDOCUMENTED: u16 = 4000;

/// A site that admits `prefixes` to its guarded ports.
pub(super) fn site(prefixes: Vec<IpNet>) -> Matrix {
    let mut matrix = sample::site(prefixes);
    let ports = |first, last| {
        PortRange::new(first, last).and_then(|range| PortSet::new(vec![range])).expect("in order")
    };
    let mut udp = matrix.rules[0].clone();
    udp.service = Service::Transport { transport: Transport::Udp, ports: ports(8000, 8999) };
    let any = GroupId::new(matrix.groups.len());
    let mut open = udp.clone();
    open.service = Service::Transport { transport: Transport::Tcp, ports: ports(OPEN, OPEN) };
    open.peers = vec![Peer { role: "any".to_owned(), kind: PeerKind::Groups(vec![any]) }];
    let everybody = vec![IpNet::V4(Ipv4Net::default()), IpNet::V6(Ipv6Net::default())];
    matrix.groups.push(Group { name: "any".to_owned(), prefixes: everybody });
    matrix.rules.extend([udp, open]);
    matrix
}
