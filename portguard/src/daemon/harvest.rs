//! The kernel's notes of drops in the documents' words.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::{Duration, SystemTime},
};

use nix::time::{ClockId, clock_gettime};
use portguard_common::{
    Reason,
    abi::{DropEntry, DropEvent},
    drops::{Aim, DropKey, Family},
};

use super::senders::Senders;
use crate::{
    audit::{Detail, Process, SourceDrops},
    compile::Target,
    datapath::Epoch,
    observe::{Chart, Count, port_text},
};

/// The kernel's clock read beside the wall's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clocks {
    /// When the kernel's clock began, by the wall's as it goes now.
    began: SystemTime,
}

impl Clocks {
    pub(super) fn now() -> Self {
        let now = SystemTime::now();
        // It has no other error than that there is no such clock.
        let up = clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Duration::ZERO, Duration::from);
        Self { began: now.checked_sub(up).unwrap_or(SystemTime::UNIX_EPOCH) }
    }

    /// Milliseconds since 1970, now.
    pub(super) fn milliseconds_now() -> u64 {
        since_1970(SystemTime::now())
    }

    /// Milliseconds since 1970, of nanoseconds of the kernel's clock.
    pub(super) fn milliseconds(self, kernel: u64) -> u64 {
        since_1970(self.began + Duration::from_nanos(kernel))
    }
}

fn since_1970(at: SystemTime) -> u64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// What an epoch of generation `generation` has noted, all CPUs together.
pub(super) fn detail(
    generation: u64,
    epoch: &Epoch,
    chart: &Chart,
    clocks: Clocks,
    senders: &Senders,
) -> Detail {
    let mut kinds: BTreeMap<DropKey, DropEntry> = BTreeMap::new();
    for entry in &epoch.entries {
        kinds
            .entry(entry.key)
            .and_modify(|known| {
                known.counter.packets += entry.counter.packets;
                known.counter.bytes += entry.counter.bytes;
                known.first = known.first.min(entry.first);
                known.last = known.last.max(entry.last);
            })
            .or_insert(*entry);
    }
    Detail {
        generation,
        epoch: u64::from(epoch.number),
        drops: kinds
            .values()
            .map(|entry| {
                let process = senders.of(generation, entry.key, entry.first).cloned();
                source_drops(entry, chart, clocks, process)
            })
            .collect(),
        lost: Count { packets: epoch.tally.lost.packets, bytes: epoch.tally.lost.bytes },
    }
}

/// A first drop, as it was told.
pub(super) fn first_drop(
    event: &DropEvent,
    chart: &Chart,
    clocks: Clocks,
    process: Option<Process>,
) -> SourceDrops {
    let counter = portguard_common::abi::Counter { packets: 1, bytes: event.bytes };
    let entry =
        DropEntry { key: event.key, counter, first: event.at, last: event.at, ..DropEntry::default() };
    source_drops(&entry, chart, clocks, process)
}

fn source_drops(entry: &DropEntry, chart: &Chart, clocks: Clocks, process: Option<Process>) -> SourceDrops {
    let DropEntry { key, counter, first, last, .. } = entry;
    let reason = Reason::from_index(key.reason()).unwrap_or(Reason::Internal);
    let (place, target, rules) = match key.aim() {
        Aim::Slot(slot) => match chart.port_of(slot) {
            Some(port) => {
                let rules = chart.rules_of(port.list).map(str::to_owned).collect();
                (Some((port.direction, port.zone)), Some(port.target), rules)
            }
            None => (None, None, Vec::new()),
        },
        Aim::Undocumented(place) => {
            (chart.zone(key.zone()), Target::of_undocumented(place).map(|(_, target)| target), Vec::new())
        }
        Aim::Protocol(number) => {
            let target = (key.family() != Family::None).then_some(Target::Protocol(number));
            (chart.zone(key.zone()), target, Vec::new())
        }
    };
    let (direction, zone) = place.unwrap_or_default();
    let port = target.map_or_else(|| "-".to_owned(), |target| target.to_string());
    SourceDrops {
        source: source(*key),
        zone: zone.to_owned(),
        port: port_text(direction, port),
        reason: reason.name().to_owned(),
        rules,
        process,
        would: chart.observe(direction),
        packets: counter.packets,
        bytes: counter.bytes,
        first: clocks.milliseconds(*first),
        last: clocks.milliseconds(*last),
    }
}

fn source(key: DropKey) -> Option<IpAddr> {
    let [high, low] = key.peer;
    match key.family() {
        Family::None => None,
        Family::Ipv4 => u32::try_from(high).ok().map(|bits| Ipv4Addr::from_bits(bits).into()),
        Family::Ipv6 => Some(Ipv6Addr::from_bits(u128::from(high) << 64 | u128::from(low)).into()),
    }
}
