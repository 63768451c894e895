//! The IPv6 source table: binary search over the prefix lengths in use, each probe one hash look-up. The lengths lie in the
//! order of a heap, so that where the search stands is one number.
//!
//! "Scalable High Speed IP Routing Lookups" (Waldvogel, Varghese, Turner, Plattner; SIGCOMM 1997): every prefix leaves
//! a marker at the lengths that the search passes on its way to it, and every marker knows the class of its own longest
//! match, so that a search that was led astray loses nothing. At most 8 probes, with one length in use one. The hash
//! table gives each key two buckets to choose from; a miss reads the second only where some key had to take it.

use super::Tables;
use crate::abi::Bucket6;

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

/// The two buckets where a prefix may be. `tag` stands for its length; `mask` has 24 bits at most: no table is longer
/// ([`MAX_TABLE_BYTES`](crate::abi::MAX_TABLE_BYTES)).
#[inline(always)]
#[must_use]
pub fn bucket_indices(high: u64, low: u64, tag: u32, mask: u32) -> [u32; 2] {
    // Odd constants with well-mixed bits (the fraction of the golden ratio and a prime of xxHash64). Sources do not choose
    // what is in the table, so an attacker gains nothing by collisions.
    const K1: u64 = 0x9e37_79b9_7f4a_7c15;
    const K2: u64 = 0xc2b2_ae3d_27d4_eb4f;
    let hash = (high ^ u64::from(tag)).wrapping_mul(K1) ^ low.wrapping_mul(K2);
    // The upper bits of a product are the best mixed.
    let hash = (hash ^ hash >> 32).wrapping_mul(K2);
    #[expect(clippy::cast_possible_truncation, reason = "two pieces of the hash")]
    [(hash >> 40) as u32 & mask, (hash >> 16) as u32 & mask]
}

/// The class that the table holds for exactly this prefix; the outer `None` means that the tables contradict
/// themselves.
#[inline(always)]
#[expect(clippy::option_option, reason = "damage and a miss are different answers")]
fn probe<T: Tables + ?Sized>(tables: &T, high: u64, low: u64, tag: u32) -> Option<Option<u32>> {
    let [first, second] = bucket_indices(high, low, tag, tables.bucket_mask6());
    let bucket = tables.bucket6(first)?;
    let found = find(bucket, high, low, tag);
    if found.is_some() || bucket.entries[0].spilled == 0 {
        return Some(found);
    }
    Some(find(tables.bucket6(second)?, high, low, tag))
}

#[inline(always)]
fn find(bucket: &Bucket6, high: u64, low: u64, tag: u32) -> Option<u32> {
    bucket
        .entries
        .iter()
        .find(|entry| entry.high == high && entry.low == low && u32::from(entry.tag) == tag)
        .map(|entry| entry.class)
}
