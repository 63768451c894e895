//! The places of the IPv6 table: a pilot for each few keys, so that no two keys fall on the same place.
//!
//! "Hash, displace, and compress" (Belazzougui, Botelho, Dietzfelbinger; ESA 2009): keys that share a pilot are placed together,
//! the most at a time first, while there is room for them; each pilot is the first number that has them all fall on free places.

use std::cmp::Reverse;

use portguard_common::{
    abi::{Entry6, Pilot6},
    tables::Hash6,
};
use sha2::{Digest as _, Sha256};

use super::error::{CompileError, fits};

/// The table: its places, and what finds them.
pub(super) struct Placed {
    pub(super) places: Vec<Entry6>,
    pub(super) pilots: Vec<Pilot6>,
    /// What the keys of each length were hashed with.
    pub(super) multipliers: Vec<u64>,
}

impl Placed {
    /// The number of places less one.
    pub(super) fn place_mask(&self) -> u32 {
        mask(self.places.len())
    }

    /// The number of pilots less one.
    pub(super) fn pilot_mask(&self) -> u32 {
        mask(self.pilots.len())
    }
}

/// Gives each entry a place; they are all different, and of so many lengths.
pub(super) fn place(entries: &[Entry6], lengths: usize) -> Result<Placed, CompileError> {
    // Half full at most, so that few numbers have to be tried; where even all of them fail, twice the size and other hashes.
    let mut size = (entries.len() * 2).next_power_of_two();
    loop {
        fits::<Entry6>(size, "IPv6 sources")?;
        if let Some(placed) = try_place(entries, size, multipliers(size, lengths)) {
            return Ok(placed);
        }
        size *= 2;
    }
}

/// Odd numbers with well-mixed bits, the same in each run.
fn multipliers(seed: usize, count: usize) -> Vec<u64> {
    let multiplier = |index: usize| {
        let digest =
            Sha256::new().chain_update(seed.to_le_bytes()).chain_update(index.to_le_bytes()).finalize();
        let bytes = digest.first_chunk().expect("a digest has 32 bytes");
        u64::from_le_bytes(*bytes) | 1
    };
    (0..count).map(multiplier).collect()
}

/// What indices below `count`, a power of two, are masked with.
fn mask(count: usize) -> u32 {
    u32::try_from(count).expect("no table has so many entries") - 1
}

fn try_place(entries: &[Entry6], size: usize, multipliers: Vec<u64>) -> Option<Placed> {
    // A pilot for each four places.
    let groups = Groups::new(entries, &multipliers, size.div_ceil(4));
    let mask = mask(size);
    let mut placed =
        Placed { places: vec![Entry6::EMPTY; size], pilots: vec![0; groups.count()], multipliers };
    // Beside the places, which are too many for the caches.
    let mut taken = vec![false; placed.places.len()];
    for pilot in groups.largest_first() {
        let group = groups.of(pilot);
        let found = (1..=Pilot6::MAX).find(|&pilot| take(group, pilot, mask, &mut taken))?;
        placed.pilots[pilot] = found;
        for &(hash, entry) in group {
            placed.places[hash.place(found, mask) as usize] = entries[entry as usize];
        }
    }
    Some(placed)
}

/// Takes the places of the whole group by this pilot; or none of them, where one is taken.
fn take(group: &[(Hash6, u32)], pilot: Pilot6, mask: u32, taken: &mut [bool]) -> bool {
    let place = |hash: Hash6| hash.place(pilot, mask) as usize;
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
        let mask = mask(pilots);
        let mut starts = vec![0_u32; pilots + 1];
        for hash in &hashes {
            starts[hash.pilot(mask) as usize + 1] += 1;
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        let mut next = starts.clone();
        let mut members = vec![(Hash6::of(0, 0, 1), 0); hashes.len()];
        for (index, hash) in (0..).zip(hashes) {
            let place = &mut next[hash.pilot(mask) as usize];
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

    use super::{hash, place};

    fn halves(number: u128) -> (u64, u64) {
        ipv6::halves(ipv6::address(number.to_be_bytes()))
    }

    fn entry(high: u64, low: u64, tag: u32) -> Entry6 {
        Entry6 { high, low, class: 7, tag }
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
                let pilot = placed.pilots[hash.pilot(placed.pilot_mask()) as usize];
                prop_assert_eq!(&placed.places[hash.place(pilot, placed.place_mask()) as usize], wanted);
            }
            let used = placed.places.iter().filter(|place| place.tag != 0).count();
            prop_assert_eq!(used, entries.len());
        }
    }

    /// As sites have them: what differs is in a few neighbouring bits of the address.
    #[test]
    fn wherever_keys_differ_the_table_is_twice_as_long_for_it_at_most() {
        for differ in (0..=116).step_by(4) {
            for count in [50, 1000, 4096] {
                let entries: Vec<_> = (0..count)
                    .map(|number| {
                        let (high, low) = halves(number << differ);
                        entry(high, low, 1)
                    })
                    .collect();
                let placed = place(&entries, 1).unwrap();
                let size = (2 * entries.len()).next_power_of_two();
                assert!(placed.places.len() <= 2 * size, "{count} << {differ}: {}", placed.places.len());
            }
        }
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
