//! PortGuard's programs, for what comes in one at XDP and one at tc, and one at tc for what leaves: each hands a frame to the
//! verdict function of `portguard-common`, counts, passes or drops.
//!
//! They hold no decision of their own: [`context`] is what differs between the hooks, [`frame`] where the bytes come from,
//! [`maps`] where the tables are, [`unusual`] who judges what is not plain, [`socket`] the kernel's socket table, [`reply`] who asks it of
//! plain packets, [`transit`] the kernel's routes, [`drops`] where it is noted who was dropped.

#![no_std]
#![warn(clippy::wildcard_enum_match_arm)]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the kernel's interfaces count in other widths; every value here is far within both"
)]
#![no_main]
#![feature(asm_experimental_arch)]

mod answer;
mod context;
mod count;
mod drops;
mod frame;
mod hide;
#[cfg(feature = "log")]
mod log;
mod maps;
mod reply;
mod socket;
mod transit;
mod unusual;

use core::hint::cold_path;

use aya_ebpf::{
    bindings::{TC_ACT_SHOT, tcx_action_base, xdp_action},
    macros::{classifier, xdp},
    programs::{TcContext, XdpContext},
};
use portguard_common::{Action, Arrival, Outcome, Plain, Reason, plain};

use crate::{
    context::{Context, Headers, Skb, Xdp},
    frame::{First, Head, Linear},
    maps::Inlined,
};

// The XDP program. `frags`: it also takes packets that are spread over several buffers (jumbo frames).
#[xdp(frags)]
#[inline(always)]
#[expect(clippy::needless_pass_by_value, reason = "what the macro makes of it hands the context over")]
fn portguard(context: XdpContext) -> u32 {
    let context = Xdp::new(&context);
    // A plain frame that is longer than its first buffer ends within it by its own account: the rest is padding.
    match judge::<_, Head>(context) {
        Action::Pass => xdp_action::XDP_PASS,
        Action::Drop => xdp_action::XDP_DROP,
    }
}

// The tc program, for tcx: what it passes goes on to the programs behind it.
#[classifier]
#[inline(always)]
#[expect(clippy::needless_pass_by_value, reason = "what the macro makes of it hands the context over")]
fn portguard_tcx(context: TcContext) -> i32 {
    let context = Skb::<false>::new(&context);
    // Of packets that the kernel has merged, often no more than the headers are in the first buffer.
    match judge::<_, Linear<_>>(context) {
        Action::Pass => tcx_action_base::TCX_NEXT,
        Action::Drop => TC_ACT_SHOT,
    }
}

// The tc program of what leaves. Who sent what must not is told so at once, where that can be done.
#[classifier]
#[inline(always)]
#[expect(clippy::needless_pass_by_value, reason = "what the macro makes of it hands the context over")]
fn portguard_out(context: TcContext) -> i32 {
    let context = Skb::<true>::new(&context);
    match judge_leaving(context) {
        Action::Pass => tcx_action_base::TCX_NEXT,
        Action::Drop => answer::refuse(context),
    }
}

/// What is to be done with a packet that leaves, which is counted.
#[inline(always)]
fn judge_leaving(context: Skb<true>) -> Action {
    let Some(departure) = maps::arrival(context) else {
        return settle(context, Outcome::of(Reason::Internal), context.bytes());
    };
    unusual(context, departure)
}

/// What is to be done with a packet, which is counted.
#[inline(always)]
fn judge<C: Context, F: First<C>>(context: C) -> Action {
    if context.is_looped_back() {
        cold_path();
        return settle(context, Outcome::of(Reason::LoopedBack), context.bytes());
    }
    let outcome = match plain(&F::new(context), || maps::arrival(context), &Inlined::new(context)) {
        Some(Plain::Settled(outcome)) => outcome,
        Some(Plain::Refused(refusal)) => Outcome::from_bits(context.unless_reply(refusal.to_bits())),
        None => {
            cold_path();
            match maps::arrival(context) {
                Some(arrival) => return unusual(context, arrival),
                None => Outcome::of(Reason::Internal),
            }
        }
    };
    settle(context, outcome, context.bytes())
}

/// Counts a packet of `bytes` with this outcome, and says what is to be done with it.
#[inline(always)]
fn settle<C: Context>(context: C, outcome: Outcome, bytes: u64) -> Action {
    let outcome = unless_transit(context, outcome);
    let page = count::count::<C>(outcome, bytes);
    #[cfg(feature = "log")]
    log::tell(outcome.to_bits(), bytes);
    match outcome.reason.action() {
        Action::Pass => Action::Pass,
        Action::Drop => {
            drops::note(context, outcome, bytes, page);
            if maps::observe::<C>() { Action::Pass } else { Action::Drop }
        }
    }
}

/// The outcome, or that the packet came in for others, where the site lets that pass.
#[inline(always)]
fn unless_transit<C: Context>(context: C, outcome: Outcome) -> Outcome {
    if !maps::transit::<C>() || !outcome.reason.may_be_transit() {
        return outcome;
    }
    cold_path();
    if context.is_transit() { Outcome::of(Reason::Transit) } else { outcome }
}

/// What is to be done with the frames that [`plain`] leaves, and with all that leave, which are counted.
#[inline(always)]
fn unusual<C: Context>(context: C, arrival: Arrival) -> Action {
    let frame = Linear::new(context);
    let outcome = Outcome::from_bits(context.unusual(arrival.to_bits(), Headers::InOnePiece));
    let unread = outcome.reason.is_unreadable() && frame.is_partial();
    let outcome = if unread {
        Outcome::from_bits(context.unusual(arrival.to_bits(), Headers::InPieces))
    } else {
        outcome
    };
    settle(context, outcome, frame.bytes())
}

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// The kernel lends its socket look-ups to GPL-compatible programs only.
#[expect(unsafe_code, reason = "the loader looks for this symbol in this section")]
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
