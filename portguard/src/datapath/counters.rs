//! Counters out of the kernel, summed over the CPUs.

use aya::{Ebpf, maps::PerCpuArray};
use portguard_common::{
    Action, Reason,
    abi::{COUNTERS_PER_PAGE, Counter, CounterPage, SLOTS_PER_REASON, names, port_slots},
};

use super::{DatapathError, pod::Pod};

/// All counters of a generation at about one moment: pages are read one after the other while packets go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CounterSnapshot(Vec<Counter>);

impl CounterSnapshot {
    /// The counter in `slot`; zeros for a slot that does not exist.
    pub fn slot(&self, slot: u32) -> Counter {
        self.0.get(slot as usize).copied().unwrap_or_default()
    }

    /// What `reason` alone counts: for [`Reason::Admitted`] nothing, since its packets are counted by rule.
    pub fn reason(&self, reason: Reason) -> Counter {
        self.slot(reason as u32 * SLOTS_PER_REASON)
    }

    /// The packets that `reason` would have dropped, had mode `observe` not let them pass.
    pub fn would_drop(&self, reason: Reason) -> Counter {
        match reason.action() {
            Action::Drop => self.slot(reason as u32 * SLOTS_PER_REASON + port_slots::WOULD_DROP),
            Action::Pass => Counter::default(),
        }
    }
}

pub(super) fn read(ebpf: &Ebpf, slots: u32) -> Result<CounterSnapshot, DatapathError> {
    let error = |source| DatapathError::Map { map: names::COUNTERS, source: Box::new(source) };
    let map = ebpf.map(names::COUNTERS).ok_or(DatapathError::ForeignObject { what: names::COUNTERS })?;
    let map: PerCpuArray<_, Pod<CounterPage>> = PerCpuArray::try_from(map).map_err(error)?;
    let pages = slots.div_ceil(COUNTERS_PER_PAGE);
    let mut counters = Vec::with_capacity((pages * COUNTERS_PER_PAGE) as usize);
    for index in 0..pages {
        let cpus = map.get(&index, 0).map_err(error)?;
        counters.extend(
            (0..COUNTERS_PER_PAGE as usize).map(|place| sum(cpus.iter().map(|Pod(page)| page[place]))),
        );
    }
    Ok(CounterSnapshot(counters))
}

fn sum(counters: impl Iterator<Item = Counter>) -> Counter {
    counters.fold(Counter::default(), |total, Counter { packets, bytes }| Counter {
        packets: total.packets.wrapping_add(packets),
        bytes: total.bytes.wrapping_add(bytes),
    })
}
