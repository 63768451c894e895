//! Who was dropped: noted in the half of the table that is written now; the first of a kind is told at once.

#![expect(unsafe_code, reason = "the table is written through raw pointers into the maps")]

use aya_ebpf::{
    bindings::{__sk_buff, xdp_md},
    helpers::generated::bpf_ktime_get_coarse_ns,
    programs::{TcContext, XdpContext},
};
use portguard_common::{
    Arrival, Outcome,
    abi::{DROP_BUCKETS, DropEvent, DropTally, EVENTS_PER_MOMENT},
    drops::{self, DropKey, Family, Noted},
};

use crate::{
    context::{Context, Skb, Xdp},
    frame::{Head, Scattered},
    maps::{self, DROPS, EPOCH, EVENTS, TALLIES},
};

/// The length of a moment as a power of two of nanoseconds.
const MOMENT_SHIFT: u32 = 30;

/// Notes that a packet of `bytes` was dropped.
#[inline(always)]
pub(crate) fn note<C: Context>(context: C, outcome: Outcome, bytes: u64) {
    if maps::details() {
        context.note_drop(outcome.to_bits(), bytes);
    }
}

/// Exported, so that the verifier takes it by itself, and not once for each way that leads to a drop.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn note_drop(context: *mut xdp_md, outcome: u64, bytes: u64) -> u32 {
    note_in_table(Xdp::new(&XdpContext::new(context)), outcome, bytes)
}

/// The same for the tc program.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn note_drop_tc(context: *mut __sk_buff, outcome: u64, bytes: u64) -> u32 {
    note_in_table(Skb::new(&TcContext::new(context)), outcome, bytes)
}

#[inline(always)]
fn note_in_table<C: Context>(context: C, outcome: u64, bytes: u64) -> u32 {
    let arrival = maps::arrival(context).unwrap_or(Arrival::from_bits(0));
    let mut key = drops::key(&Head::new(context), arrival, outcome);
    if matches!(key.family(), Family::None) {
        // Not an IP packet, or one whose headers are not in the first buffer.
        key = drops::key(&Scattered::new(context), arrival, outcome);
    }
    let half = EPOCH.get(0).map_or(0, |epoch| *epoch & 1);
    let place = half * DROP_BUCKETS + drops::bucket_index(key) % DROP_BUCKETS;
    let (Some(bucket), Some(tally)) = (DROPS.get_ptr_mut(place), TALLIES.get_ptr_mut(half)) else { return 0 };
    // SAFETY: both belong to this CPU, whose packet processing nothing interrupts with another run of this program;
    // userspace reads a half only when no run that writes it is under way.
    let (bucket, tally) = unsafe { (&mut *bucket, &mut *tally) };
    // SAFETY: the helper takes nothing and returns a number.
    let now = unsafe { bpf_ktime_get_coarse_ns() };
    match drops::note(bucket, key, bytes, now) {
        Noted::Known => {}
        Noted::First => tell(tally, key, bytes, now),
        Noted::Instead(before) => {
            tally.lost.packets += before.packets;
            tally.lost.bytes += before.bytes;
            tell(tally, key, bytes, now);
        }
        Noted::Lost => {
            tally.lost.packets += 1;
            tally.lost.bytes += bytes;
        }
    }
    0
}

/// Tells userspace of the first packet of a kind, unless it has been told of many within this moment.
#[inline(always)]
fn tell(tally: &mut DropTally, key: DropKey, bytes: u64, now: u64) {
    let moment = now >> MOMENT_SHIFT;
    if tally.moment != moment {
        tally.moment = moment;
        tally.in_moment = 0;
    }
    if tally.in_moment >= EVENTS_PER_MOMENT {
        tally.withheld += 1;
        return;
    }
    tally.in_moment += 1;
    match EVENTS.output(DropEvent { key, at: now, bytes }, 0) {
        Ok(()) => tally.told += 1,
        Err(_) => tally.unheard += 1,
    }
}
