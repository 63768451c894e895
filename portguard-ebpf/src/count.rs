//! Counters: every packet in its reason's, and in its documented port's.

#![expect(unsafe_code, reason = "counters are written through raw pointers into the map")]

use portguard_common::{
    Outcome,
    abi::{COUNTERS_PER_PAGE, Counter, CounterPage, OUTBOUND_REASONS},
};

use crate::{
    context::Context,
    hide::low_bits,
    maps::{self, COUNTERS},
};

/// Counts one packet of `bytes`, and says in which page.
#[inline(always)]
pub(crate) fn count<C: Context>(outcome: Outcome, bytes: u64) -> Option<&'static mut CounterPage> {
    let Outcome { reason, .. } = outcome;
    let own = if C::OUTBOUND { OUTBOUND_REASONS + reason as u32 } else { reason as u32 };
    let by_port =
        if C::OUTBOUND { reason.is_counted_by_port_outbound() } else { reason.is_counted_by_port() };
    let Some(slot) = outcome.slot() else {
        if let Some(place) = outcome.undocumented_place() {
            maps::count_undocumented(place, bytes);
        }
        return add(own, bytes);
    };
    let page = add(slot, bytes);
    if by_port { page } else { add(own, bytes) }
}

#[inline(always)]
fn add(slot: u32, bytes: u64) -> Option<&'static mut CounterPage> {
    // Hidden: of a reason the compiler knows that its slot is small, and would leave out the remainder, which the verifier needs.
    let place = low_bits::<{ COUNTERS_PER_PAGE.ilog2() }>(slot as usize);
    let page = COUNTERS.get_ptr_mut(slot / COUNTERS_PER_PAGE)?;
    // SAFETY: the page belongs to this CPU, whose packet processing nothing interrupts with another run of this
    // program; the index is within the page.
    let counter = unsafe { &mut *(&raw mut (*page).counters).cast::<Counter>().add(place) };
    counter.packets += 1;
    counter.bytes += bytes;
    // SAFETY: as above.
    Some(unsafe { &mut *page })
}
