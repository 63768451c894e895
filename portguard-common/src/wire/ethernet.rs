//! Ethernet II and the tags on it (IEEE 802.3, 802.1Q).

use network_types::{eth::EthHdr, vlan::VlanHdr};

use super::Frame;
use crate::Reason;

/// The most 802.1Q and 802.1ad tags that are peeled. Linux itself peels any number of tags of VLAN 0, so deeper stacks
/// must drop: they would reach a socket unseen.
pub const MAX_TAGS: usize = 4;

/// The EtherType of IPv4.
pub const IPV4: u16 = 0x0800;
/// The EtherType of IPv6.
pub const IPV6: u16 = 0x86dd;
/// The lowest EtherType; smaller values are the length of an LLC frame (IEEE 802.3 section 3.2.6).
const FIRST_ETHER_TYPE: u16 = 0x0600;

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// IPv4 at this offset.
    Ipv4(usize),
    /// IPv6 at this offset.
    Ipv6(usize),
    /// ARP: without it nobody finds the node.
    Arp,
    /// A protocol between the ends of one link that never reaches a port: LLDP, LACP, EAPOL, PTP, spanning tree.
    LinkControl,
    /// An EtherType that carries no IP that we know of.
    Other,
}

/// Whether the frame went to a group address (broadcast is one).
#[inline(always)]
pub fn is_group<F: Frame + ?Sized>(frame: &F) -> bool {
    frame.read(0).is_some_and(|[first, _]| first & 1 == 1)
}

/// Reads the link layer: addresses, tags, EtherType.
#[inline(always)]
pub fn parse<F: Frame + ?Sized>(frame: &F) -> Result<Payload, Reason> {
    let mut ether_type = u16::from_be_bytes(frame.read(EthHdr::LEN - 2).ok_or(Reason::Short)?);
    let mut offset = EthHdr::LEN;
    let mut tags = 0;
    while matches!(ether_type, 0x8100 | 0x88a8) {
        if tags == MAX_TAGS {
            return Err(Reason::VlanDepth);
        }
        // A tag's first two bytes are the VLAN, of no concern here.
        ether_type = u16::from_be_bytes(frame.read(offset + 2).ok_or(Reason::Short)?);
        offset += VlanHdr::LEN;
        tags += 1;
    }
    if frame.tags_removed() > 0 && tags == MAX_TAGS {
        return Err(Reason::VlanDepth);
    }
    payload(frame, ether_type, frame.forget(offset))
}

#[inline(always)]
fn payload<F: Frame + ?Sized>(frame: &F, ether_type: u16, offset: usize) -> Result<Payload, Reason> {
    match ether_type {
        IPV4 => Ok(Payload::Ipv4(offset)),
        IPV6 => Ok(Payload::Ipv6(offset)),
        0x0806 => Ok(Payload::Arp),
        // LLDP, slow protocols (LACP), EAPOL, PTP.
        0x88cc | 0x8809 | 0x888e | 0x88f7 => Ok(Payload::LinkControl),
        ..FIRST_ETHER_TYPE => logical_link(frame, offset),
        // Encapsulations that carry IP or whole frames past the filter: old tag types 9100-9300, MPLS, PPPoE, PPP,
        // MACsec, provider backbone bridges, TRILL, HSR, NSH, batman-adv, transparent Ethernet bridging.
        0x9100 | 0x9200 | 0x9300 | 0x8847 | 0x8848 | 0x8863 | 0x8864 | 0x880b | 0x88e5 | 0x88e7 | 0x22f3
        | 0x892f | 0x894f | 0x4305 | 0x6558 => Err(Reason::Encapsulated),
        _ => Ok(Payload::Other),
    }
}

/// LLC frames: spanning tree passes; what remains (SNAP above all) can hide IP.
#[inline(always)]
fn logical_link<F: Frame + ?Sized>(frame: &F, offset: usize) -> Result<Payload, Reason> {
    let llc: [u8; 3] = frame.read(offset).ok_or(Reason::Short)?;
    if llc == [0x42, 0x42, 0x03] { Ok(Payload::LinkControl) } else { Err(Reason::Encapsulated) }
}
