//! Counters out of the kernel, summed over the CPUs.

use std::borrow::Borrow;

use aya::maps::{Array, MapData, MapError, PerCpuArray};
use portguard_common::{
    Action, Reason,
    abi::{COUNTERS_PER_PAGE, Counter, CounterPage, names, port_slots, undocumented},
};

use super::{DatapathError, pod::Pod};
use crate::{compile::Legend, matrix::Direction};

/// All counters of a generation at about one moment: pages are read one after the other while packets go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CounterSnapshot {
    counters: Vec<Counter>,
    /// By their places; empty where nothing was sent to an undocumented port.
    undocumented: Vec<Counter>,
}

impl CounterSnapshot {
    /// The counter in `slot`; zeros for a slot that does not exist.
    pub fn slot(&self, slot: u32) -> Counter {
        self.counters.get(slot as usize).copied().unwrap_or_default()
    }

    /// The counters of undocumented ports that counted something, by their places in [`undocumented`].
    pub fn undocumented(&self) -> impl Iterator<Item = (u32, Counter)> {
        (0..).zip(self.undocumented.iter().copied()).filter(|(_, counter)| *counter != Counter::default())
    }

    /// What `reason` counted, all documented ports of `legend` together.
    pub fn reason(&self, reason: Reason, legend: &Legend) -> Counter {
        if !reason.is_counted_by_port() {
            return self.slot(reason as u32);
        }
        let slots = legend.ports_of(Direction::In).flat_map(|port| match reason.action() {
            Action::Pass => {
                let first = port.slot + port_slots::ADMITTED;
                first..first + u32::try_from(port.rules.len()).expect("a row's rules are counted in 16 bits")
            }
            Action::Drop => port.slot + port_slots::REFUSED..port.slot + port_slots::REFUSED + 1,
        });
        sum(slots.map(|slot| self.slot(slot)))
    }
}

/// The first `slots` counters, and those of undocumented ports.
pub(super) fn read<M: Borrow<MapData>>(
    map: &PerCpuArray<M, Pod<CounterPage>>,
    slots: u32,
    undocumented: &Array<M, Pod<CounterPage>>,
) -> Result<CounterSnapshot, DatapathError> {
    let pages = slots.div_ceil(COUNTERS_PER_PAGE);
    let mut counters = Vec::with_capacity((pages * COUNTERS_PER_PAGE) as usize);
    for index in 0..pages {
        let cpus = map.get(&index, 0).map_err(unreadable)?;
        counters.extend(
            (0..COUNTERS_PER_PAGE as usize).map(|place| sum(cpus.iter().map(|Pod(page)| page[place]))),
        );
    }
    // Thousands of pages, which are empty on most nodes most of the time.
    let any = Reason::ALL.iter().filter(|reason| reason.may_be_undocumented());
    let any = any.map(|&reason| counters[reason as usize]).any(|counter| counter != Counter::default());
    let undocumented = if any { read_undocumented(undocumented)? } else { Vec::new() };
    Ok(CounterSnapshot { counters, undocumented })
}

fn read_undocumented<M: Borrow<MapData>>(
    map: &Array<M, Pod<CounterPage>>,
) -> Result<Vec<Counter>, DatapathError> {
    let error = |source| DatapathError::Map { map: names::UNDOCUMENTED, source: Box::new(source) };
    let mut counters = vec![Counter::default(); undocumented::COUNT as usize];
    for index in 0..map.len() {
        let Pod(page) = map.get(&index, 0).map_err(error)?;
        let first = (index % undocumented::PAGES * COUNTERS_PER_PAGE) as usize;
        for (sum, counter) in counters[first..].iter_mut().zip(page) {
            sum.packets = sum.packets.wrapping_add(counter.packets);
            sum.bytes = sum.bytes.wrapping_add(counter.bytes);
        }
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
    Ok(sum(cpus.iter().map(|Pod(page)| page[place])))
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
