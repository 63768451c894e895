//! The IPv6 source table: binary search over the prefix lengths in use, each probe one hash look-up. The lengths lie in the
//! order of a heap, so that where the search stands is one number.
//!
//! "Scalable High Speed IP Routing Lookups" (Waldvogel, Varghese, Turner, Plattner; SIGCOMM 1997): every prefix leaves
//! a marker at the lengths that the search passes on its way to it, and every marker knows the class of its own longest
//! match, so that a search that was led astray loses nothing. At most 8 probes, with one length in use one. Each is of
//! one place ([`Hash6`]), however many prefixes there are.

use super::Tables;
use crate::abi::Pilot6;

/// The class of the address with these halves; `None` when the tables contradict themselves.
#[inline(always)]
pub fn class6<T: Tables + ?Sized>(tables: &T, high: u64, low: u64) -> Option<u32> {
    let mut best = tables.default_class6();
    let count = tables.length_count6();
    // `level` is the first place of those that are as deep: no place is before it, but that has to be forgotten.
    let (mut level, mut place) = (1, 1);
    while level <= count && place <= count {
        let [high_mask, low_mask] = tables.mask6(place - 1)?;
        // To the shorter lengths, or to the longer ones.
        place = match probe(tables, high & high_mask, low & low_mask, place)? {
            None => 2 * place,
            Some(class) => {
                best = class;
                2 * place + 1
            }
        };
        place = tables.forget(place);
        level *= 2;
    }
    Some(best)
}

/// A key's hash, which says where in the table it may be: at one place, once its pilot is known.
///
/// Each pilot stands for a few keys, and was chosen so that none of them falls on another key's place ("Hash, displace, and
/// compress", Belazzougui, Botelho, Dietzfelbinger; ESA 2009). There are a quarter as many as places, so that they stay in the
/// caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hash6(u64);

impl Hash6 {
    /// Of the prefix with these halves. `tag` stands for its length.
    #[inline(always)]
    #[must_use]
    pub fn of(high: u64, low: u64, tag: u32) -> Self {
        // Odd constants with well-mixed bits (the fraction of the golden ratio and a prime of xxHash64). Sources do not choose
        // what is in the table, so an attacker gains nothing by collisions.
        const K1: u64 = 0x9e37_79b9_7f4a_7c15;
        const K2: u64 = 0xc2b2_ae3d_27d4_eb4f;
        // The tag where nothing else has small differences: keys with the same hash would have no place of their own.
        let hash = high.wrapping_mul(K1) ^ low.wrapping_mul(K2).wrapping_add(tag.into());
        // The upper bits of a product are the best mixed.
        Self((hash ^ hash >> 32).wrapping_mul(K2))
    }

    /// The index of its pilot. `mask` is the number of places less one, of 24 bits at most: no table is longer
    /// ([`MAX_TABLE_BYTES`](crate::abi::MAX_TABLE_BYTES)).
    #[inline(always)]
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "a piece of the hash")]
    pub fn pilot(self, mask: u32) -> u32 {
        (self.0 as u32 & mask) >> 2
    }

    /// Its place by this pilot.
    #[inline(always)]
    #[must_use]
    pub fn place(self, pilot: Pilot6, mask: u32) -> u32 {
        (self.0 >> 40).wrapping_add((self.0 >> 16).wrapping_mul(u64::from(pilot))) as u32 & mask
    }
}

/// The class that the table holds for exactly this prefix; the outer `None` means that the tables contradict
/// themselves.
#[inline(always)]
#[expect(clippy::option_option, reason = "damage and a miss are different answers")]
fn probe<T: Tables + ?Sized>(tables: &T, high: u64, low: u64, tag: u32) -> Option<Option<u32>> {
    let mask = tables.place_mask6();
    let hash = Hash6::of(high, low, tag);
    let pilot = tables.pilot6(hash.pilot(mask))?;
    let entry = tables.entry6(hash.place(pilot, mask))?;
    let found = entry.high == high && entry.low == low && entry.tag == tag;
    Some(found.then_some(entry.class))
}
