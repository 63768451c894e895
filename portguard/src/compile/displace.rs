//! The places of the IPv6 table: a pilot for each few keys, so that no two keys fall on the same place.
//!
//! "Hash, displace, and compress" (Belazzougui, Botelho, Dietzfelbinger; ESA 2009): keys that share a pilot are placed together,
//! the most at a time first, while there is room for them; each pilot is the first number that has them all fall on free places.

use std::cmp::Reverse;

use portguard_common::{
    abi::{Entry6, MAX_TABLE_BYTES, Pilot6},
    tables::Hash6,
};
use sha2::{Digest as _, Sha256};

use super::error::{CompileError, at_most};

/// The table: its places, and what finds them.
pub(super) struct Placed {
    pub(super) places: Vec<Entry6>,
    pub(super) pilots: Vec<Pilot6>,
    /// What the keys of each length were hashed with.
    pub(super) multipliers: Vec<u64>,
}

impl Placed {
    /// [`Settings::place_shift6`](portguard_common::abi::Settings::place_shift6).
    pub(super) fn place_shift(&self) -> u32 {
        shift(self.places.len())
    }

    /// [`Settings::pilot_shift6`](portguard_common::abi::Settings::pilot_shift6).
    pub(super) fn pilot_shift(&self) -> u32 {
        shift(self.pilots.len())
    }
}

/// How many hashes are tried. The first one nearly always does.
const ATTEMPTS: u32 = 8;
/// The fewest places and pilots: with one, the shift would be of all 64 bits, which is one of none.
const LEAST: usize = 2;
/// The most entries: a table has a power of two of places, of which half are taken at most.
const MOST: usize = 1 << ((MAX_TABLE_BYTES / size_of::<Entry6>()).ilog2() - 1);

/// Gives each entry a place; they are all different, and of so many lengths.
pub(super) fn place(entries: &[Entry6], lengths: usize) -> Result<Placed, CompileError> {
    at_most(entries.len(), MOST, "IPv6 sources, or marks on the way to them,")?;
    let key = key(entries);
    // Half full at most, so that few numbers have to be tried.
    let size = (entries.len() * 2).next_power_of_two().max(LEAST);
    let place = |attempt| try_place(entries, size, multipliers(&key, attempt, lengths));
    (0..ATTEMPTS).find_map(place).ok_or(CompileError::Unplaced { sources: entries.len() })
}

/// What multipliers are made from: all of the entries, so that who can add some of them (the owner of a name that stands in the site)
/// has to know all others to know what they will be hashed with, and then to search: one more is another hash.
fn key(entries: &[Entry6]) -> Sha256 {
    let mut key = Sha256::new();
    for entry in entries {
        key.update(entry.high.to_le_bytes());
        key.update(entry.low.to_le_bytes());
        key.update(entry.tag.to_le_bytes());
    }
    key
}

/// Odd numbers with well-mixed bits, the same in each run.
fn multipliers(key: &Sha256, attempt: u32, count: usize) -> Vec<u64> {
    let multiplier = |index: usize| {
        let key = key.clone().chain_update(attempt.to_le_bytes()).chain_update(index.to_le_bytes());
        let digest = key.finalize();
        let bytes = digest.first_chunk().expect("a digest has 32 bytes");
        u64::from_le_bytes(*bytes) | 1
    };
    (0..count).map(multiplier).collect()
}

/// What leaves an index below `count`, a power of two and not the first, of a number of 64 bits.
fn shift(count: usize) -> u32 {
    64 - count.ilog2()
}

fn try_place(entries: &[Entry6], size: usize, multipliers: Vec<u64>) -> Option<Placed> {
    // A pilot for each four places.
    let groups = Groups::new(entries, &multipliers, (size / 4).max(LEAST));
    let shift = shift(size);
    let mut placed =
        Placed { places: vec![Entry6::EMPTY; size], pilots: vec![0; groups.count()], multipliers };
    // Beside the places, which are too many for the caches.
    let mut taken = vec![false; placed.places.len()];
    for pilot in groups.largest_first() {
        let group = groups.of(pilot);
        let found = (1..=Pilot6::MAX).find(|&pilot| take(group, pilot, shift, &mut taken))?;
        placed.pilots[pilot] = found;
        for &(hash, entry) in group {
            placed.places[hash.place(found, shift)] = entries[entry as usize];
        }
    }
    Some(placed)
}

/// Takes the places of the whole group by this pilot; or none of them, where one is taken.
fn take(group: &[(Hash6, u32)], pilot: Pilot6, shift: u32, taken: &mut [bool]) -> bool {
    let place = |hash: Hash6| hash.place(pilot, shift);
    for (index, &(hash, _)) in group.iter().enumerate() {
        if std::mem::replace(&mut taken[place(hash)], true) {
            for &(hash, _) in &group[..index] {
                taken[place(hash)] = false;
            }
            return false;
        }
    }
    true
}

fn hash(entry: &Entry6, multipliers: &[u64]) -> Hash6 {
    Hash6::of(entry.high, entry.low, multipliers[entry.tag as usize - 1])
}

/// The entries by their pilots.
struct Groups {
    /// Each entry's hash and index, those of one pilot beside each other.
    members: Vec<(Hash6, u32)>,
    /// Where each pilot's begin, and behind the last where that one's end.
    starts: Vec<u32>,
}

