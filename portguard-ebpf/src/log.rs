//! A message for each packet: what became of it, for whoever looks for a fault in the program. Not in the object that is
//! shipped.

use aya_ebpf::programs::XdpContext;
use portguard_common::Outcome;

/// Says what became of a packet of `bytes`.
#[inline(always)]
pub(crate) fn tell(context: &XdpContext, outcome: Outcome, bytes: u64) {
    aya_log_ebpf::debug!(context, "{} bytes: {}", bytes, outcome.reason.name());
}
