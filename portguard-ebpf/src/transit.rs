//! Whether a packet that the rules refuse is for others, where the site lets pass what the node sends on to them: the kernel's routes are asked.
//!
//! Functions of their own, exported as those of [`reply`](crate::reply) are.

#![expect(
    unsafe_code,
    reason = "an exported function's name is nobody else's; the helper takes raw pointers"
)]

use core::{
    mem::{MaybeUninit, offset_of},
    ptr,
};

use aya_ebpf::{
    bindings::{
        __sk_buff, BPF_FIB_LKUP_RET_FRAG_NEEDED, BPF_FIB_LKUP_RET_NO_NEIGH, BPF_FIB_LKUP_RET_SUCCESS,
        BPF_FIB_LOOKUP_SKIP_NEIGH, bpf_fib_lookup as Question, xdp_md,
    },
    helpers::generated::bpf_fib_lookup,
    programs::{TcContext, XdpContext},
};
use portguard_common::tables::SourceAddress;

use crate::{
    context::{Context, Skb, Xdp},
    frame::{First as _, Head, Scattered},
    maps::Called,
};

/// The kernel's numbers for the families.
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
/// The bytes of a question.
#[expect(clippy::cast_possible_wrap, reason = "it has 64")]
const QUESTION: i32 = size_of::<Question>() as i32;
// The unions of the addresses have no names (`struct bpf_fib_lookup` of `include/uapi/linux/bpf.h`).
const _: () = {
    assert!(size_of::<Question>() == 64);
    assert!(offset_of!(Question, __bindgen_anon_3) == 16);
    assert!(offset_of!(Question, __bindgen_anon_4) == 32);
};

/// 1 if the node sends the packet on to others.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn is_transit(context: *mut xdp_md) -> u32 {
    asked(Xdp::new(&XdpContext::new(context)))
}

/// The same for the tc program of what comes in.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn is_transit_tc(context: *mut __sk_buff) -> u32 {
    asked(Skb::<false>::new(&TcContext::new(context)))
}

/// Which tags were taken out of the frame need not be known here: the verdict has counted them.
#[inline(always)]
fn asked<C: Context>(context: C) -> u32 {
    let tables = Called::new(context);
    let answer = portguard_common::is_transit(&Head::new(context), &tables)
        .or_else(|| portguard_common::is_transit(&Scattered::new(context), &tables));
    u32::from(answer == Some(true))
}

/// Whether the kernel sends a packet with these ends on, which came in by the context's interface. It says no where that interface
/// forwards nothing, and of what is for the node itself, for several hosts or for nobody (`bpf_ipv4_fib_lookup` of `net/core/filter.c`).
/// Rules of routing that look at more than addresses and interface (marks, ports, TOS) are not asked.
#[inline(always)]
pub(crate) fn forwards<C: Context, A: SourceAddress>(context: C, source: A, destination: A) -> bool {
    const { assert!(size_of::<A>() == 4 || size_of::<A>() == 16) }
    // SAFETY: the kernel's question is made of numbers, of which each may be zero.
    let mut question: Question = unsafe { MaybeUninit::zeroed().assume_init() };
    question.family = if size_of::<A>() == 4 { AF_INET } else { AF_INET6 };
    question.ifindex = context.interface();
    // SAFETY: each of the two unions has room for an address of either family, at whatever alignment.
    unsafe {
        ptr::write_unaligned((&raw mut question.__bindgen_anon_3).cast(), source);
        ptr::write_unaligned((&raw mut question.__bindgen_anon_4).cast(), destination);
    }
    // SAFETY: the context is the one that the kernel called this program with; the helper reads and writes a whole question.
    let answer =
        unsafe { bpf_fib_lookup(context.pointer(), &raw mut question, QUESTION, BPF_FIB_LOOKUP_SKIP_NEIGH) };
    // It has a next hop, whatever comes of the packet on the way there. Not of a lightweight tunnel: by such a route the node may open what it
    // carries (`seg6local`), and take it for itself.
    [BPF_FIB_LKUP_RET_SUCCESS, BPF_FIB_LKUP_RET_NO_NEIGH, BPF_FIB_LKUP_RET_FRAG_NEEDED]
        .contains(&(answer as u32))
}
