//! What becomes of a plain packet that the matrix refuses: the kernel's socket table may know it for a reply.
//!
//! Functions of their own, which read the headers again: the plain packets that pass need not keep what these ask for. Exported, so
//! that the verifier takes each by itself, and not once for each way that leads to a refusal.

#![expect(unsafe_code, reason = "an exported function's name is nobody else's")]

use aya_ebpf::{
    bindings::{__sk_buff, xdp_md},
    programs::{TcContext, XdpContext},
};
use portguard_common::{Outcome, Plain};

use crate::{
    context::{Context, Skb, Xdp},
    frame::{First, Head, Linear},
    maps::Called,
};

/// The verdict on the packet that the matrix refuses with `refusal`, both as [`Outcome::to_bits`] has them.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn unless_reply(context: *mut xdp_md, refusal: u64) -> u64 {
    verdict::<_, Head>(Xdp::new(&XdpContext::new(context)), refusal)
}

/// The same for the tc program of what comes in.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn unless_reply_tc(context: *mut __sk_buff, refusal: u64) -> u64 {
    verdict::<_, Linear<_>>(Skb::<false>::new(&TcContext::new(context)), refusal)
}

#[inline(always)]
fn verdict<C: Context, F: First<C>>(context: C, refusal: u64) -> u64 {
    let refused = Plain::Refused(Outcome::from_bits(refusal));
    refused.verdict(&F::new(context), &Called::new(context)).to_bits()
}
