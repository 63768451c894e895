//! Who was dropped: noted in the half of the table that is written now; the first of a kind is told at once.

#![expect(unsafe_code, reason = "the table is written through raw pointers into the maps")]

use aya_ebpf::{
    bindings::{__sk_buff, xdp_md},
    helpers::generated::{bpf_jiffies64, bpf_ktime_get_coarse_ns},
    programs::{TcContext, XdpContext},
};
use portguard_common::{
    Arrival, Outcome, Reason,
    abi::{Counter, CounterPage, DROP_BUCKETS, DropEvent, DropTally, EVENTS_PER_MOMENT, NOTES_PER_TICK},
    drops::{self, Clock, DropKey, Noted, Peer},
};

use crate::{
    context::{Context, Skb, Xdp},
    frame::{First as _, Head, Scattered},
    maps::{self, DROPS, EVENTS, TALLIES},
};

/// The length of a moment as a power of two of nanoseconds.
const MOMENT_SHIFT: u32 = 30;

/// Notes that a packet of `bytes`, which was counted in `page`, was dropped, unless it was about a connection that is gone: there are
/// always some of these, each to a port of its own, and they would take the places of what matters.
#[inline(always)]
pub(crate) fn note<C: Context>(
    context: C,
    outcome: Outcome,
    bytes: u64,
    page: Option<&'static mut CounterPage>,
) {
    if !maps::details() || matches!(outcome.reason, Reason::Stale) {
        return;
    }
    // SAFETY: the static is live and aligned, and any bytes are a number; volatile, since other CPUs write it.
    let spent = unsafe { (&raw const SPENT).read_volatile() };
    if spent != Coarse.tick() {
        context.note_drop(outcome.to_bits(), bytes);
    } else if let Some(page) = page {
        // In the page that is at hand: a flood pays for no look-up more.
        add(&mut page.unnoted[maps::half() as usize], Counter { packets: 1, bytes });
    }
}

/// The tick in which drops were noted last, and how many were in it. One of each for all CPUs, reached without a call. Two that
/// write at once miscount by some, which only moves the limit.
#[unsafe(no_mangle)]
static mut TICK: u32 = 0;
#[unsafe(no_mangle)]
static mut NOTES: u32 = 0;
/// The tick for which there is no time left to note another drop: all that a flood reads of these.
#[unsafe(no_mangle)]
static mut SPENT: u32 = 0;

/// Takes the time to note a drop from this tick's.
#[inline(always)]
fn spend() {
    let tick = Coarse.tick();
    // SAFETY: the statics are live and aligned, and any bytes are a number; volatile, since other CPUs write them.
    unsafe {
        let before =
            if (&raw const TICK).read_volatile() == tick { (&raw const NOTES).read_volatile() } else { 0 };
        (&raw mut NOTES).write_volatile(before + 1);
        (&raw mut TICK).write_volatile(tick);
        if before + 1 >= NOTES_PER_TICK {
            (&raw mut SPENT).write_volatile(tick);
        }
    }
}

/// The tally of a half on this CPU.
#[inline(always)]
fn tally<'a>(half: u32) -> Option<&'a mut DropTally> {
    // SAFETY: it belongs to this CPU, whose packet processing nothing interrupts with another run of this program; userspace
    // reads a half only when no run that writes it is under way.
    TALLIES.get_ptr_mut(half).map(|tally| unsafe { &mut *tally })
}

#[inline(always)]
fn add(sum: &mut Counter, Counter { packets, bytes }: Counter) {
    sum.packets += packets;
    sum.bytes += bytes;
}

/// Exported, so that the verifier takes it by itself, and not once for each way that leads to a drop.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn note_drop(context: *mut xdp_md, outcome: u64, bytes: u64) -> u32 {
    note_in_table(Xdp::new(&XdpContext::new(context)), outcome, bytes)
}

/// The same for the tc program of what comes in.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn note_drop_tc(context: *mut __sk_buff, outcome: u64, bytes: u64) -> u32 {
    note_in_table(Skb::<false>::new(&TcContext::new(context)), outcome, bytes)
}

/// The same for the program of what leaves.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn note_drop_out(context: *mut __sk_buff, outcome: u64, bytes: u64) -> u32 {
    note_in_table(Skb::<true>::new(&TcContext::new(context)), outcome, bytes)
}

#[inline(always)]
fn note_in_table<C: Context>(context: C, outcome: u64, bytes: u64) -> u32 {
    spend();
    let arrival = maps::arrival(context).unwrap_or(Arrival::from_bits(0));
    match drops::plain_key(&Head::new(context), peer::<C>(), arrival, outcome) {
        Some(key) => enter(context, key, bytes),
        None => note_unusual(context, arrival, outcome, bytes),
    }
    0
}

/// A packet with tags, or that is none of IP, or whose headers are not in the first buffer.
#[inline(never)]
fn note_unusual<C: Context>(context: C, arrival: Arrival, outcome: u64, bytes: u64) {
    enter(context, drops::key(&Scattered::new(context), peer::<C>(), arrival, outcome), bytes);
}

/// Which end of its packets is the peer's.
#[inline(always)]
const fn peer<C: Context>() -> Peer {
    if C::OUTBOUND { Peer::Destination } else { Peer::Source }
}

/// The kernel's clock that goes in ticks: what it says is as exact as one of them.
struct Coarse;

impl Clock for Coarse {
    #[inline(always)]
    fn tick(&self) -> u32 {
        // SAFETY: the helper takes nothing and returns a number. The kernel puts a load in the place of the call.
        (unsafe { bpf_jiffies64() }) as u32
    }

    #[inline(always)]
    fn now(&self) -> u64 {
        // SAFETY: the helper takes nothing and returns a number.
        unsafe { bpf_ktime_get_coarse_ns() }
    }
}

#[inline(always)]
fn enter<C: Context>(context: C, key: DropKey, bytes: u64) {
    let half = maps::half();
    let place = half * DROP_BUCKETS + drops::bucket_index(key) % DROP_BUCKETS;
    let Some(bucket) = DROPS.get_ptr_mut(place) else { return };
    // SAFETY: as of the tally.
    let bucket = unsafe { &mut *bucket };
    let noted = drops::note(bucket, key, bytes, &Coarse);
    if matches!(noted, Noted::Known) {
        return;
    }
    let Some(tally) = tally(half) else { return };
    match noted {
        Noted::Known => {}
        Noted::First => tell(context, tally, key, bytes),
        Noted::Instead(before) => {
            add(&mut tally.lost, before);
            tell(context, tally, key, bytes);
        }
        Noted::Lost => add(&mut tally.lost, Counter { packets: 1, bytes }),
    }
}

/// Tells userspace of the first packet of a kind, unless it has been told of many within this moment.
#[inline(always)]
fn tell<C: Context>(context: C, tally: &mut DropTally, key: DropKey, bytes: u64) {
    let now = Coarse.now();
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
    match EVENTS.output(DropEvent { key, at: now, bytes, sender: context.sender() }, 0) {
        Ok(()) => tally.told += 1,
        Err(_) => tally.unheard += 1,
    }
}
