//! Headers and tables to a verdict: the order of the design's section 5.
//!
//! [`decide`] is the one verdict function: the XDP program, `explain` and the tests call it. It returns a reason and,
//! where a documented port is concerned, the counter that tells which rule (or that none) admitted the packet. [`outgoing()`]
//! is the same for what leaves, by the same parsers and the same tables.

mod arrival;
mod general;
mod matrix;
mod outcome;
mod outgoing;
mod plain;
mod ports;
mod reply;
mod source;
mod transit;

use crate::{tables::Tables, wire::Frame};

pub use arrival::Arrival;
pub use general::general;
pub use outcome::Outcome;
pub use outgoing::outgoing;
pub use plain::{Plain, plain};
pub use transit::{is_transit, unless_transit};

use outcome::Settled;

/// What the verdict on a packet's payload needs besides its headers.
#[derive(Clone, Copy)]
struct Context {
    arrival: Arrival,
    /// The peer's class: the source's, of a packet that leaves the destination's.
    class: u32,
}

/// Decides about one Ethernet frame: [`plain()`] does for nearly every one, [`general()`] for the others. (The program calls each step by
/// itself, since [`Plain::verdict`], [`general()`] and [`is_transit()`] are functions of their own there.)
#[inline(always)]
pub fn decide<F: Frame + ?Sized, T: Tables>(frame: &F, arrival: Arrival, tables: &T) -> Outcome {
    let outcome = match plain(frame, || Some(arrival), tables) {
        Some(plain) => plain.verdict(frame, tables),
        None => general(frame, arrival, tables),
    };
    unless_transit(frame, outcome, tables)
}
