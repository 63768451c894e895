//! The IPv4 source trie: strides of 16, 8 and 8 bits, prefixes pushed down to the leaves, so that at most three
//! entries are read and the last one is the answer. Where hosts lie so far apart that the nodes of the last octet would be
//! mostly empty, those have two strides of 4 bits.

use super::Tables;
use crate::abi::{TRIE_INDEX, TRIE_NARROW_BIT, TRIE_NODE_BIT};

/// The class of `address` (host order); `None` when the tables contradict themselves.
#[inline(always)]
pub fn class4<T: Tables + ?Sized>(tables: &T, address: u32) -> Option<u32> {
    let entry = tables.root4((address >> 16) as u16)?;
    if entry < TRIE_NODE_BIT {
        return Some(entry);
    }
    let entries = tables.trie4();
    let below = |entry: u32, digit| entries((entry & TRIE_INDEX) + digit);
    let entry = below(entry, address >> 8 & 0xff)?;
    if entry < TRIE_NODE_BIT {
        return Some(entry);
    }
    let entry = if entry < TRIE_NODE_BIT | TRIE_NARROW_BIT {
        below(entry, address & 0xff)?
    } else {
        let entry = below(entry, address >> 4 & 0xf)?;
        if entry < TRIE_NODE_BIT {
            return Some(entry);
        }
        below(entry, address & 0xf)?
    };
    // There is no further level: the bit here would be damage.
    (entry < TRIE_NODE_BIT).then_some(entry)
}
