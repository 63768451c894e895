//! The IPv6 source table: binary search over the prefix lengths in use, each probe one hash look-up. The lengths lie in the
//! order of a heap, so that where the search stands is one number.
//!
//! "Scalable High Speed IP Routing Lookups" (Waldvogel, Varghese, Turner, Plattner; SIGCOMM 1997): every prefix leaves
//! a marker at the lengths that the search passes on its way to it, and every marker knows the class of its own longest
//! match, so that a search that was led astray loses nothing. At most 8 probes, with one length in use one. Each is of
//! one place ([`Hash6`]), however many prefixes there are.

use super::Tables;
use crate::abi::Pilot6;

/// The class of the address with these halves, in network order; `None` when the tables contradict themselves.
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
    // The first place of those that are as deep as `place`, which is at or behind it; but that has to be forgotten.
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

/// A key's hashes, which say where in the table it may be: at one place, once its pilot is known.
///
/// Each pilot stands for a few keys, and was chosen so that none of them falls on another key's place ("Hash, displace, and
/// compress", Belazzougui, Botelho, Dietzfelbinger; ESA 2009). There are a quarter as many as places, so that they stay in the
/// caches. An index is what is left of a product's upper bits, which know of all the bits that were multiplied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hash6 {
    for_pilot: u64,
    for_place: u64,
}

impl Hash6 {
    /// Of the prefix with these halves, in network order. `multiplier` is that of its length
    /// ([`Length6::multiplier`](crate::abi::Length6::multiplier)): the same bits have another hash at another length.
    #[inline(always)]
    #[must_use]
    pub fn of(high: u64, low: u64, multiplier: u64) -> Self {
        // One half's bytes are swapped, and both are multiplied: else what differs in the upper bits of both would cancel out whatever
        // the multiplier is. The number is for a key of zeros, whose hash is the length's, too.
        let both = high.wrapping_mul(multiplier).swap_bytes().wrapping_add(low.wrapping_mul(multiplier));
        let for_pilot = both.wrapping_add(0x2545_f491).wrapping_mul(multiplier);
        // Swapped, the upper bits, which the keys of one pilot have in common, are the lowest.
        Self { for_pilot, for_place: for_pilot.swap_bytes().wrapping_mul(multiplier) }
    }

    /// The index of its pilot. `shift` is [`Settings::pilot_shift6`](crate::abi::Settings::pilot_shift6).
    #[inline(always)]
    #[must_use]
    pub fn pilot(self, shift: u32) -> usize {
        index(self.for_pilot, shift)
    }

    /// The index of its place by this pilot. `shift` is [`Settings::place_shift6`](crate::abi::Settings::place_shift6).
    #[inline(always)]
    #[must_use]
    pub fn place(self, pilot: Pilot6, shift: u32) -> usize {
        index(self.for_place.wrapping_mul(u64::from(pilot)), shift)
    }
}

/// The upper bits. No table is so long that they would be more than 24
/// ([`MAX_TABLE_BYTES`](crate::abi::MAX_TABLE_BYTES)).
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "there are 24 bits at most")]
fn index(product: u64, shift: u32) -> usize {
    product.wrapping_shr(shift) as usize
}

/// The class that the table holds for this address cut to the length at this place of the heap; the outer `None` means that the tables
/// contradict themselves.
#[inline(always)]
#[expect(clippy::option_option, reason = "damage and a miss are different answers")]
fn probe<T: Tables + ?Sized>(tables: &T, high: u64, low: u64, place: u32) -> Option<Option<u32>> {
    let length = tables.length6(place - 1)?;
    let (high, low) = (high & length.high, low & length.low);
    let hash = Hash6::of(high, low, length.multiplier);
    let pilot = tables.pilot6(hash.pilot(tables.pilot_shift6()))?;
    let entry = tables.entry6(hash.place(pilot, tables.place_shift6()))?;
    let found = entry.high == high && entry.low == low && entry.tag == place;
    Some(found.then_some(entry.class))
}
