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
    let default = tables.default_class6();
    let count = tables.length_count6();
    // The first two levels by instructions of their own, since most sites have so few lengths: what is read there is at fixed places.
    if count == 0 {
        return Some(default);
    }
    let (mut best, mut place) = match probe(tables, high, low, 1)? {
        None if count < 2 => return Some(default),
        None => match probe(tables, high, low, 2)? {
            None => (default, 4),
            Some(class) => (class, 5),
        },
        Some(class) if count < 3 => return Some(class),
        Some(class) => match probe(tables, high, low, 3)? {
            None => (class, 6),
            Some(class) => (class, 7),
        },
    };
    // The first place of those that are as deep: no place is before it, but that has to be forgotten.
    let mut level = 4;
    while level <= count && place <= count {
        place = tables.forget(place);
        // To the shorter lengths, or to the longer ones.
        place = match probe(tables, high, low, place)? {
            None => 2 * place,
            Some(class) => {
                best = class;
                2 * place + 1
            }
        };
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
    /// Of the prefix with these halves. `multiplier` is that of its length
    /// ([`Length6::multiplier`](crate::abi::Length6::multiplier)): the same bits have another hash at another length.
    #[inline(always)]
    #[must_use]
    pub fn of(high: u64, low: u64, multiplier: u64) -> Self {
        // A product's upper bits know of all bits of what was multiplied, the lower ones only of those below: swapped in between, all
        // know of all. Sources do not choose what is in the table, so an attacker gains nothing by collisions.
        let mixed = high.wrapping_mul(multiplier).wrapping_add(low).wrapping_mul(multiplier).swap_bytes();
        // The sum is for a key of zeros, whose hash is the length's, too.
        Self(mixed.wrapping_add(0x2545_f491).wrapping_mul(multiplier))
    }

    /// The index of its pilot. `mask` is the number of pilots less one.
    #[inline(always)]
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "a piece of the hash")]
    pub fn pilot(self, mask: u32) -> u32 {
        self.0 as u32 & mask
    }

    /// Its place by this pilot. `mask` is the number of places less one, of 24 bits at most: no table is longer
    /// ([`MAX_TABLE_BYTES`](crate::abi::MAX_TABLE_BYTES)).
    #[inline(always)]
    #[must_use]
    pub fn place(self, pilot: Pilot6, mask: u32) -> u32 {
        (self.0.wrapping_mul(u64::from(pilot)) >> 32) as u32 & mask
    }
}

/// The class that the table holds for this address cut to the length at this place of the heap; the outer `None` means that the tables
/// contradict themselves.
#[inline(always)]
#[expect(clippy::option_option, reason = "damage and a miss are different answers")]
fn probe<T: Tables + ?Sized>(tables: &T, high: u64, low: u64, place: u32) -> Option<Option<u32>> {
    let length = tables.length6(place - 1)?;
    let (high, low) = (high & length.high, low & length.low);
    let hash = Hash6::of(high, low, length.multiplier);
    let pilot = tables.pilot6(hash.pilot(tables.pilot_mask6()))?;
    let entry = tables.entry6(hash.place(pilot, tables.place_mask6()))?;
    let found = entry.high == high && entry.low == low && entry.tag == place;
    Some(found.then_some(entry.class))
}
