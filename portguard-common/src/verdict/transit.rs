//! Is a packet that the rules refuse for somebody else, to whom this node sends it on?
//!
//! Rules are about the node itself; pods, virtual machines and networks behind it are others. The kernel's own routes tell: they
//! know an address that the node got a moment ago, and of a node that is no router they say so.

use super::Outcome;
use crate::{
    Reason,
    abi::CLASS_OWN,
    tables::{SourceAddress, Tables},
    wire::{Frame, ethernet, ipv4, ipv6},
};

/// The outcome of a frame that came in, or that the node sends it on: asked where only the rules are against it, and the site
/// lets pass what is not for the node.
#[inline(always)]
pub fn unless_transit<F: Frame + ?Sized, T: Tables>(frame: &F, outcome: Outcome, tables: &T) -> Outcome {
    let asks = tables.transit() && outcome.reason.may_be_transit();
    if asks && is_transit(frame, tables).unwrap_or(false) { Outcome::of(Reason::Transit) } else { outcome }
}

/// Whether the node sends this frame on to others. `None`: its addresses can't be read, or tables contradict themselves.
#[inline(always)]
pub fn is_transit<F: Frame + ?Sized, T: Tables>(frame: &F, tables: &T) -> Option<bool> {
    // What a link brings to everybody, no router sends on, whatever its IP address (RFC 1812 section 5.3.4).
    if ethernet::is_group(frame) {
        return Some(false);
    }
    // Nor is an address that stands for several hosts a matter of routes: the stack takes 255.255.255.255 for its own before it asks them.
    match ethernet::parse(frame) {
        Ok(ethernet::Payload::Ipv4(offset)) => {
            let [.., source, destination]: [u32; 5] = frame.at(offset)?;
            let [source, destination] = [source, destination].map(ipv4::Address::from_word);
            Some(!ipv4::is_group(destination) && leads_on(source, destination, tables)?)
        }
        Ok(ethernet::Payload::Ipv6(offset)) => {
            let [_, source @ .., fourth, fifth]: [u64; 5] = frame.at(offset)?;
            let destination: ipv6::Address = [fourth, fifth];
            Some(!ipv6::is_group(destination) && leads_on(source, destination, tables)?)
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
