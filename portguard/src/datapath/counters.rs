//! Counters out of the kernel, summed over the CPUs.

use std::{borrow::Borrow, ops::Range};

use aya::maps::{Array, MapData, MapError, PerCpuArray};
use portguard_common::{
    Action, Reason,
    abi::{
        COUNTERS_PER_PAGE, Counter, CounterPage, Counters, OUTBOUND_REASONS, names, port_slots, undocumented,
    },
};

use super::{DatapathError, pod::Pod};
use crate::{compile::Legend, matrix::Direction};

/// All counters of a generation at about one moment: pages are read one after the other while packets go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CounterSnapshot {
    counters: Pages,
    /// By their places.
    undocumented: Pages,
}

impl CounterSnapshot {
    /// The counter in `slot`; zeros for a slot that does not exist.
    pub fn slot(&self, slot: u32) -> Counter {
        self.counters.at(slot)
    }

    /// Whether these have counted nothing, as far as that can be told without looking at each: `false` says nothing.
    pub fn is_idle(&self, slots: &Range<u32>) -> bool {
        self.counters.is_empty(slots)
    }

    /// The counters of undocumented ports that counted something, by their places in [`undocumented`].
    pub fn undocumented(&self) -> impl Iterator<Item = (u32, Counter)> {
        self.undocumented.counters().filter(|(_, counter)| *counter != Counter::default())
    }

    /// What `reason` counted of what goes this way, all documented ports of `legend` together.
    pub fn reason(&self, direction: Direction, reason: Reason, legend: &Legend) -> Counter {
        let (own, by_port) = match direction {
            Direction::In => (reason as u32, reason.is_counted_by_port()),
            Direction::Out => (OUTBOUND_REASONS + reason as u32, reason.is_counted_by_port_outbound()),
        };
        if !by_port {
            return self.slot(own);
        }
        let slots = legend.ports_of(direction).flat_map(|port| match reason.action() {
            Action::Pass => {
                let first = port.slot + port_slots::ADMITTED;
                first..first + u32::try_from(port.rules.len()).expect("a row's rules are counted in 16 bits")
            }
            Action::Drop => port.slot + port_slots::REFUSED..port.slot + port_slots::REFUSED + 1,
        });
        sum(slots.map(|slot| self.slot(slot)))
    }
}

/// Counters by their number. A site can have hundreds of thousands, of which most nodes ever count in a few: a page that has
/// counted nothing takes no memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Pages(Vec<Option<Box<Counters>>>);

impl Pages {
    fn of(pages: u32) -> Self {
        Self(vec![None; pages as usize])
    }

    fn add(&mut self, index: u32, page: &Counters) {
        if page.iter().all(|counter| *counter == Counter::default()) {
            return;
        }
        let sums = self.0[index as usize].get_or_insert_with(|| Box::new([Counter::default(); _]));
        for (sum, counter) in sums.iter_mut().zip(page) {
            sum.packets = sum.packets.wrapping_add(counter.packets);
            sum.bytes = sum.bytes.wrapping_add(counter.bytes);
        }
    }

    fn at(&self, number: u32) -> Counter {
        let page = self.0.get((number / COUNTERS_PER_PAGE) as usize).and_then(Option::as_ref);
        page.map_or_else(Counter::default, |page| page[(number % COUNTERS_PER_PAGE) as usize])
    }

    /// Whether none of the pages of these has counted anything.
    fn is_empty(&self, numbers: &Range<u32>) -> bool {
        let pages = numbers.start / COUNTERS_PER_PAGE..numbers.end.div_ceil(COUNTERS_PER_PAGE);
        let pages = self.0.get(pages.start as usize..pages.end as usize);
        pages.is_some_and(|pages| pages.iter().all(Option::is_none))
    }

    fn counters(&self) -> impl Iterator<Item = (u32, Counter)> {
        let pages = (0..).step_by(COUNTERS_PER_PAGE as usize).zip(&self.0);
        pages.flat_map(|(first, page)| (first..).zip(page.iter().flat_map(|page| page.iter().copied())))
    }
}

/// The first `slots` counters, and those of undocumented ports.
pub(super) fn read<M: Borrow<MapData>>(
    map: &PerCpuArray<M, Pod<CounterPage>>,
    slots: u32,
    undocumented: &Array<M, Pod<Counters>>,
    outbound: bool,
) -> Result<CounterSnapshot, DatapathError> {
    let pages = slots.div_ceil(COUNTERS_PER_PAGE);
    let mut counters = Pages::of(pages);
    for index in 0..pages {
        let cpus = map.get(&index, 0).map_err(unreadable)?;
        cpus.iter().for_each(|Pod(page)| counters.add(index, &page.counters));
    }
    // Thousands of pages, which are empty on most nodes most of the time.
    let any = Reason::ALL.iter().filter(|reason| reason.may_be_undocumented());
    let firsts: &[u32] = if outbound { &[0, OUTBOUND_REASONS] } else { &[0] };
    let any = any.flat_map(|&reason| firsts.iter().map(move |first| first + reason as u32));
    let any = any.map(|slot| counters.at(slot)).any(|counter| counter != Counter::default());
    let pages = undocumented::PAGES << u32::from(outbound);
    let undocumented = if any { read_undocumented(undocumented, pages)? } else { Pages::default() };
    Ok(CounterSnapshot { counters, undocumented })
}

/// The places of one copy take so many `pages`.
fn read_undocumented<M: Borrow<MapData>>(
    map: &Array<M, Pod<Counters>>,
    pages: u32,
) -> Result<Pages, DatapathError> {
    let error = |source| DatapathError::Map { map: names::UNDOCUMENTED, source: Box::new(source) };
    let mut counters = Pages::of(pages);
    for index in 0..map.len() {
        let Pod(page) = map.get(&index, 0).map_err(error)?;
        counters.add(index % pages, &page);
    }
    Ok(counters)
}

/// The counter in `slot`.
pub(super) fn read_one<M: Borrow<MapData>>(
    map: &PerCpuArray<M, Pod<CounterPage>>,
    slot: u32,
) -> Result<Counter, DatapathError> {
    let cpus = map.get(&(slot / COUNTERS_PER_PAGE), 0).map_err(unreadable)?;
    let place = (slot % COUNTERS_PER_PAGE) as usize;
    Ok(sum(cpus.iter().map(|Pod(page)| page.counters[place])))
}

/// Of the drops that were counted, those that were not noted while this half of the table of drops was written, ever since the
/// generation was loaded.
pub(super) fn unnoted<M: Borrow<MapData>>(
    map: &PerCpuArray<M, Pod<CounterPage>>,
    half: u32,
) -> Result<Counter, DatapathError> {
    let mut sums = Counter::default();
    for index in 0..map.len() {
        let cpus = map.get(&index, 0).map_err(unreadable)?;
        let of_page = cpus.iter().map(|Pod(page)| page.unnoted[half as usize]);
        sums = sum(of_page.chain([sums]));
    }
    Ok(sums)
}

pub(super) fn unreadable(source: MapError) -> DatapathError {
    DatapathError::Map { map: names::COUNTERS, source: Box::new(source) }
}

fn sum(counters: impl Iterator<Item = Counter>) -> Counter {
    counters.fold(Counter::default(), |total, Counter { packets, bytes }| Counter {
        packets: total.packets.wrapping_add(packets),
        bytes: total.bytes.wrapping_add(bytes),
    })
}
