//! The table of drops out of the kernel: who was dropped, one epoch after the other.
//!
//! The program writes one half of the table, and userspace says which: it [turns](DropTable::turn) the table, waits until
//! no packet is under way that saw it as it was, reads what is still now, and [clears](DropTable::clear) it once it is
//! kept. What is cut short between any two of these steps is done again from the first, and the epoch's number tells
//! whether it was kept already.

use std::{
    borrow::{Borrow, BorrowMut},
    os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd},
    path::Path,
};

use aya::maps::{Array, Map, MapData, MapError, PerCpuArray, PerCpuValues, RingBuf};
use portguard_common::abi::{CounterPage, DROP_BUCKETS, DropBucket, DropEntry, DropEvent, DropTally, names};

use super::{DatapathError, counters, generation::open_map, pod::Pod};

/// The names of the pins, by the names of their maps.
pub(super) const PINS: [(&str, &str); 4] =
    [(names::DROPS, DROPS), (names::TALLIES, TALLIES), (names::EPOCH, EPOCH), (names::EVENTS, EVENTS)];
const DROPS: &str = "drops";
const TALLIES: &str = "tallies";
const EPOCH: &str = "epoch";
const EVENTS: &str = "events";

/// Who was dropped within an epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Epoch {
    /// Its number.
    pub number: u32,
    /// What is noted, of each CPU by itself: a kind of packet may stand here several times.
    pub entries: Vec<DropEntry>,
    /// What is not, and what became of the events.
    pub tally: DropTally,
}

impl Epoch {
    /// Whether nothing was dropped.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.tally == DropTally::default()
    }
}

/// A generation's table of drops.
pub struct DropTable<M = MapData> {
    drops: PerCpuArray<M, Pod<DropBucket>>,
    /// Which tell what was not noted.
    counters: PerCpuArray<M, Pod<CounterPage>>,
    tallies: PerCpuArray<M, Pod<DropTally>>,
    epoch: Array<M, Pod<u32>>,
}

impl DropTable {
    /// Of the generation that is pinned in `directory`, its counters by that name.
    pub(super) fn open(directory: &Path, counters: &str) -> Result<Self, DatapathError> {
        Ok(Self {
            counters: open_map(&directory.join(counters))?,
            drops: open_map(&directory.join(DROPS))?,
            tallies: open_map(&directory.join(TALLIES))?,
            epoch: open_map(&directory.join(EPOCH))?,
        })
    }
}

impl<M: Borrow<MapData>> DropTable<M> {
    /// The number of the epoch that is written now.
    pub fn epoch(&self) -> Result<u32, DatapathError> {
        let Pod(epoch) = self.epoch.get(&0, 0).map_err(|source| unusable(names::EPOCH, source))?;
        Ok(epoch)
    }

    /// What epoch `number` has noted; it must be still.
    pub fn read(&self, number: u32) -> Result<Epoch, DatapathError> {
        let half = number & 1;
        let mut epoch = Epoch { number, ..Epoch::default() };
        let tallies = self.tallies.get(&half, 0).map_err(|source| unusable(names::TALLIES, source))?;
        epoch.tally.lost = counters::unnoted(&self.counters, half)?;
        for Pod(tally) in tallies.iter() {
            let DropTally { lost, unnoted_before, .. } = tally;
            epoch.tally.lost.packets += lost.packets;
            epoch.tally.lost.packets -= unnoted_before.packets;
            epoch.tally.lost.bytes += lost.bytes;
            epoch.tally.lost.bytes -= unnoted_before.bytes;
            epoch.tally.told += tally.told;
            epoch.tally.withheld += tally.withheld;
            epoch.tally.unheard += tally.unheard;
        }
        for place in places(half) {
            let cpus = self.drops.get(&place, 0).map_err(|source| unusable(names::DROPS, source))?;
            let entries = cpus.iter().flat_map(|Pod(bucket)| bucket.entries);
            epoch.entries.extend(entries.filter(|entry| entry.counter.packets > 0));
        }
        Ok(epoch)
    }
}

impl<M: BorrowMut<MapData>> DropTable<M> {
    /// Begins another epoch, in the half that must have been cleared; the number of the one that ends. It is still when
    /// [`Filter::settle`](super::Filter::settle) has returned.
    pub fn turn(&mut self) -> Result<u32, DatapathError> {
        let ends = self.epoch()?;
        let error = |source| unusable(names::EPOCH, source);
        self.epoch.set(0, Pod(ends.wrapping_add(1)), 0).map_err(error)?;
        Ok(ends)
    }

    /// Makes room for the epoch after the next.
    pub fn clear(&mut self, number: u32) -> Result<(), DatapathError> {
        let half = number & 1;
        for place in places(half) {
            let error = |source| unusable(names::DROPS, source);
            let cpus = self.drops.get(&place, 0).map_err(error)?;
            if cpus.iter().any(|Pod(bucket)| *bucket != DropBucket::default()) {
                let empty = vec![DropBucket::default(); cpus.len()];
                self.drops.set(place, values(empty)?, 0).map_err(error)?;
            }
        }
        let error = |source| unusable(names::TALLIES, source);
        let unnoted_before = counters::unnoted(&self.counters, half)?;
        let mut tallies = vec![DropTally::default(); self.tallies.get(&half, 0).map_err(error)?.len()];
        tallies[0].unnoted_before = unnoted_before;
        self.tallies.set(half, values(tallies)?, 0).map_err(error)
    }
}

impl<'m> DropTable<&'m MapData> {
    /// That of a generation whose maps `map` finds by their names.
    pub(super) fn of(
        map: impl Fn(&'static str) -> Result<&'m Map, DatapathError>,
    ) -> Result<Self, DatapathError> {
        let error = |name| move |source| unusable(name, source);
        Ok(Self {
            counters: map(names::COUNTERS)?.try_into().map_err(error(names::COUNTERS))?,
            drops: map(names::DROPS)?.try_into().map_err(error(names::DROPS))?,
            tallies: map(names::TALLIES)?.try_into().map_err(error(names::TALLIES))?,
            epoch: map(names::EPOCH)?.try_into().map_err(error(names::EPOCH))?,
        })
    }
}

fn places(half: u32) -> std::ops::Range<u32> {
    half * DROP_BUCKETS..(half + 1) * DROP_BUCKETS
}

fn values<T>(cpus: Vec<T>) -> Result<PerCpuValues<Pod<T>>, DatapathError>
where
    Pod<T>: aya::Pod,
{
    PerCpuValues::try_from(cpus.into_iter().map(Pod).collect::<Vec<_>>())
        .map_err(|source| DatapathError::System { call: "possible_cpus", source })
}

/// The first drops of each kind, as they happen.
pub struct Events {
    ring: RingBuf<MapData>,
}

impl Events {
    pub(super) fn open(directory: &Path) -> Result<Self, DatapathError> {
        Ok(Self { ring: open_map(&directory.join(EVENTS))? })
    }

    /// The next one that nobody has taken yet.
    #[expect(clippy::should_implement_trait, reason = "more may come after a `None`")]
    pub fn next(&mut self) -> Option<DropEvent> {
        self.ring.next().and_then(|bytes| Pod::<DropEvent>::from_bytes(&bytes))
    }
}

impl AsFd for Events {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ring.as_fd()
    }
}

impl AsRawFd for Events {
    fn as_raw_fd(&self) -> RawFd {
        self.ring.as_raw_fd()
    }
}

fn unusable(map: &'static str, source: MapError) -> DatapathError {
    DatapathError::Map { map, source: Box::new(source) }
}
