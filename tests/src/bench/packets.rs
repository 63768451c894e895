//! The packets whose verdicts are measured.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use portguard::datapath::Answer;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};

use super::{
    arena::{PEER_PORT, PEER_V4, PEER_V6, TCP_PORT, UDP_PORT},
    site::{GUARDED, OPEN, UNDOCUMENTED},
};
use crate::{
    craft::{V4, V6, options, tagged, tcp, udp},
    sample::syn,
};

/// Somebody whom no group holds.
pub(super) const STRANGER_V4: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 9);
/// Somebody whom no group holds.
pub(super) const STRANGER_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xaaaa, 0, 0, 0, 0, 1);
const TCP: u8 = 6;
const UDP: u8 = 17;
const ACK: u8 = 0x10;
const DESTINATION_OPTIONS: u8 = 60;

/// A packet and what becomes of it.
pub(super) struct Packet {
    pub(super) name: String,
    pub(super) frame: Vec<u8>,
    pub(super) verdict: Answer,
}

/// One packet of each kind; those that are admitted come from the first prefixes of each family.
pub(super) fn kinds(prefixes: &[IpNet]) -> Vec<Packet> {
    let v4 = prefixes.iter().find_map(|prefix| match prefix {
        IpNet::V4(net) => Some(net.addr()),
        IpNet::V6(_) => None,
    });
    let v6 = prefixes.iter().find_map(|prefix| match prefix {
        IpNet::V6(net) => Some(net.addr()),
        IpNet::V4(_) => None,
    });
    let (v4, v6) = (v4.expect("both families"), v6.expect("both families"));
    let mut packets = Vec::new();
    let mut add = |family: &str, name: &str, frame: Vec<u8>, verdict| {
        packets.push(Packet { name: format!("{family}, {name}"), frame, verdict });
    };
    for (family, admitted, stranger, replies, long) in [
        (
            "IPv4",
            IpAddr::V4(v4),
            IpAddr::V4(STRANGER_V4),
            replies(|protocol, payload| V4::new(PEER_V4.octets(), protocol).frame(payload)),
            ("options", {
                let mut packet = V4::new(v4.octets(), TCP);
                packet.options = vec![1, 1, 1, 0];
                packet.frame(&tcp(GUARDED, ACK))
            }),
        ),
        (
            "IPv6",
            IpAddr::V6(v6),
            IpAddr::V6(STRANGER_V6),
            replies(|protocol, payload| V6::new(PEER_V6.octets(), protocol).frame(payload)),
            ("an extension header", {
                let mut packet = V6::new(v6.octets(), TCP);
                packet.extensions.push((DESTINATION_OPTIONS, options(1)));
                packet.frame(&tcp(GUARDED, ACK))
            }),
        ),
    ] {
        let [tcp_reply, udp_reply] = replies;
        let (way, long) = long;
        add(family, "port for any source", syn(stranger, OPEN), Answer::Pass);
        add(family, "source admitted", syn(admitted, GUARDED), Answer::Pass);
        add(family, "source not admitted", syn(stranger, GUARDED), Answer::Drop);
        add(family, "port undocumented", syn(stranger, UNDOCUMENTED), Answer::Drop);
        add(family, "admitted, VLAN tag", tagged(&[(0x8100, 5)], &syn(admitted, GUARDED)), Answer::Pass);
        add(family, &format!("admitted, {way}"), long, Answer::Pass);
        add(family, "reply, TCP", tcp_reply, Answer::Pass);
        add(family, "reply, UDP", udp_reply, Answer::Pass);
    }
    packets
}

/// What the peer sends to the node's own connections: TCP and UDP.
fn replies(frame: impl Fn(u8, &[u8]) -> Vec<u8>) -> [Vec<u8>; 2] {
    [frame(TCP, &tcp(TCP_PORT, ACK)), frame(UDP, &udp(PEER_PORT, UDP_PORT))]
}

/// `count` packets from random members of the prefixes of one family to random guarded ports.
pub(super) fn spread(prefixes: &[IpNet], count: usize) -> Vec<Vec<u8>> {
    let mut random = StdRng::seed_from_u64(5);
    (0..count)
        .map(|_| {
            let prefix = prefixes.choose(&mut random).expect("there are prefixes");
            syn(prefix.addr(), random.random_range(8000..9000))
        })
        .collect()
}
