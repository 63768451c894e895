//! Which rule, if any, admits a peer to a port, type or protocol: a source, or a destination of what leaves.

use core::hint::cold_path;

use super::{Context, Outcome, Settled};
use crate::{
    Reason,
    abi::{PortEntry, port_entries, port_slots},
    tables::{OutboundTables, Tables},
    wire::{Packet, icmp, protocol},
};

/// What the matrix says about one peer and one port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// A rule admits the peer; this is its counter.
    Admitted { slot: u32 },
    /// The port is documented and no rule admits the peer; this is its first counter.
    Refused { slot: u32 },
    /// No rule names the port, and the peer is in no failsafe group.
    Undocumented,
}

/// Tables that contradict themselves.
#[inline(always)]
fn damaged() -> Reason {
    cold_path();
    Reason::Internal
}

/// Looks up the port, type or protocol `index` among the entries that begin at `first`.
#[inline(always)]
pub(super) fn access<T: Tables>(
    first: u32,
    index: u16,
    context: Context,
    tables: &T,
) -> Result<Access, Reason> {
    let index = context.arrival.first_port().wrapping_add(first + u32::from(index));
    let PortEntry { slot, cells } = tables.port(index).ok_or_else(damaged)?;
    if cells == 0 && !tables.failsafe() {
        cold_path();
        return Ok(Access::Undocumented);
    }
    let ordinal = tables.cell(cells.wrapping_add(context.class)).ok_or_else(damaged)?;
    Ok(match ordinal {
        0 if tables.failsafe() && cells == 0 => Access::Undocumented,
        0 => Access::Refused { slot },
        ordinal => Access::Admitted { slot: slot + port_slots::ADMITTED + u32::from(ordinal) - 1 },
    })
}

/// The same of what comes in where the packet goes out: what the inbound rules say of its peer.
#[inline(always)]
pub(super) fn opposite_access<T: OutboundTables>(
    first: u32,
    index: u16,
    context: Context,
    tables: &T,
) -> Result<Access, Reason> {
    access(first, index, Context { arrival: context.arrival.opposite(tables.zones()), ..context }, tables)
}

/// ICMP types that follow the rules. `kind` tells those that no posture opens; `first` and `undocumented` are the first
/// type's places among the entries and among the undocumented.
#[inline(always)]
pub(super) fn icmp<T: Tables>(
    [first, undocumented]: [u32; 2],
    number: u8,
    kind: icmp::Kind,
    context: Context,
    tables: &T,
) -> Settled {
    let place = undocumented + u32::from(number);
    match access(first, u16::from(number), context, tables)? {
        Access::Admitted { slot } => Err(Outcome::admitted(slot)),
        Access::Refused { slot } => Err(Outcome::refused(slot)),
        Access::Undocumented if kind == icmp::Kind::Unwanted => Err(Outcome::of(Reason::IcmpType)),
        Access::Undocumented if tables.posture_pass() => {
            Err(Outcome::undocumented(Reason::UndocumentedPassed, place))
        }
        Access::Undocumented => Err(Outcome::undocumented(Reason::Undocumented, place)),
    }
}

/// SCTP: by rule only, since no socket look-up can tell replies.
#[inline(always)]
pub(super) fn sctp<T: Tables>(port: u16, context: Context, tables: &T) -> Settled {
    match access(port_entries::SCTP, port, context, tables)? {
        Access::Admitted { slot } => Err(Outcome::admitted(slot)),
        Access::Refused { slot } => Err(Outcome::refused(slot)),
        Access::Undocumented => Err(Outcome::of(Reason::Protocol)),
    }
}

/// A protocol without ports that the filter reads.
#[inline(always)]
pub(super) fn other_protocol<T: Tables>(number: u8, context: Context, tables: &T) -> Settled {
    match access(port_entries::PROTOCOL, u16::from(number), context, tables)? {
        Access::Admitted { slot } => Err(Outcome::admitted(slot)),
        Access::Refused { slot } => Err(Outcome::refused(slot).because(Reason::Protocol)),
        Access::Undocumented if tables.posture_pass() && !protocol::needs_rule(number) => {
            Err(Outcome::of(Reason::ProtocolPassed))
        }
        Access::Undocumented => Err(Outcome::of(Reason::Protocol)),
    }
}

/// What stands behind an authentication header is judged as if it stood there alone, but the header itself needs a
/// rule that admits the peer.
#[inline(always)]
pub(super) fn authentication<A, T: Tables>(
    packet: &Packet<A>,
    context: Context,
    tables: &T,
) -> Result<(), Outcome> {
    if packet.authenticated == 0 {
        return Ok(());
    }
    match access(port_entries::PROTOCOL, u16::from(protocol::AH), context, tables)? {
        Access::Admitted { .. } => Ok(()),
        Access::Refused { slot } => Err(Outcome::refused(slot).because(Reason::Protocol)),
        Access::Undocumented => Err(Outcome::of(Reason::Protocol)),
    }
}

/// A later fragment: nothing without its first, so it only has to come from a source that may send its protocol at
/// all, lest strangers fill the reassembly queue, unless the site lets in anybody's. `None` is a protocol that nobody can tell: any will do.
#[inline(always)]
pub(super) fn later_fragment<T: Tables>(number: Option<u8>, context: Context, tables: &T) -> Settled {
    if tables.posture_pass() || tables.fragments_pass() {
        return Err(Outcome::of(Reason::LaterFragment));
    }
    let index = match number {
        // The place of a header that IPv4 does not have stands for any protocol.
        Some(protocol::FRAGMENT) => return Err(Outcome::of(Reason::FragmentSource)),
        Some(number) => number,
        None => protocol::FRAGMENT,
    };
    match access(port_entries::FRAGMENTS, u16::from(index), context, tables)? {
        Access::Admitted { .. } => Err(Outcome::of(Reason::LaterFragment)),
        Access::Refused { .. } | Access::Undocumented => Err(Outcome::of(Reason::FragmentSource)),
    }
}
