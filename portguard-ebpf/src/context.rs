//! A packet as the kernel hands it over, at XDP or at tc: all that differs between the two.

#![expect(unsafe_code, reason = "the kernel's contexts are raw pointers")]

use core::{ffi::c_void, ptr};

use aya_ebpf::{
    bindings::{__sk_buff, xdp_md},
    helpers::generated::{
        bpf_get_socket_uid, bpf_skb_cgroup_id, bpf_skb_load_bytes, bpf_xdp_get_buff_len, bpf_xdp_load_bytes,
    },
    programs::{TcContext, XdpContext},
};
use portguard_common::abi::Sender;

use crate::{drops, reply, transit, unusual};

/// What the program asks of a packet at the hook where it meets it.
pub(crate) trait Context: Copy {
    /// Whether its packets leave: then the peer is where they go to.
    const OUTBOUND: bool;

    /// Where its first piece of memory begins.
    fn data(self) -> usize;

    /// Where that ends.
    fn data_end(self) -> usize;

    /// The bytes of the frame, all buffers together.
    fn len(self) -> u64;

    /// The bytes of a frame that is a plain one: at XDP of its first piece, since what lies beyond that is padding.
    fn bytes(self) -> u64;

    /// The VLAN tags that were before those in the frame, and are in none of its buffers any more: 0 or 1.
    fn tags_removed(self) -> usize;

    /// Whether the node itself sent it to a group that it is in, or to everybody, and the kernel hands it back: from the IP header on,
    /// without an Ethernet header.
    fn is_looped_back(self) -> bool;

    /// The number of the interface that the packet came in by, or leaves by.
    fn interface(self) -> u32;

    /// The kernel's context, for helpers that take any.
    fn pointer(self) -> *mut c_void;

    /// Copies the `len` bytes at `offset` to `to`; false, and nothing copied, where the frame ends before.
    ///
    /// # Safety
    /// `to` is valid for writes of `len` bytes.
    unsafe fn load(self, offset: u32, to: *mut c_void, len: u32) -> bool;

    /// Who sent the packet, if it leaves.
    fn sender(self) -> Sender;

    /// Calls the function that gives the verdict on a frame that is not plain, or leaves: as far as its first buffer goes, or else
    /// wherever its headers are. `arrival` and the outcome are bits.
    fn unusual(self, arrival: u32, headers: Headers) -> u64;

    /// Calls the function that tells whether a plain packet that comes in is a reply, with its refusal; gives its outcome.
    fn unless_reply(self, refusal: u64) -> u64;

    /// Calls the function that tells whether the node sends a packet that comes in on to others.
    fn is_transit(self) -> bool;

    /// Calls the function that notes a drop: each hook has its own, since a global function's parameters have the type of
    /// the kernel's context.
    fn note_drop(self, outcome: u64, bytes: u64);
}

/// Where the headers of a frame are taken to be.
#[derive(Clone, Copy)]
pub(crate) enum Headers {
    /// In its first buffer.
    InOnePiece,
    /// In any.
    InPieces,
}

/// A packet at XDP.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Xdp(*mut xdp_md);

impl Xdp {
    #[inline(always)]
    pub(crate) fn new(context: &XdpContext) -> Self {
        Self(context.ctx)
    }

    /// For what asks nothing of a packet.
    #[inline(always)]
    pub(crate) fn none() -> Self {
        Self(ptr::null_mut())
    }
}

impl Context for Xdp {
    const OUTBOUND: bool = false;

    #[inline(always)]
    fn data(self) -> usize {
        XdpContext::new(self.0).data()
    }

    #[inline(always)]
    fn data_end(self) -> usize {
        XdpContext::new(self.0).data_end()
    }

    #[inline(always)]
    fn len(self) -> u64 {
        // SAFETY: the context is the one that the kernel called this program with.
        unsafe { bpf_xdp_get_buff_len(self.0) }
    }

    /// Read again, or the program would have to keep where both ends are.
    #[inline(always)]
    fn bytes(self) -> u64 {
        // SAFETY: the context is the one that the kernel called this program with.
        let [end, start] = unsafe {
            [(&raw const (*self.0).data_end).read_volatile(), (&raw const (*self.0).data).read_volatile()]
        };
        u64::from(end.wrapping_sub(start))
    }

    /// None: what a NIC takes out before XDP is not told here.
    #[inline(always)]
    fn tags_removed(self) -> usize {
        0
    }

    /// Never: no driver sees such packets. In the generic hook nothing tells them from others, whoever sent those.
    #[inline(always)]
    fn is_looped_back(self) -> bool {
        false
    }

    #[inline(always)]
    fn interface(self) -> u32 {
        XdpContext::new(self.0).ingress_ifindex() as u32
    }

    #[inline(always)]
    fn pointer(self) -> *mut c_void {
        self.0.cast()
    }

