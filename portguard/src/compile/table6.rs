//! The IPv6 source table; `portguard_common::tables` says how it is searched, and where the idea is from.

use std::{cmp::Ordering, collections::BTreeSet};

use ipnet::Ipv6Net;
use portguard_common::{
    abi::{CLASS_NONE, Entry6, Length6, MAX_LENGTHS6, Pilot6},
    wire::ipv6,
};

use super::{
    displace,
    error::{CompileError, narrow},
    sources::Source,
};

/// The table and what the search needs beside it.
pub(super) struct Table6 {
    pub(super) places: Vec<Entry6>,
    pub(super) pilots: Vec<Pilot6>,
    pub(super) place_shift: u32,
    pub(super) pilot_shift: u32,
    pub(super) default_class: u32,
    pub(super) lengths: [Length6; MAX_LENGTHS6],
    pub(super) length_count: u32,
}

/// Builds the table of `sources`, which come parents first.
pub(super) fn build(sources: &[Source<Ipv6Net>]) -> Result<Table6, CompileError> {
    let lengths = Lengths::of(sources);
    let default_class = sources
        .first()
        .filter(|source| source.prefix.prefix_len() == 0)
        .map_or(CLASS_NONE, |source| source.class);
    let placed = displace::place(&entries(sources, &lengths, default_class)?, lengths.0.len())?;
    Ok(Table6 {
        place_shift: placed.place_shift(),
        pilot_shift: placed.pilot_shift(),
        default_class,
        lengths: lengths.with(&placed.multipliers),
        length_count: narrow(lengths.0.len(), "IPv6 prefix lengths")?,
        places: placed.places,
        pilots: placed.pilots,
    })
}

/// The prefixes, and the markers that the search needs to find them.
fn entries(
    sources: &[Source<Ipv6Net>],
    lengths: &Lengths,
    default_class: u32,
) -> Result<Vec<Entry6>, CompileError> {
    let ways = lengths.ways();
    // Of each length by itself they ascend, since the sources do, and a prefix comes before the markers that would stand where it
    // does: it is more than a marker.
    let mut by_length: Vec<Vec<Entry6>> = vec![Vec::new(); lengths.0.len()];
    let mut around: Vec<Source<Ipv6Net>> = Vec::new();
    for source in sources.iter().filter(|source| source.prefix.prefix_len() > 0) {
        while around.last().is_some_and(|outer| !outer.prefix.contains(&source.prefix)) {
            around.pop();
        }
        around.push(*source);
        for &place in &ways[usize::from(source.prefix.prefix_len())] {
            let len = lengths.0[place];
            let [high, low] = key(source.prefix, len);
            if by_length[place].last().is_some_and(|last| (last.high, last.low) == (high, low)) {
                continue;
            }
            let best = around.iter().rev().find(|outer| outer.prefix.prefix_len() <= len);
            let class = best.map_or(default_class, |outer| outer.class);
            by_length[place].push(Entry6 {
                high,
                low,
                class,
                tag: narrow(place + 1, "IPv6 prefix lengths")?,
            });
        }
    }
    Ok(by_length.into_iter().flatten().collect())
}

fn key(prefix: Ipv6Net, len: u8) -> ipv6::Address {
    let [high, low] = ipv6::address(prefix.network().octets());
    let [high_mask, low_mask] = mask(len);
    [high & high_mask, low & low_mask]
}

/// The mask of prefixes of `len` bits, 1 to 128.
fn mask(len: u8) -> ipv6::Address {
    let bits = u128::MAX << (128 - u32::from(len));
    ipv6::address(bits.to_be_bytes())
}

/// The prefix lengths in use but for 0, in the order of a heap: the shape of the binary search through them.
struct Lengths(Vec<u8>);

impl Lengths {
    fn of(sources: &[Source<Ipv6Net>]) -> Self {
        let used: BTreeSet<u8> = sources.iter().map(|source| source.prefix.prefix_len()).collect();
        let mut heap = vec![0; used.iter().filter(|&&len| len > 0).count()];
        fill(&mut heap, 1, &mut used.into_iter().filter(|&len| len > 0));
        Self(heap)
    }

    /// The mask of each, with the number that its keys are hashed with.
    fn with(&self, multipliers: &[u64]) -> [Length6; MAX_LENGTHS6] {
        let mut lengths = [Length6::EMPTY; MAX_LENGTHS6];
        for ((length, &len), &multiplier) in lengths.iter_mut().zip(&self.0).zip(multipliers) {
            let [high, low] = mask(len);
            *length = Length6 { high, low, multiplier };
        }
        lengths
    }

    /// For each length the indices of those where the search for a prefix of it must find something, or it turns the wrong way: the shorter
    /// ones that it passes, and its own.
    fn ways(&self) -> Vec<Vec<usize>> {
        (0..=128).map(|len| self.way(len)).collect()
    }

    fn way(&self, len: u8) -> Vec<usize> {
        let mut way = Vec::new();
        let mut place = 1;
        while let Some(&here) = self.0.get(place - 1) {
            if here <= len {
                way.push(place - 1);
            }
            match here.cmp(&len) {
                Ordering::Less => place = 2 * place + 1,
                Ordering::Equal => break,
                Ordering::Greater => place *= 2,
            }
        }
        way
    }
}

/// Fills what is below `place` with numbers that ascend.
fn fill(heap: &mut [u8], place: usize, rest: &mut impl Iterator<Item = u8>) {
    if place > heap.len() {
        return;
    }
    fill(heap, 2 * place, rest);
    heap[place - 1] = rest.next().expect("there are as many places");
    fill(heap, 2 * place + 1, rest);
}
