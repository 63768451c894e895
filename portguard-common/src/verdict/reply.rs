//! Is a packet that the matrix refuses a reply to a connection that this node opened itself, or, of one that leaves, that
//! a peer opened?
//!
//! The kernel's socket table is the state table: it cannot be filled from outside and cannot be lost.

use crate::{
    Reason,
    tables::{Flow, SourceAddress, Tables},
    wire::tcp::Segment,
};

/// TCP: a connection of exactly these ends, and no listener on the node's port, for with one the peer may have opened
/// it, and then only the matrix admits.
#[inline(always)]
pub(super) fn tcp<A: SourceAddress, T: Tables>(flow: &Flow<A>, segment: &Segment, tables: &T) -> Reason {
    match tables.tcp_socket(flow) {
        None if segment.closes() => Reason::Stale,
        None => Reason::NoSocket,
        Some(state) if state.is_passive() => Reason::NoReplyState,
        Some(_) if tables.tcp_listener(flow) => Reason::Revoked,
        Some(_) => Reason::Reply,
    }
}

/// TCP that leaves, of `flow`, whose source is the peer: a connection of exactly these ends that the node did not open, and a
/// listener on the node's port, or nobody can have opened it. A listener under attack agrees to connections that it keeps no
/// socket of (SYN cookies).
#[inline(always)]
pub(super) fn outgoing_tcp<A: SourceAddress>(
    flow: &Flow<A>,
    segment: &Segment,
    tables: &impl Tables,
) -> Reason {
    match tables.tcp_socket(flow) {
        None => Reason::NoSocket,
        Some(state) if state.listens() && segment.accepts() => Reason::Reply,
        Some(state) if state.listens() => Reason::NoSocket,
        Some(state) if state.opens() => Reason::Revoked,
        Some(_) if tables.tcp_listener(flow) => Reason::Reply,
        Some(_) => Reason::Revoked,
    }
}

/// UDP: only a connected socket is bound to one peer; every other one would take anybody's packet. Beside one that does, at the same
/// port, the peer may have spoken first: a server that connects a socket to each client (DTLS, QUIC). `refusal` stands where the
/// packet's fault is its source rather than that nothing waits for it.
#[inline(always)]
pub(super) fn udp<A: SourceAddress, T: Tables>(flow: &Flow<A>, refusal: Reason, tables: &T) -> Reason {
    match tables.udp_socket(flow) {
        Some(state) if state.is_connected() && tables.udp_listener(flow) => Reason::Revoked,
        Some(state) if state.is_connected() => Reason::Reply,
        None if refusal == Reason::Undocumented => Reason::NoSocket,
        Some(_) | None => refusal,
    }
}
