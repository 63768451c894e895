//! Where a packet comes from and where it goes: for people, and to tell which way it went. It decides nothing.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use etherparse::{
    ArpHardwareId, IpNumber, LaxIpPayloadSlice, LaxNetSlice, LaxSlicedPacket, LinkSlice, TransportSlice,
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

/// What a packet wants, as `explain` writes it.
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
        let Ok(packet) = LaxSlicedPacket::from_ethernet(frame) else { return Self::default() };
        let group = match &packet.link {
            Some(LinkSlice::Ethernet2(header)) => header.destination()[0] & 1 == 1,
            _ => false,
        };
        let (source, destination, protocol, payload) = match &packet.net {
            Some(LaxNetSlice::Ipv4(ip)) => {
                let header = ip.header();
                let (from, to) = (header.source_addr().into(), header.destination_addr().into());
                (from, to, ip.payload().ip_number, ip.payload())
            }
            Some(LaxNetSlice::Ipv6(ip)) => {
                let header = ip.header();
                let (from, to) = (header.source_addr().into(), header.destination_addr().into());
                (from, to, ip.payload().ip_number, ip.payload())
            }
            Some(LaxNetSlice::Arp(arp)) if arp.hw_addr_type() == ArpHardwareId::ETHERNET => {
                let sender: Option<[u8; 4]> = arp.sender_protocol_addr().try_into().ok();
                return Self { source: sender.map(IpAddr::from), group, ..Self::default() };
            }
            Some(LaxNetSlice::Arp(_)) | None => return Self { group, ..Self::default() },
        };
        let (to, segment) = match &packet.transport {
            Some(TransportSlice::Tcp(tcp)) => {
                let kind = match (tcp.syn(), tcp.ack()) {
                    (true, false) => Kind::TcpOpens,
                    (true, true) => Kind::TcpAccepts,
                    (false, _) => Kind::TcpOther,
                };
                let target = Target::Port { transport: Transport::Tcp, port: tcp.destination_port() };
                (target, Some((tcp.source_port(), tcp.destination_port(), kind)))
            }
            Some(TransportSlice::Udp(udp)) => {
                let target = Target::Port { transport: Transport::Udp, port: udp.destination_port() };
                (target, Some((udp.source_port(), udp.destination_port(), Kind::Udp)))
            }
            Some(TransportSlice::Icmpv4(icmp)) => (Target::Icmpv4(icmp.type_u8()), None),
            Some(TransportSlice::Icmpv6(icmp)) => (Target::Icmpv6(icmp.type_u8()), None),
            None => (aim(protocol, payload), None),
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

/// What a packet aims at whose transport header is not wholly there, or that is of no protocol that the library reads.
fn aim(protocol: IpNumber, payload: &LaxIpPayloadSlice<'_>) -> Target {
    let transport = match protocol {
        IpNumber::TCP => Some(Transport::Tcp),
        IpNumber::UDP => Some(Transport::Udp),
        IpNumber::SCTP => Some(Transport::Sctp),
        _ => None,
    };
    match (transport, payload.payload) {
        (Some(transport), [_, _, high, low, ..]) if !payload.fragmented => {
            Target::Port { transport, port: u16::from_be_bytes([*high, *low]) }
        }
        _ => Target::Protocol(protocol.0),
    }
}
