//! A message for each packet: what became of it, for whoever looks for a fault in the program. Not in the object that is
//! shipped.

#![expect(unsafe_code, reason = "an exported function's name is nobody else's")]

use portguard_common::Outcome;

/// Says what became of a packet of `bytes`; `outcome` is [`Outcome::to_bits`]. Exported, so that the verifier takes it by itself: for
/// each reason it goes another way.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn tell(outcome: u64, bytes: u64) -> u32 {
    aya_log_ebpf::debug!(&(), "{} bytes: {}", bytes, Outcome::from_bits(outcome).reason.name());
    0
}
