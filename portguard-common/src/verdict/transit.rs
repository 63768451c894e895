//! Is a packet that the rules refuse for somebody else, to whom this node sends it on?
//!
//! Rules are about the node itself; pods, virtual machines and networks behind it are others. The kernel's own routes tell: they
//! know an address that the node got a moment ago, and of a node that is no router they say so.

use super::{Outcome, source};
use crate::{
    Reason,
    abi::CLASS_OWN,
    tables::{SourceAddress, Tables},
    wire::{Frame, ethernet, ipv4, ipv6, protocol},
};

/// The outcome of a frame that came in, or that the node sends it on: asked where only the rules are against it, and the site
/// lets pass what is not for the node.
#[inline(always)]
pub fn unless_transit<F: Frame + ?Sized, T: Tables>(frame: &F, outcome: Outcome, tables: &T) -> Outcome {
    let asks = tables.transit() && outcome.reason.may_be_transit();
    if asks && is_transit(frame, tables).unwrap_or(false) { Outcome::of(Reason::Transit) } else { outcome }
}

/// Whether the node sends this frame on to others. `None`: its addresses can't be read, or tables contradict themselves.
///
/// Of some packets the kernel's routes would tell nothing, since the stack takes them for its own without looking at one: what a link brings
/// to everybody (which no router sends on, RFC 1812 section 5.3.4), what is for several hosts or for nobody, and what asks every router on its
/// way to look at it (RFC 2113, RFC 2711), for which any option of IPv4 stands here and any hop-by-hop header.
#[inline(always)]
pub fn is_transit<F: Frame + ?Sized, T: Tables>(frame: &F, tables: &T) -> Option<bool> {
    if ethernet::is_group(frame) {
        return Some(false);
    }
    match ethernet::parse(frame) {
        Ok(ethernet::Payload::Ipv4(offset)) => {
            let [first, _, _, source, destination]: [u32; 5] = frame.at(offset)?;
            let [source, destination] = [source, destination].map(ipv4::Address::from_word);
            let plain = u32::from_be(first) >> 24 == 0x45 && source::is_ordinary4(destination);
            Some(plain && leads_on(source, destination, tables)?)
        }
        Ok(ethernet::Payload::Ipv6(offset)) => {
            let [first, source @ .., fourth, fifth]: [u64; 5] = frame.at(offset)?;
            let destination: ipv6::Address = [fourth, fifth];
            let [.., next_header, _] = u64::from_be(first).to_be_bytes();
            let plain = next_header != protocol::HOP_BY_HOP && source::is_ordinary6(destination);
            Some(plain && leads_on(source, destination, tables)?)
        }
        Ok(ethernet::Payload::Arp | ethernet::Payload::LinkControl | ethernet::Payload::Other) | Err(_) => {
            None
        }
    }
}

/// The node's own addresses, under which a flood comes in, cost no question to the kernel.
#[inline(always)]
fn leads_on<A: SourceAddress, T: Tables>(source: A, destination: A, tables: &T) -> Option<bool> {
    Some(destination.class(tables)? != CLASS_OWN && tables.forwards(source, destination))
}
