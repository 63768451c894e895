//! The kernel's socket table, asked for the state of one flow.

#![expect(unsafe_code, reason = "helpers take and return raw pointers")]

use core::ffi::c_void;

use aya_ebpf::{
    bindings::{BPF_F_CURRENT_NETNS, bpf_sock, bpf_sock_tuple},
    helpers::generated::{bpf_sk_lookup_udp, bpf_sk_release, bpf_skc_lookup_tcp},
};
use portguard_common::tables::{Flow, SocketState, SourceAddress};

/// The namespace of the interface that the packet came in by.
const NAMESPACE: u64 = BPF_F_CURRENT_NETNS as u64;

/// The state that no socket has.
const NONE: u32 = 0;

/// The TCP socket that would take the packet.
#[inline(always)]
pub(crate) fn tcp<A: SourceAddress>(context: *mut c_void, flow: &Flow<A>) -> Option<SocketState> {
    known(tcp_state(context, flow))
}

/// Whether a socket listens on the flow's destination: asked for a peer at port 0, which no connection has.
#[inline(never)]
pub(crate) fn tcp_listener<A: SourceAddress>(context: *mut c_void, flow: &Flow<A>) -> bool {
    tcp_state(context, &from_nobody(flow)) != NONE
}

/// Whether a socket takes anybody's datagrams at the flow's destination: asked likewise.
#[inline(never)]
pub(crate) fn udp_listener<A: SourceAddress>(context: *mut c_void, flow: &Flow<A>) -> bool {
    udp_state(context, &from_nobody(flow)) != NONE
}

/// The same flow from the node itself at port 0.
#[inline(always)]
fn from_nobody<A: SourceAddress>(flow: &Flow<A>) -> Flow<A> {
    Flow { source: flow.destination, destination: flow.destination, ports: flow.ports.from_port_zero() }
}

/// The UDP socket that would take the packet.
#[inline(always)]
pub(crate) fn udp<A: SourceAddress>(context: *mut c_void, flow: &Flow<A>) -> Option<SocketState> {
    known(udp_state(context, flow))
}

fn known(state: u32) -> Option<SocketState> {
    (state != NONE).then_some(SocketState(state))
}

/// The TCP socket's state. `bpf_skc_lookup_tcp` and not `bpf_sk_lookup_tcp`, which misses connections in TIME_WAIT.
///
/// A function of its own in the program too: asking is off the common path, and is asked at several places.
#[inline(never)]
fn tcp_state<A: SourceAddress>(context: *mut c_void, flow: &Flow<A>) -> u32 {
    // SAFETY: a flow is laid out as the kernel's tuple of its family: addresses, then ports, all in network order. The
    // helper reads as many bytes as it is told.
    take(unsafe { bpf_skc_lookup_tcp(context, tuple(flow), Flow::<A>::LEN as u32, NAMESPACE, 0) })
}

/// In the place of a call: under a flood of datagrams each is asked about, and where returns are guarded against speculation a call costs
/// several nanoseconds.
#[inline(always)]
fn udp_state<A: SourceAddress>(context: *mut c_void, flow: &Flow<A>) -> u32 {
    // SAFETY: as in `tcp_state`.
    take(unsafe { bpf_sk_lookup_udp(context, tuple(flow), Flow::<A>::LEN as u32, NAMESPACE, 0) })
}

#[inline(always)]
fn tuple<A>(flow: &Flow<A>) -> *mut bpf_sock_tuple {
    (&raw const *flow).cast_mut().cast()
}

/// Reads the state and gives the reference back, which the verifier insists on.
#[inline(always)]
fn take(socket: *mut bpf_sock) -> u32 {
    if socket.is_null() {
        return NONE;
    }
    // SAFETY: the helper returned a socket, which stays ours until it is released below.
    let state = unsafe { (*socket).state };
    // SAFETY: released once, and not used after.
    unsafe { bpf_sk_release(socket.cast()) };
    state
}
