//! What the node's answers say of the packets that they answer. The stack has made them, so that any parser reads them.

use std::net::IpAddr;

use etherparse::{
    Icmpv4Type, Icmpv6Type, LaxNetSlice, LaxSlicedPacket, NetSlice, SlicedPacket, TransportSlice,
    icmpv4::DestUnreachableHeader as Unreachable4, icmpv6::DestUnreachableCode as Unreachable6,
};
use portguard::{compile::Target, matrix::Transport};

use super::Taken;
use crate::sample::{NODE_V4, NODE_V6};

/// What the packet came for that this frame answers; none where it is no answer, or one that is due to IP itself.
pub(super) fn answered(frame: &[u8]) -> Option<Taken> {
    let packet = SlicedPacket::from_ethernet(frame).ok()?;
    let (node, from) = match packet.net? {
        NetSlice::Ipv4(ip) => {
            (IpAddr::V4(ip.header().source_addr()), IpAddr::V4(ip.header().destination_addr()))
        }
        NetSlice::Ipv6(ip) => {
            (IpAddr::V6(ip.header().source_addr()), IpAddr::V6(ip.header().destination_addr()))
        }
        NetSlice::Arp(_) => return None,
    };
    if !is_own(node) {
        return None;
    }
    let taken = |source_port, target| Some(Taken { from, source_port, target });
    match packet.transport? {
        TransportSlice::Tcp(tcp) => {
            let port = tcp.source_port();
            taken(Some(tcp.destination_port()), Target::Port { transport: Transport::Tcp, port })
        }
        // Nobody here sends any.
        TransportSlice::Udp(_) => None,
        TransportSlice::Icmpv4(icmp) => match icmp.icmp_type() {
            Icmpv4Type::EchoReply(_) => taken(None, Target::Icmpv4(8)),
            Icmpv4Type::TimestampReply(_) => taken(None, Target::Icmpv4(13)),
            Icmpv4Type::DestinationUnreachable(Unreachable4::Port | Unreachable4::Protocol) => {
                quoted(from, icmp.payload())
            }
            _ => None,
        },
        TransportSlice::Icmpv6(icmp) => match icmp.icmp_type() {
            Icmpv6Type::EchoReply(_) => taken(None, Target::Icmpv6(128)),
            Icmpv6Type::DestinationUnreachable(Unreachable6::Port) => quoted(from, icmp.payload()),
            _ => None,
        },
    }
}

/// Whether the node itself sends from there: what else leaves it was sent on.
fn is_own(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address == NODE_V4 || address.is_loopback(),
        IpAddr::V6(address) => address == NODE_V6 || address.is_loopback() || address.is_unicast_link_local(),
    }
}

/// What a packet came for that is quoted in an error.
fn quoted(from: IpAddr, quoted: &[u8]) -> Option<Taken> {
    let packet = LaxSlicedPacket::from_ip(quoted).ok()?;
    let number = match packet.net? {
        LaxNetSlice::Ipv4(ip) => ip.payload().ip_number,
        LaxNetSlice::Ipv6(ip) => ip.payload().ip_number,
        LaxNetSlice::Arp(_) => return None,
    };
    let (source_port, target) = match packet.transport {
        Some(TransportSlice::Udp(udp)) => (
            Some(udp.source_port()),
            Target::Port { transport: Transport::Udp, port: udp.destination_port() },
        ),
        _ => (None, Target::Protocol(number.0)),
    };
    Some(Taken { from, source_port, target })
}
