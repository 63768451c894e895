//! The IPv4 source trie; `portguard_common::tables` says how it is read.

use ipnet::Ipv4Net;
use portguard_common::abi::{TRIE_FANOUT, TRIE_NODE_BIT, TRIE_ROOT};

use super::{
    error::{CompileError, fits},
    sources::Source,
};

/// Builds the trie of `sources`, which come parents first.
pub(super) fn build(sources: &[Source<Ipv4Net>]) -> Result<Vec<u32>, CompileError> {
    let mut entries = vec![0; TRIE_ROOT];
    for source in sources {
        let [first, second, third, fourth] = source.prefix.network().octets().map(usize::from);
        let len = usize::from(source.prefix.prefix_len());
        let high = first << 8 | second;
        if len <= 16 {
            paint(&mut entries, high, 16 - len, source.class);
            continue;
        }
        let node = descend(&mut entries, high)?;
        if len <= 24 {
            paint(&mut entries, node + third, 24 - len, source.class);
            continue;
        }
        let node = descend(&mut entries, node + third)?;
        paint(&mut entries, node + fourth, 32 - len, source.class);
    }
    Ok(entries)
}

/// Sets the `2^bits` entries from `from` on. No node of a longer prefix hangs on them yet, since parents come first.
fn paint(entries: &mut [u32], from: usize, bits: usize, class: u32) {
    entries[from..from + (1 << bits)].fill(class);
}

/// The first entry of the node below `entry`; where there is none, of a new one full of what the entry held.
fn descend(entries: &mut Vec<u32>, entry: usize) -> Result<usize, CompileError> {
    let held = entries[entry];
    if held & TRIE_NODE_BIT != 0 {
        return Ok((held & !TRIE_NODE_BIT) as usize);
    }
    let below = entries.len();
    fits::<u32>(below + TRIE_FANOUT, "IPv4 sources")?;
    entries.resize(below + TRIE_FANOUT, held);
    entries[entry] = TRIE_NODE_BIT | u32::try_from(below).expect("no table has so many bytes");
    Ok(below)
}
