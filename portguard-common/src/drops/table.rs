//! The table's one operation: to note a packet.

use super::DropKey;
use crate::abi::{Counter, DROP_BUCKETS, DropBucket, DropEntry};

/// What became of a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noted {
    /// Its kind is noted already, and was counted.
    Known,
    /// It is the first of its kind, and has a place now.
    First,
    /// It is the first of its kind and has the place of one whose packets are lost to the table.
    Instead(Counter),
    /// All places are taken by kinds that come more often: this packet is lost to the table.
    Lost,
}

/// In which bucket of a half packets of this kind are noted.
#[inline(always)]
#[must_use]
pub fn bucket_index(key: DropKey) -> u32 {
    // Odd numbers without a pattern (the golden ratio, and one of MurmurHash3's). The highest bits of a product depend on
    // all of a word's; port or protocol come to lie above the address of IPv4.
    const FACTORS: [u64; 2] = [0x9e37_79b9_7f4a_7c15, 0xff51_afd7_ed55_8ccd];
    let [high, low, what] = key.words();
    let mixed = (high ^ what.rotate_left(32)).wrapping_mul(FACTORS[0]) ^ low.wrapping_mul(FACTORS[1]);
    #[expect(clippy::cast_possible_truncation, reason = "a few of the highest bits")]
    let index = (mixed >> (u64::BITS - DROP_BUCKETS.trailing_zeros())) as u32;
    index
}

/// When a packet came. `tick` is another number whenever `now` is.
pub trait Clock {
    /// A number that changes with the time, and costs nothing to ask for.
    fn tick(&self) -> u32;
    /// Nanoseconds.
    fn now(&self) -> u64;
}

/// Notes a packet of `bytes` in its bucket. The time is asked for only where it was not in this tick.
///
/// Which kinds keep their places is decided by a vote (the majority vote of Boyer and Moore, as in Elastic Sketch, SIGCOMM
/// 2018): packets of the kind are for it, packets for which there is no place are against it. So what comes often stays, and
/// a flood in which each packet has another source keeps changing places with itself.
#[inline(always)]
pub fn note(bucket: &mut DropBucket, key: DropKey, bytes: u64, clock: &impl Clock) -> Noted {
    let [first, second] = &mut bucket.entries;
    if first.is_of(key) {
        return first.grow(bytes, clock);
    }
    if second.is_of(key) {
        return second.grow(bytes, clock);
    }
    let weaker = if first.votes() <= second.votes() { first } else { second };
    if weaker.votes() > 0 {
        weaker.against = weaker.against.saturating_add(1);
        return Noted::Lost;
    }
    let before = weaker.counter;
    let (tick, now) = (clock.tick(), clock.now());
    *weaker =
        DropEntry { key, counter: Counter { packets: 1, bytes }, first: now, last: now, against: 0, tick };
    if before.packets == 0 { Noted::First } else { Noted::Instead(before) }
}

impl DropEntry {
    #[inline(always)]
    fn is_of(&self, key: DropKey) -> bool {
        let ([high, low, what], other) = (self.key.words(), key.words());
        // Without a branch for each word. An empty place has a key of zeros, which no drop has: reason 0 passes.
        (high ^ other[0]) | (low ^ other[1]) | (what ^ other[2]) == 0
    }

    #[inline(always)]
    fn grow(&mut self, bytes: u64, clock: &impl Clock) -> Noted {
        self.counter.packets += 1;
        self.counter.bytes += bytes;
        let tick = clock.tick();
        if self.tick != tick {
            self.tick = tick;
            self.last = clock.now();
        }
        Noted::Known
    }