impl Groups {
    fn new(entries: &[Entry6], multipliers: &[u64], pilots: usize) -> Self {
        let hashes: Vec<Hash6> = entries.iter().map(|entry| hash(entry, multipliers)).collect();
        let shift = shift(pilots);
        let mut starts = vec![0_u32; pilots + 1];
        for hash in &hashes {
            starts[hash.pilot(shift) + 1] += 1;
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        let mut next = starts.clone();
        let mut members = vec![(Hash6::of(0, 0, 1), 0); hashes.len()];
        for (index, hash) in (0..).zip(hashes) {
            let place = &mut next[hash.pilot(shift)];
            members[*place as usize] = (hash, index);
            *place += 1;
        }
        Self { members, starts }
    }

    /// How many pilots there are.
    fn count(&self) -> usize {
        self.starts.len() - 1
    }

    /// The members of one.
    fn of(&self, pilot: usize) -> &[(Hash6, u32)] {
        &self.members[self.starts[pilot] as usize..self.starts[pilot + 1] as usize]
    }

    /// The pilots that have any, those with the most first.
    fn largest_first(&self) -> Vec<usize> {
        let mut pilots: Vec<usize> = (0..self.count()).filter(|&pilot| !self.of(pilot).is_empty()).collect();
        pilots.sort_by_key(|&pilot| Reverse(self.of(pilot).len()));
        pilots
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use portguard_common::{abi::Entry6, wire::ipv6};
    use proptest::prelude::*;

    use super::{CompileError, hash, place};

    fn entry(high: u64, low: u64, tag: u32) -> Entry6 {
        Entry6 { high, low, class: 7, tag }
    }

    /// The only length's.
    fn host(number: u128) -> Entry6 {
        let [high, low] = ipv6::address(number.to_be_bytes());
        entry(high, low, 1)
    }

    proptest! {
        #[test]
        fn every_key_is_found_at_its_place_and_nothing_else_is_in_the_table(
            keys in prop::collection::hash_set((0..3_u64, 0..2000_u64, 1..4_u32), 0..600),
            site in any::<u64>(),
        ) {
            let entries: Vec<_> = keys.iter().map(|&(high, low, tag)| entry(site ^ high, low, tag)).collect();
            let placed = place(&entries, 3).unwrap();
            for wanted in &entries {
                let hash = hash(wanted, &placed.multipliers);
                let pilot = placed.pilots[hash.pilot(placed.pilot_shift())];
                prop_assert_eq!(&placed.places[hash.place(pilot, placed.place_shift())], wanted);
            }
            let used = placed.places.iter().filter(|place| place.tag != 0).count();
            prop_assert_eq!(used, entries.len());
        }
    }

    /// As sites have them: what differs is in a few neighbouring bits of the address.
    #[test]
    fn wherever_keys_differ_they_have_places() {
        for differ in (0..=116).step_by(4) {
            for count in [50, 1000, 4096] {
                let entries: Vec<_> = (0..count).map(|number| host(number << differ)).collect();
                assert!(place(&entries, 1).is_ok(), "{count} << {differ}");
            }
        }
    }

    /// As somebody makes them who wants that no table is found: what one bit does to the hash, another takes back.
    #[test]
    fn no_bits_of_a_key_cancel_each_other_out() {
        let bits = || (0..128).map(|bit| 1_u128 << bit);
        for (one, other) in bits().flat_map(|one| bits().map(move |other| (one, other))) {
            let base = 0x2001_0db8_0000_0000_0000_0000_0000_0f00_u128;
            let mut keys = vec![base, base ^ one, base ^ other, base ^ one ^ other];
            keys.extend([(base ^ one).wrapping_add(other), (base ^ one).wrapping_sub(other)]);
            keys.sort_unstable();
            keys.dedup();
            let entries: Vec<_> = keys.into_iter().map(host).collect();
            assert!(place(&entries, 1).is_ok(), "{one:x} {other:x}");
        }
    }

    #[test]
    fn what_has_no_places_is_told_and_not_looked_for_forever() {
        let twice = [host(1), host(1)];
        assert_eq!(place(&twice, 1).err(), Some(CompileError::Unplaced { sources: 2 }));
    }

    /// A network of zeros is the same bits at each length.
    #[test]
    fn the_same_bits_have_a_place_at_each_length() {
        for (high, low) in [(0, 0), (1 << 63, 0), (u64::MAX, 0), (0, 1)] {
            let entries: Vec<_> = (1..=128).map(|tag| entry(high, low, tag)).collect();
            let placed = place(&entries, 128).unwrap();
            assert_eq!(placed.places.len(), 256, "{high:x} {low:x}");
        }
    }

    #[test]
    fn a_million_keys_have_a_place_each_in_a_table_of_twice_as_many() {
        let entries: Vec<_> = (0..1_000_000).map(|low| entry(0x2001_0db8 << 32, low, 1)).collect();
        let placed = place(&entries, 1).unwrap();
        assert_eq!(placed.places.len(), 2_usize.pow(21));
        let found: HashSet<u64> =
            placed.places.iter().filter(|place| place.tag != 0).map(|place| place.low).collect();
        assert_eq!(found.len(), entries.len());
    }
}
