//! The IPv6 source table; `portguard_common::tables` says how it is searched, and where the idea is from.

use std::collections::BTreeMap;

use ipnet::Ipv6Net;
use portguard_common::{
    abi::{Bucket6, CLASS_NONE, ENTRIES_PER_BUCKET, Entry6, MAX_LENGTHS6},
    tables::bucket_indices,
    wire::ipv6,
};

use super::{
    error::{CompileError, fits, narrow},
    sources::Source,
};

/// The table and what the search needs beside it.
pub(super) struct Table6 {
    pub(super) buckets: Vec<Bucket6>,
    pub(super) bucket_mask: u32,
    pub(super) default_class: u32,
    pub(super) masks: [[u64; 2]; MAX_LENGTHS6],
    pub(super) length_count: u32,
}

/// Moves of one insertion before the table is taken for too full.
const MAX_MOVES: usize = 500;

/// Builds the table of `sources`, which come parents first.
pub(super) fn build(sources: &[Source<Ipv6Net>]) -> Result<Table6, CompileError> {
    let mut used: Vec<u8> =
        sources.iter().map(|source| source.prefix.prefix_len()).filter(|&len| len > 0).collect();
    used.sort_unstable();
    used.dedup();
    let used = in_heap_order(&used);
    let mut masks = [[0; 2]; MAX_LENGTHS6];
    for (place, &len) in masks.iter_mut().zip(&used) {
        *place = mask(len);
    }
    let default_class = sources
        .first()
        .filter(|source| source.prefix.prefix_len() == 0)
        .map_or(CLASS_NONE, |source| source.class);
    let entries = entries(sources, &used, default_class);
    let (buckets, bucket_mask) = place(&entries)?;
    Ok(Table6 {
        buckets,
        bucket_mask,
        default_class,
        masks,
        length_count: narrow(used.len(), "IPv6 prefix lengths")?,
    })
}

/// The prefixes, and the markers that the search needs to find them.
fn entries(sources: &[Source<Ipv6Net>], lengths: &[u8], default_class: u32) -> Vec<Entry6> {
    let mut entries = BTreeMap::new();
    let mut around: Vec<Source<Ipv6Net>> = Vec::new();
    for source in sources.iter().filter(|source| source.prefix.prefix_len() > 0) {
        while around.last().is_some_and(|outer| !outer.prefix.contains(&source.prefix)) {
            around.pop();
        }
        for len in marker_lengths(lengths, source.prefix.prefix_len()) {
            let best = around.iter().rev().find(|outer| outer.prefix.prefix_len() <= len);
            // A prefix that stands where the marker would be is more than a marker: it is never overwritten.
            entries.entry(key(source.prefix, len)).or_insert(best.map_or(default_class, |outer| outer.class));
        }
        entries.insert(key(source.prefix, source.prefix.prefix_len()), source.class);
        around.push(*source);
    }
    let tag = |len| (1..).zip(lengths).find(|&(_, used)| *used == len).map_or(0, |(tag, _)| tag);
    entries
        .into_iter()
        .map(|((high, low, len), class)| Entry6 { high, low, class, tag: tag(len), spilled: 0 })
        .collect()
}

fn key(prefix: Ipv6Net, len: u8) -> (u64, u64, u8) {
    let (high, low) = ipv6::halves(ipv6::address(prefix.network().octets()));
    let [high_mask, low_mask] = mask(len);
    (high & high_mask, low & low_mask, len)
}

/// The two halves of the mask of prefixes of `len` bits, 1 to 128.
fn mask(len: u8) -> [u64; 2] {
    let bits = u128::MAX << (128 - u32::from(len));
    #[expect(clippy::cast_possible_truncation, reason = "the two halves")]
    let halves = [(bits >> 64) as u64, bits as u64];
    halves
}

/// The lengths at which the search for a prefix of length `len` must find something, or it turns the wrong way.
fn marker_lengths(lengths: &[u8], len: u8) -> Vec<u8> {
    let mut markers = Vec::new();
    let mut place = 1;
    while let Some(&here) = lengths.get(place - 1) {
        match here.cmp(&len) {
            std::cmp::Ordering::Less => {
                markers.push(here);
                place = 2 * place + 1;
            }
            std::cmp::Ordering::Equal => break,
            std::cmp::Ordering::Greater => place *= 2,
        }
    }
    markers
}

/// The numbers, which ascend, in the order of a heap: the shape of the binary search through them.
fn in_heap_order(ascending: &[u8]) -> Vec<u8> {
    fn fill(heap: &mut [u8], place: usize, rest: &mut impl Iterator<Item = u8>) {
        if place > heap.len() {
            return;
        }
        fill(heap, 2 * place, rest);
        heap[place - 1] = rest.next().expect("there are as many places");
        fill(heap, 2 * place + 1, rest);
    }
    let mut heap = vec![0; ascending.len()];
    fill(&mut heap, 1, &mut ascending.iter().copied());
    heap
}

/// Puts each entry into one of its two buckets, moving others out of the way (cuckoo hashing: Pagh and Rodler, 2001).
fn place(entries: &[Entry6]) -> Result<(Vec<Bucket6>, u32), CompileError> {
    // Half full at most, so that few entries need their second bucket; where even that fails, twice the size.
    let mut buckets = (entries.len() * 2 / ENTRIES_PER_BUCKET + 1).next_power_of_two();
    loop {
        fits::<Bucket6>(buckets, "IPv6 sources")?;
        let mask = narrow::<u32>(buckets, "IPv6 sources")? - 1;
        if let Some(table) = try_place(entries, buckets, mask) {
            return Ok((table, mask));
        }
        buckets *= 2;
    }
}

fn try_place(entries: &[Entry6], buckets: usize, mask: u32) -> Option<Vec<Bucket6>> {
    let mut table = vec![Bucket6::EMPTY; buckets];
    entries.iter().all(|entry| insert(&mut table, *entry, mask)).then(|| {
        mark_spilled(&mut table, mask);
        table
    })
}

fn choices(entry: &Entry6, mask: u32) -> [usize; 2] {
    bucket_indices(entry.high, entry.low, u32::from(entry.tag), mask).map(|index| index as usize)
}

fn insert(table: &mut [Bucket6], entry: Entry6, mask: u32) -> bool {
    let mut entry = entry;
    let mut avoid = None;
    for moves in 0..MAX_MOVES {
        let choices = choices(&entry, mask);
        for index in choices {
            if let Some(free) = table[index].entries.iter_mut().find(|place| place.tag == 0) {
                *free = entry;
                return true;
            }
        }
        // Back where it was just thrown out of it would throw out its own successor.
        let index = if avoid == Some(choices[0]) { choices[1] } else { choices[0] };
        std::mem::swap(&mut table[index].entries[moves % ENTRIES_PER_BUCKET], &mut entry);
        avoid = Some(index);
    }
    false
}

/// Tells each bucket whether an entry that should be in it is elsewhere.
fn mark_spilled(table: &mut [Bucket6], mask: u32) {
    for index in 0..table.len() {
        for place in 0..ENTRIES_PER_BUCKET {
            let entry = &table[index].entries[place];
            let [first, _] = choices(entry, mask);
            if entry.tag > 0 && first != index {
                table[first].entries[0].spilled = 1;
            }
        }
    }
}
