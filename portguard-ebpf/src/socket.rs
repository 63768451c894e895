//! The kernel's socket table, asked for the state of one flow.

#![expect(unsafe_code, reason = "helpers take and return raw pointers")]

use aya_ebpf::{
    bindings::{BPF_F_CURRENT_NETNS, bpf_sock, bpf_sock_tuple, xdp_md},
    helpers::generated::{bpf_sk_lookup_udp, bpf_sk_release, bpf_skc_lookup_tcp},
};
use portguard_common::tables::{Flow, SocketState, SourceAddress};

/// The namespace of the interface that the packet came in by.
const NAMESPACE: u64 = BPF_F_CURRENT_NETNS as u64;

/// The TCP socket that would take the packet. `bpf_skc_lookup_tcp` and not `bpf_sk_lookup_tcp`, which misses
/// connections in TIME_WAIT.
#[inline(always)]
pub(crate) fn tcp<A: SourceAddress>(context: *mut xdp_md, flow: &Flow<A>) -> Option<SocketState> {
    // SAFETY: a flow is laid out as the kernel's tuple of its family: addresses, then ports, all in network order. The
    // helper reads as many bytes as it is told.
    take(unsafe { bpf_skc_lookup_tcp(context.cast(), tuple(flow), Flow::<A>::LEN as u32, NAMESPACE, 0) })
}

/// Whether a socket listens on the flow's destination: asked for a peer at port 0, which no connection has.
#[inline(always)]
pub(crate) fn tcp_listener<A: SourceAddress>(context: *mut xdp_md, flow: &Flow<A>) -> bool {
    let nobody =
        Flow { source: flow.destination, destination: flow.destination, ports: flow.ports.from_port_zero() };
    tcp(context, &nobody).is_some()
}

/// The UDP socket that would take the packet.
#[inline(always)]
pub(crate) fn udp<A: SourceAddress>(context: *mut xdp_md, flow: &Flow<A>) -> Option<SocketState> {
    // SAFETY: as in `tcp`.
    take(unsafe { bpf_sk_lookup_udp(context.cast(), tuple(flow), Flow::<A>::LEN as u32, NAMESPACE, 0) })
}

#[inline(always)]
fn tuple<A>(flow: &Flow<A>) -> *mut bpf_sock_tuple {
    (&raw const *flow).cast_mut().cast()
}

/// Reads the state and gives the reference back, which the verifier insists on.
#[inline(always)]
fn take(socket: *mut bpf_sock) -> Option<SocketState> {
    if socket.is_null() {
        return None;
    }
    // SAFETY: the helper returned a socket, which stays ours until it is released below.
    let state = unsafe { (*socket).state };
    // SAFETY: released once, and not used after.
    unsafe { bpf_sk_release(socket.cast()) };
    Some(SocketState(state))
}
