//! The verdict on frames that are not plain, and on all that leave: on a frame with its headers in its first buffer, and once more on one
//! whose headers are not in one piece.
//!
//! Exported, so that the verifier takes each function once, by itself, and not once for each way that leads to it; of what it returns the
//! verifier knows nothing then, so that a hundred outcomes do not go through the counters one by one. Functions of their own in the
//! program too, so that they cost plain frames nothing.

#![expect(unsafe_code, reason = "an exported function's name is nobody else's")]

use aya_ebpf::{
    bindings::{__sk_buff, xdp_md},
    programs::{TcContext, XdpContext},
};
use portguard_common::{Arrival, general, outgoing};

use crate::{
    context::{Skb, Xdp},
    frame::{First as _, Linear, Scattered},
    maps::Called,
};

macro_rules! verdicts {
    ($($name:ident: $judge:ident($frame:ident, $context:expr, $kernels:ty);)*) => {
        $(
            /// The verdict as [`Outcome::to_bits`](portguard_common::Outcome::to_bits) has it; `arrival` as
            /// [`Arrival::to_bits`] has it.
            #[unsafe(no_mangle)]
            #[inline(never)]
            pub(crate) extern "C" fn $name(context: *mut $kernels, arrival: u32) -> u64 {
                let context = $context(context);
                $judge(&$frame::new(context), Arrival::from_bits(arrival), &Called::new(context)).to_bits()
            }
        )*
    };
}

verdicts! {
    in_one_piece: general(Linear, xdp, xdp_md);
    in_one_piece_tc: general(Linear, skb::<false>, __sk_buff);
    in_one_piece_out: outgoing(Linear, skb::<true>, __sk_buff);
    in_pieces: general(Scattered, xdp, xdp_md);
    in_pieces_tc: general(Scattered, skb::<false>, __sk_buff);
    in_pieces_out: outgoing(Scattered, skb::<true>, __sk_buff);
}

#[inline(always)]
fn xdp(context: *mut xdp_md) -> Xdp {
    Xdp::new(&XdpContext::new(context))
}

#[inline(always)]
fn skb<const OUTBOUND: bool>(context: *mut __sk_buff) -> Skb<OUTBOUND> {
    Skb::new(&TcContext::new(context))
}
