//! The IPv4 source trie: strides of 16, 8 and 8 bits, prefixes pushed down to the leaves, so that at most three
//! entries are read and the last one is the answer.

use super::Tables;
use crate::abi::TRIE_PAGE_BIT;

/// The class of `address` (host order).
#[inline(always)]
pub(super) fn class<T: Tables>(tables: &T, address: u32) -> Option<u32> {
    let [first, second, third, fourth] = address.to_be_bytes();
    let entry = tables.trie_page4(u32::from(first))?[usize::from(second)];
    if entry & TRIE_PAGE_BIT == 0 {
        return Some(entry);
    }
    let entry = tables.trie_page4(entry & !TRIE_PAGE_BIT)?[usize::from(third)];
    if entry & TRIE_PAGE_BIT == 0 {
        return Some(entry);
    }
    let entry = tables.trie_page4(entry & !TRIE_PAGE_BIT)?[usize::from(fourth)];
    // A fourth level does not exist: the bit here would be damage.
    if entry & TRIE_PAGE_BIT == 0 { Some(entry) } else { None }
}