    /// How many more came than packets that had no place for its sake.
    #[inline(always)]
    fn votes(&self) -> u64 {
        self.counter.packets.saturating_sub(u64::from(self.against))
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::{collections::BTreeMap, vec::Vec};

    use super::*;
    use crate::{Arrival, Outcome, Reason, drops};

    /// Ticks once in ten.
    struct At(u64);

    impl Clock for At {
        fn tick(&self) -> u32 {
            u32::try_from(self.0 / 10).unwrap()
        }

        fn now(&self) -> u64 {
            self.0 / 10 * 10
        }
    }

    /// A packet from `source` that wanted what has the number `aim`.
    fn key(source: u32, aim: u8) -> DropKey {
        let mut frame = [0_u8; 34];
        frame[12..14].copy_from_slice(&[8, 0]);
        frame[23] = aim;
        frame[26..30].copy_from_slice(&source.to_be_bytes());
        drops::key(
            &frame[..],
            drops::Peer::Source,
            Arrival::new(0, false),
            Outcome::of(Reason::Protocol).to_bits(),
        )
    }

    /// What a table holds after `packets`, and what it lost.
    fn table(packets: impl IntoIterator<Item = (DropKey, u64)>) -> (Vec<DropEntry>, Counter) {
        let mut buckets = std::vec![DropBucket::default(); DROP_BUCKETS as usize];
        let mut lost = Counter::default();
        for (now, (key, bytes)) in (1..).zip(packets) {
            let before = match note(&mut buckets[bucket_index(key) as usize], key, bytes, &At(now)) {
                Noted::Known | Noted::First => Counter::default(),
                Noted::Instead(before) => before,
                Noted::Lost => Counter { packets: 1, bytes },
            };
            lost.packets += before.packets;
            lost.bytes += before.bytes;
        }
        let entries = buckets.iter().flat_map(|bucket| bucket.entries);
        (entries.filter(|entry| entry.counter.packets > 0).collect(), lost)
    }

    #[test]
    fn each_kind_is_counted_by_itself_from_its_first_packet_to_its_last() {
        let kinds: Vec<DropKey> = (0..50).map(|n| key(0x0a00_0001 + n / 2, 80 + (n % 2) as u8)).collect();
        let packets = (0..10).flat_map(|_| kinds.iter().map(|&kind| (kind, 60)));
        let (entries, lost) = table(packets);
        let found: BTreeMap<[u64; 3], DropEntry> =
            entries.iter().map(|entry| (entry.key.words(), *entry)).collect();
        assert_eq!((entries.len(), found.len(), lost), (50, 50, Counter::default()));
        let third = found[&kinds[3].words()];
        assert_eq!(third.counter, Counter { packets: 10, bytes: 600 });
        assert_eq!((third.first, third.last), (0, 450));
    }

    #[test]
    fn a_flood_from_everywhere_is_counted_to_the_packet_and_hides_nobody_who_comes_often() {
        // Miri takes a thousand times as long for each.
        let many = if cfg!(miri) { 20_000 } else { 200_000_u32 };
        let loud = key(0xc633_6407, 86);
        let flood = (0..many).map(|n| (key(n.wrapping_mul(2_654_435_761), 22), 64));
        // As often as all others of its bucket together.
        let packets = flood.enumerate().flat_map(|(n, packet)| {
            let loud = (n % (DROP_BUCKETS as usize / 2) == 0).then_some((loud, 100));
            loud.into_iter().chain([packet])
        });
        let packets: Vec<_> = packets.collect();
        let bytes: u64 = packets.iter().map(|(_, bytes)| bytes).sum();
        let sent = Counter { packets: packets.len() as u64, bytes };
        let (entries, lost) = table(packets);
        let noted = entries.iter().fold(lost, |sum, entry| Counter {
            packets: sum.packets + entry.counter.packets,
            bytes: sum.bytes + entry.counter.bytes,
        });
        assert_eq!(noted, sent, "what is noted and what is lost are together what was dropped");
        assert!(entries.len() > DROP_BUCKETS as usize, "{} places are taken", entries.len());
        let loud = entries.iter().find(|entry| entry.key == loud).expect("who comes often is in the table");
        let sent = u64::from(many / (DROP_BUCKETS / 2));
        assert!(loud.counter.packets > sent / 8, "{loud:?}, and {sent} were sent");
    }

    #[test]
    fn a_kind_that_has_stopped_makes_room() {
        let old = key(0x0a00_0001, 80);
        let here = |number: &DropKey| bucket_index(*number) == bucket_index(old);
        let others: Vec<DropKey> = (0..).map(|n| key(0x0b00_0000 + n, 80)).filter(here).take(5).collect();
        let mut bucket = DropBucket::default();
        for (key, expected) in [
            (old, Noted::First),
            (old, Noted::Known),
            (others[0], Noted::First),
            (others[1], Noted::Lost),
            (others[1], Noted::Instead(Counter { packets: 1, bytes: 60 })),
            (others[2], Noted::Lost),
            (others[3], Noted::Instead(Counter { packets: 1, bytes: 60 })),
            (old, Noted::Known),
        ] {
            assert_eq!(note(&mut bucket, key, 60, &At(1)), expected, "{key:?}");
        }
    }
}
