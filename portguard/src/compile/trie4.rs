//! The IPv4 source trie; `portguard_common::tables` says how it is read.

use ipnet::Ipv4Net;
use portguard_common::abi::{TRIE_FANOUT, TRIE_PAGE_BIT, TriePage};

use super::sources::Source;

/// The pages of the root: one for each first octet.
const ROOT_PAGES: usize = 256;

/// Builds the trie of `sources`, which come parents first.
pub(super) fn build(sources: &[Source<Ipv4Net>]) -> Vec<TriePage> {
    let mut pages = vec![[0; TRIE_FANOUT]; ROOT_PAGES];
    for source in sources {
        let [first, second, third, fourth] = source.prefix.network().octets().map(usize::from);
        let len = usize::from(source.prefix.prefix_len());
        if len <= 16 {
            // A prefix of up to 16 bits covers whole entries of the root, perhaps over several pages.
            let from = first << 8 | second;
            for entry in from..from + (1 << (16 - len)) {
                pages[entry >> 8][entry & 255] = source.class;
            }
            continue;
        }
        let page = descend(&mut pages, first, second);
        if len <= 24 {
            paint(&mut pages[page], third, 24 - len, source.class);
            continue;
        }
        let page = descend(&mut pages, page, third);
        paint(&mut pages[page], fourth, 32 - len, source.class);
    }
    pages
}

/// Sets the `2^bits` entries from `from` on. No page of a longer prefix is among them yet, since parents come first.
fn paint(page: &mut TriePage, from: usize, bits: usize, class: u32) {
    page[from..from + (1 << bits)].fill(class);
}

/// The page below `entry` of `page`; where there is none, a new one full of what the entry held.
fn descend(pages: &mut Vec<TriePage>, page: usize, entry: usize) -> usize {
    let held = pages[page][entry];
    if held & TRIE_PAGE_BIT != 0 {
        return (held & !TRIE_PAGE_BIT) as usize;
    }
    let below = pages.len();
    pages.push([held; TRIE_FANOUT]);
    // There are at most 2^16 + 2^24 pages.
    pages[page][entry] = TRIE_PAGE_BIT | u32::try_from(below).expect("far below 2^31");
    below
}
