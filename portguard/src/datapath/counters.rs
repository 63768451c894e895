//! Counters out of the kernel, summed over the CPUs.

use aya::{
    Ebpf,
    maps::{MapData, MapError, PerCpuArray},
};
use portguard_common::{
    Action, Reason,
    abi::{COUNTERS_PER_PAGE, Counter, CounterPage, names, port_slots},
};

use super::{DatapathError, pod::Pod};
use crate::compile::Legend;

/// All counters of a generation at about one moment: pages are read one after the other while packets go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CounterSnapshot {
    counters: Vec<Counter>,
    observe: bool,
}

impl CounterSnapshot {
    /// The counter in `slot`; zeros for a slot that does not exist.
    pub fn slot(&self, slot: u32) -> Counter {
        self.counters.get(slot as usize).copied().unwrap_or_default()
    }

    /// Whether the generation's mode is `observe`: what its counters call dropped passed.
    pub fn observe(&self) -> bool {
        self.observe
    }

    /// What `reason` counted, all documented ports of `legend` together.
    pub fn reason(&self, reason: Reason, legend: &Legend) -> Counter {
        if !reason.is_counted_by_port() {
            return self.slot(reason as u32);
        }
        let slots = legend.ports().flat_map(|port| match reason.action() {
            Action::Pass => {
                let first = port.slot + port_slots::ADMITTED;
                first..first + u32::try_from(port.rules.len()).expect("a row's rules are counted in 16 bits")
            }
            Action::Drop => port.slot + port_slots::REFUSED..port.slot + port_slots::REFUSED + 1,
        });
        sum(slots.map(|slot| self.slot(slot)))
    }
}

pub(super) fn read(ebpf: &Ebpf, slots: u32, observe: bool) -> Result<CounterSnapshot, DatapathError> {
    let map = pages(ebpf)?;
    let pages = slots.div_ceil(COUNTERS_PER_PAGE);
    let mut counters = Vec::with_capacity((pages * COUNTERS_PER_PAGE) as usize);
    for index in 0..pages {
        let cpus = map.get(&index, 0).map_err(unreadable)?;
        counters.extend(
            (0..COUNTERS_PER_PAGE as usize).map(|place| sum(cpus.iter().map(|Pod(page)| page[place]))),
        );
    }
    Ok(CounterSnapshot { counters, observe })
}

pub(super) fn read_one(ebpf: &Ebpf, slot: u32) -> Result<Counter, DatapathError> {
    let cpus = pages(ebpf)?.get(&(slot / COUNTERS_PER_PAGE), 0).map_err(unreadable)?;
    let place = (slot % COUNTERS_PER_PAGE) as usize;
    Ok(sum(cpus.iter().map(|Pod(page)| page[place])))
}

fn pages(ebpf: &Ebpf) -> Result<PerCpuArray<&MapData, Pod<CounterPage>>, DatapathError> {
    let map = ebpf.map(names::COUNTERS).ok_or(DatapathError::ForeignObject { what: names::COUNTERS })?;
    PerCpuArray::try_from(map).map_err(unreadable)
}

fn unreadable(source: MapError) -> DatapathError {
    DatapathError::Map { map: names::COUNTERS, source: Box::new(source) }
}

fn sum(counters: impl Iterator<Item = Counter>) -> Counter {
    counters.fold(Counter::default(), |total, Counter { packets, bytes }| Counter {
        packets: total.packets.wrapping_add(packets),
        bytes: total.bytes.wrapping_add(bytes),
    })
}
