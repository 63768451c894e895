//! A message for each packet: what became of it, for whoever looks for a fault in the program. Not in the object that is
//! shipped.

use portguard_common::Outcome;

use crate::context::Context;

/// Says what became of a packet of `bytes`.
#[inline(always)]
pub(crate) fn tell<C: Context>(context: C, outcome: Outcome, bytes: u64) {
    aya_log_ebpf::debug!(context, "{} bytes: {}", bytes, outcome.reason.name());
}
