//! Where a packet comes from and where it goes: for people, and to tell which way it went. It decides nothing.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use etherparse::{
    ArpHardwareId, EtherType, IpNumber, Ipv6ExtensionSlice, LaxNetSlice, LaxSlicedPacket, TcpHeaderSlice,
    UdpHeaderSlice,
};
use serde::{Serialize, Serializer};

use crate::{compile::Target, matrix::Transport};

/// What can be read of a packet's ends, however much of it there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) source: Option<IpAddr>,
    pub(super) destination: Option<IpAddr>,
    pub(super) to: Option<Aim>,
    /// Whether it went to several hosts.
    pub(super) group: bool,
    pub(super) segment: Option<Segment>,
}

/// What a packet wants, as `explain` writes it; of one that shows no port, `ip/17`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Aim(Target);

impl fmt::Display for Aim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Aim {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The ports of a packet of TCP or UDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) source: SocketAddr,
    pub(super) destination: SocketAddr,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Udp,
    /// SYN without ACK.
    TcpOpens,
    /// SYN and ACK.
    TcpAccepts,
    TcpOther,
}

impl Ends {
    pub(super) fn of(frame: &[u8]) -> Self {
        let Some((ether_type, payload)) = behind_tags(frame) else { return Self::default() };
        let group = frame[0] & 1 == 1;
        let packet = LaxSlicedPacket::from_ether_type(ether_type, payload);
        let (source, destination, later, payload) = match &packet.net {
            Some(LaxNetSlice::Ipv4(ip)) => {
                let header = ip.header();
                let (from, to) = (header.source_addr().into(), header.destination_addr().into());
                let later = (header.fragments_offset().value() > 0).then(|| header.protocol());
                (from, to, later, ip.payload())
            }
            Some(LaxNetSlice::Ipv6(ip)) => {
                let header = ip.header();
                let (from, to) = (header.source_addr().into(), header.destination_addr().into());
                (from, to, ip.extensions().clone().into_iter().find_map(later), ip.payload())
            }
            Some(LaxNetSlice::Arp(arp)) if arp.hw_addr_type() == ArpHardwareId::ETHERNET => {
                let sender: Option<[u8; 4]> = arp.sender_protocol_addr().try_into().ok();
                return Self { source: sender.map(IpAddr::from), group, ..Self::default() };
            }
            Some(LaxNetSlice::Arp(_)) | None => return Self { group, ..Self::default() },
        };
        let (to, segment) = if let Some(protocol) = later {
            (Target::Protocol(protocol.0), None)
        } else {
            let (protocol, payload) = (payload.ip_number, payload.payload);
            let to = aim(protocol, payload).unwrap_or(Target::Protocol(protocol.0));
            (to, ports(protocol, payload))
        };
        let segment = segment.map(|(from, to, kind)| Segment {
            source: SocketAddr::new(source, from),
            destination: SocketAddr::new(destination, to),
            kind,
        });
        let (source, destination) = (Some(source), Some(destination));
        Self { source, destination, to: Some(Aim(to)), group, segment }
    }
}

/// What a later fragment is of, where this extension header is of one (RFC 8200 section 4.5). The library reads the offset from the wrong
/// bits.
fn later(extension: Ipv6ExtensionSlice<'_>) -> Option<IpNumber> {
    let Ipv6ExtensionSlice::Fragment(header) = extension else { return None };
    let offset = header.slice().get(2..)?.first_chunk()?;
    (u16::from_be_bytes(*offset) >> 3 > 0).then(|| header.next_header())
}

/// What a frame holds behind all of its tags, however many there are.
fn behind_tags(frame: &[u8]) -> Option<(EtherType, &[u8])> {
    const TAGS: [EtherType; 3] =
        [EtherType::VLAN_TAGGED_FRAME, EtherType::PROVIDER_BRIDGING, EtherType::VLAN_DOUBLE_TAGGED_FRAME];
    let mut rest = frame.get(12..)?;
    loop {
        let (number, payload) = rest.split_first_chunk()?;
        let ether_type = EtherType(u16::from_be_bytes(*number));
        if !TAGS.contains(&ether_type) {
            return Some((ether_type, payload));
        }
        rest = payload.get(2..)?;
    }
}

/// The port or type at the beginning of a transport header, however much there is of the rest.
fn aim(protocol: IpNumber, payload: &[u8]) -> Option<Target> {
    let transport = match protocol {
        IpNumber::ICMP => return payload.first().map(|&kind| Target::Icmpv4(kind)),
        IpNumber::IPV6_ICMP => return payload.first().map(|&kind| Target::Icmpv6(kind)),
        IpNumber::TCP => Transport::Tcp,
        IpNumber::UDP => Transport::Udp,
        IpNumber::SCTP => Transport::Sctp,
        _ => return None,
    };
    let port = payload.get(2..)?.first_chunk()?;
    Some(Target::Port { transport, port: u16::from_be_bytes(*port) })
}

/// The ports of a whole header of TCP or UDP, of the packet itself or of its first fragment.
fn ports(protocol: IpNumber, payload: &[u8]) -> Option<(u16, u16, Kind)> {
    match protocol {
        IpNumber::TCP => {
            let tcp = TcpHeaderSlice::from_slice(payload).ok()?;
            let kind = match (tcp.syn(), tcp.ack()) {
                (true, false) => Kind::TcpOpens,
                (true, true) => Kind::TcpAccepts,
                (false, _) => Kind::TcpOther,
            };
            Some((tcp.source_port(), tcp.destination_port(), kind))
        }
        IpNumber::UDP => {
            let udp = UdpHeaderSlice::from_slice(payload).ok()?;
            Some((udp.source_port(), udp.destination_port(), Kind::Udp))
        }
        _ => None,
    }
}