    #[inline(always)]
    unsafe fn load(self, offset: u32, to: *mut c_void, len: u32) -> bool {
        // SAFETY: the context is the one that the kernel called this program with, and the caller vouches for `to`. The
        // helper itself refuses what lies beyond the frame.
        unsafe { bpf_xdp_load_bytes(self.0, offset, to, len) == 0 }
    }

    #[inline(always)]
    fn sender(self) -> Sender {
        Sender::default()
    }

    #[inline(always)]
    fn unusual(self, arrival: u32, headers: Headers) -> u64 {
        match headers {
            Headers::InOnePiece => unusual::in_one_piece(self.0, arrival),
            Headers::InPieces => unusual::in_pieces(self.0, arrival),
        }
    }

    #[inline(always)]
    fn unless_reply(self, refusal: u64) -> u64 {
        reply::unless_reply(self.0, refusal)
    }

    #[inline(always)]
    fn is_transit(self) -> bool {
        transit::is_transit(self.0) != 0
    }

    #[inline(always)]
    fn note_drop(self, outcome: u64, bytes: u64) {
        drops::note_drop(self.0, outcome, bytes);
    }
}

/// A packet at tc that comes in, or with `OUTBOUND` one that leaves: the kernel has made a buffer of its own of it, may have taken its outer VLAN tag out, and may have merged
/// it with those that follow it.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Skb<const OUTBOUND: bool>(*mut __sk_buff);

impl<const OUTBOUND: bool> Skb<OUTBOUND> {
    #[inline(always)]
    pub(crate) fn new(context: &TcContext) -> Self {
        Self(context.skb.skb)
    }

    /// The kernel's buffer.
    #[inline(always)]
    pub(crate) fn buffer(self) -> *mut __sk_buff {
        self.0
    }
}

impl<const OUTBOUND: bool> Context for Skb<OUTBOUND> {
    const OUTBOUND: bool = OUTBOUND;

    #[inline(always)]
    fn data(self) -> usize {
        TcContext::new(self.0).data()
    }

    #[inline(always)]
    fn data_end(self) -> usize {
        TcContext::new(self.0).data_end()
    }

    #[inline(always)]
    fn len(self) -> u64 {
        u64::from(TcContext::new(self.0).len())
    }

    #[inline(always)]
    fn bytes(self) -> u64 {
        self.len()
    }

    #[inline(always)]
    fn tags_removed(self) -> usize {
        // SAFETY: the context is the one that the kernel called this program with.
        let present = unsafe { (*self.0).vlan_present };
        // It is no more, which the verifier must be told.
        (present & 1) as usize
    }

    #[inline(always)]
    fn is_looped_back(self) -> bool {
        // `include/uapi/linux/if_packet.h`. No packet from outside gets this type (`eth_type_trans` of `net/ethernet/eth.c`).
        const PACKET_LOOPBACK: u32 = 5;
        // SAFETY: the context is the one that the kernel called this program with.
        unsafe { (*self.0).pkt_type == PACKET_LOOPBACK }
    }

    #[inline(always)]
    fn interface(self) -> u32 {
        // SAFETY: the context is the one that the kernel called this program with.
        unsafe { (*self.0).ifindex }
    }

    #[inline(always)]
    fn pointer(self) -> *mut c_void {
        self.0.cast()
    }

    #[inline(always)]
    unsafe fn load(self, offset: u32, to: *mut c_void, len: u32) -> bool {
        // SAFETY: as at XDP.
        unsafe { bpf_skb_load_bytes(self.0.cast(), offset, to, len) == 0 }
    }

    #[inline(always)]
    fn sender(self) -> Sender {
        if !OUTBOUND {
            return Sender::default();
        }
        // SAFETY: the context is the one that the kernel called this program with; the helpers look at the packet's socket, and
        // answer for one without.
        let (cgroup, user) = unsafe { (bpf_skb_cgroup_id(self.0), bpf_get_socket_uid(self.0)) };
        Sender { cgroup, user, unused: 0 }
    }

    #[inline(always)]
    fn unusual(self, arrival: u32, headers: Headers) -> u64 {
        match (OUTBOUND, headers) {
            (false, Headers::InOnePiece) => unusual::in_one_piece_tc(self.0, arrival),
            (false, Headers::InPieces) => unusual::in_pieces_tc(self.0, arrival),
            (true, Headers::InOnePiece) => unusual::in_one_piece_out(self.0, arrival),
            (true, Headers::InPieces) => unusual::in_pieces_out(self.0, arrival),
        }
    }

    #[inline(always)]
    fn unless_reply(self, refusal: u64) -> u64 {
        reply::unless_reply_tc(self.0, refusal)
    }

    #[inline(always)]
    fn is_transit(self) -> bool {
        !OUTBOUND && transit::is_transit_tc(self.0) != 0
    }

    #[inline(always)]
    fn note_drop(self, outcome: u64, bytes: u64) {
        if OUTBOUND {
            drops::note_drop_out(self.0, outcome, bytes);
        } else {
            drops::note_drop_tc(self.0, outcome, bytes);
        }
    }
}
