//! PortGuard's XDP program: hands each frame to the verdict function of `portguard-common`, counts, passes or drops.
//!
//! It holds no decision of its own: [`frame`] is where the bytes come from, [`maps`] where the tables are, [`socket`]
//! the kernel's socket table, [`drops`] where it is noted who was dropped.

#![no_std]
#![warn(clippy::wildcard_enum_match_arm)]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the kernel's interfaces count in other widths; every value here is far within both"
)]
#![no_main]
#![feature(asm_experimental_arch)]

mod count;
mod drops;
mod frame;
mod hide;
#[cfg(feature = "log")]
mod log;
mod maps;
mod socket;

use aya_ebpf::{
    bindings::{xdp_action, xdp_md},
    macros::xdp,
    programs::XdpContext,
};
use portguard_common::{Action, Arrival, Outcome, Reason, general, plain};

use crate::{
    frame::{Head, Linear, Scattered},
    maps::{Called, Inlined},
};

// The program. `frags`: it also takes packets that are spread over several buffers (jumbo frames).
#[xdp(frags)]
#[inline(always)]
#[expect(clippy::needless_pass_by_value, reason = "what the macro makes of it hands the context over")]
fn portguard(context: XdpContext) -> u32 {
    let head = Head::new(&context);
    let (outcome, bytes) = match maps::arrival(&context) {
        // A plain frame that is longer than its first buffer ends within it by its own account: the rest is padding.
        Some(arrival) => match plain(&head, arrival, &Inlined::new(&context)) {
            Some(outcome) => (outcome, head.bytes()),
            None => unusual(&context, arrival),
        },
        None => (Outcome::of(Reason::Internal), head.bytes()),
    };
    count::count(outcome, bytes);
    #[cfg(feature = "log")]
    log::tell(&context, outcome, bytes);
    match outcome.reason.action() {
        Action::Pass => xdp_action::XDP_PASS,
        Action::Drop => {
            drops::note(&context, outcome, bytes);
            if maps::observe() { xdp_action::XDP_PASS } else { xdp_action::XDP_DROP }
        }
    }
}

/// The frames that [`plain`] leaves, and their bytes.
#[inline(always)]
fn unusual(context: &XdpContext, arrival: Arrival) -> (Outcome, u64) {
    let frame = Linear::new(context);
    let outcome = linear(context.ctx, arrival);
    let unread = outcome.reason.is_unreadable() && frame.is_partial();
    (if unread { scattered(context.ctx, arrival) } else { outcome }, frame.bytes())
}

/// A frame with its headers in its first buffer. A function of its own in the program too, so that it costs plain frames
/// nothing.
#[inline(never)]
fn linear(context: *mut xdp_md, arrival: Arrival) -> Outcome {
    let context = XdpContext::new(context);
    general(&Linear::new(&context), arrival, &Called::new(&context))
}

/// The same once more for a frame whose headers are not in one piece.
#[inline(never)]
fn scattered(context: *mut xdp_md, arrival: Arrival) -> Outcome {
    let context = XdpContext::new(context);
    general(&Scattered::new(&context), arrival, &Called::new(&context))
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
