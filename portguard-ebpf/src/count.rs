//! Counters: every packet in its reason's, and in its documented port's.

#![expect(unsafe_code, reason = "counters are written through raw pointers into the map")]

use portguard_common::{
    Action, Outcome,
    abi::{COUNTERS_PER_PAGE, SLOTS_PER_REASON, port_slots},
};

use crate::maps::COUNTERS;

/// Counts one packet of `bytes`. An admitted packet is counted by its rule alone: the sum of the rules is the reason's.
#[inline(always)]
pub(crate) fn count(outcome: Outcome, bytes: u64, observe: bool) {
    let dropped = outcome.reason.action() == Action::Drop;
    let would = u32::from(dropped && observe) * port_slots::WOULD_DROP;
    match outcome.slot() {
        Some(slot) if dropped => {
            add(slot + would, bytes);
            add(outcome.reason as u32 * SLOTS_PER_REASON + would, bytes);
        }
        Some(slot) => add(slot, bytes),
        None => add(outcome.reason as u32 * SLOTS_PER_REASON + would, bytes),
    }
}

#[inline(always)]
fn add(slot: u32, bytes: u64) {
    if let Some(page) = COUNTERS.get_ptr_mut(slot / COUNTERS_PER_PAGE) {
        // SAFETY: the page belongs to this CPU, whose packet processing nothing interrupts with another run of this
        // program; the index is within the page.
        let counter = unsafe { &mut (*page)[(slot % COUNTERS_PER_PAGE) as usize] };
        counter.packets += 1;
        counter.bytes += bytes;
    }
}
