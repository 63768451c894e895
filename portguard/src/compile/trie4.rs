//! The IPv4 source trie; `portguard_common::tables` says how it is read.

use ipnet::Ipv4Net;
use portguard_common::abi::{
    TRIE_FANOUT, TRIE_INDEX, TRIE_NARROW_BIT, TRIE_NARROW_FANOUT, TRIE_NODE_BIT, TRIE_ROOT,
};

use super::{
    error::{CompileError, fits},
    sources::Source,
};

/// More entries (32 MiB) than this in nodes for the last octet are not worth a read less: such a table is in no cache.
const MOST_WIDE: usize = (32 << 20) / size_of::<u32>();

/// Builds the trie of `sources`, which come parents first.
pub(super) fn build(sources: &[Source<Ipv4Net>]) -> Result<Vec<u32>, CompileError> {
    let narrow = last_nodes(sources) * TRIE_FANOUT > MOST_WIDE;
    let mut entries = vec![0; TRIE_ROOT];
    for source in sources {
        let [first, second, third, fourth] = source.prefix.network().octets().map(usize::from);
        let len = usize::from(source.prefix.prefix_len());
        let high = first << 8 | second;
        if len <= 16 {
            paint(&mut entries, high, 16 - len, source.class);
            continue;
        }
        let node = descend(&mut entries, high, Node::Wide)?;
        if len <= 24 {
            paint(&mut entries, node + third, 24 - len, source.class);
            continue;
        }
        if !narrow {
            let node = descend(&mut entries, node + third, Node::Wide)?;
            paint(&mut entries, node + fourth, 32 - len, source.class);
            continue;
        }
        let node = descend(&mut entries, node + third, Node::Narrow)?;
        if len <= 28 {
            paint(&mut entries, node + (fourth >> 4), 28 - len, source.class);
            continue;
        }
        let node = descend(&mut entries, node + (fourth >> 4), Node::Narrow)?;
        paint(&mut entries, node + (fourth & 0xf), 32 - len, source.class);
    }
    Ok(entries)
}

/// How many networks of 24 bits have a longer prefix in them. Those that share one are neighbours, but for what is around
/// them.
fn last_nodes(sources: &[Source<Ipv4Net>]) -> usize {
    let long = sources.iter().filter(|source| source.prefix.prefix_len() > 24);
    let mut networks: Vec<u32> = long.map(|source| source.prefix.network().to_bits() >> 8).collect();
    networks.dedup();
    networks.len()
}

/// Sets the `2^bits` entries from `from` on. No node of a longer prefix hangs on them yet, since parents come first.
fn paint(entries: &mut [u32], from: usize, bits: usize, class: u32) {
    entries[from..from + (1 << bits)].fill(class);
}

/// For how much of an address a node has entries.
#[derive(Clone, Copy)]
enum Node {
    /// An octet.
    Wide,
    /// Half of one.
    Narrow,
}

/// The first entry of the node below `entry`; where there is none, of a new one, full of what the entry held.
fn descend(entries: &mut Vec<u32>, entry: usize, node: Node) -> Result<usize, CompileError> {
    let held = entries[entry];
    if held & TRIE_NODE_BIT != 0 {
        return Ok((held & TRIE_INDEX) as usize);
    }
    let (fanout, bits) = match node {
        Node::Wide => (TRIE_FANOUT, TRIE_NODE_BIT),
        Node::Narrow => (TRIE_NARROW_FANOUT, TRIE_NODE_BIT | TRIE_NARROW_BIT),
    };
    let below = entries.len();
    fits::<u32>(below + fanout, "IPv4 sources")?;
    entries.resize(below + fanout, held);
    entries[entry] = bits | u32::try_from(below).expect("no table has so many bytes");
    Ok(below)
}
