//! Counts that go on over generations, by what was counted and not by where.

use std::{collections::BTreeMap, iter};

use portguard_common::{
    Reason,
    abi::{Counter, port_slots},
};
use serde::{Deserialize, Serialize};

use super::{Chart, ChartPort, Count, Counted, chart::ChartRun};
use crate::{compile::Target, datapath::CounterSnapshot, matrix::Direction};

/// What one documented port has counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PortTotal {
    /// What each rule admitted.
    pub(super) rules: BTreeMap<String, Count>,
    /// What no rule admitted, and what was dropped therefore.
    pub(super) dropped: Count,
    /// What no rule admitted, and what passed all the same.
    pub(super) would_drop: Count,
}

/// What one reason has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ReasonTotal {
    /// What it passed or dropped.
    pub(super) counted: Count,
    /// What it would have dropped.
    pub(super) would_drop: Count,
}

/// What was counted of what goes one way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Side {
    pub(super) ports: BTreeMap<(String, Target), PortTotal>,
    pub(super) reasons: BTreeMap<String, ReasonTotal>,
}

/// The counts of any number of generations together. Ports and reasons that counted nothing are not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Totals {
    inbound: Side,
    outbound: Side,
    /// By their places, in either direction.
    pub(super) undocumented: BTreeMap<u32, Counted>,
}

impl Totals {
    /// What was counted of what goes this way.
    pub(super) fn side(&self, direction: Direction) -> &Side {
        match direction {
            Direction::In => &self.inbound,
            Direction::Out => &self.outbound,
        }
    }

    fn side_mut(&mut self, direction: Direction) -> &mut Side {
        match direction {
            Direction::In => &mut self.inbound,
            Direction::Out => &mut self.outbound,
        }
    }

    /// Adds what a generation has counted, as its chart explains it.
    pub fn add(&mut self, snapshot: &CounterSnapshot, chart: &Chart) {
        let mut by_port: BTreeMap<Direction, [Counter; 2]> = BTreeMap::new();
        for port in chart.ports_where(|run| !snapshot.is_idle(&run.slots)) {
            let [admitted, refused] = by_port.entry(port.direction).or_default();
            let rules = chart.rules_of(port.list).len();
            let slots = port.slot..port.slot + port_slots::ADMITTED + u32::try_from(rules).unwrap_or(0);
            if slots.clone().any(|slot| snapshot.slot(slot) != Counter::default()) {
                self.add_port(&port, snapshot, chart);
            }
            *refused = plus(*refused, snapshot.slot(port.slot + port_slots::REFUSED));
            *admitted = (port.slot + port_slots::ADMITTED..slots.end)
                .fold(*admitted, |sum, slot| plus(sum, snapshot.slot(slot)));
        }
        for (place, counter) in snapshot.undocumented() {
            let direction = Target::of_undocumented(place).map_or(Direction::In, |(direction, _)| direction);
            chart.fate(direction).add(self.undocumented.entry(place).or_default(), counter);
        }
        for (slot, direction, name) in chart.reasons() {
            let [admitted, refused] = by_port.get(&direction).copied().unwrap_or_default();
            let refusal = refusal(direction);
            let counter = match name {
                name if name == Reason::Admitted.name() => admitted,
                name if name == refusal.name() => refused,
                _ => snapshot.slot(slot),
            };
            if counter != Counter::default() {
                self.add_reason(direction, name, counter, chart.observe(direction));
            }
        }
    }

    /// The ports of `run` that have counted anything.
    pub(super) fn ports_of(&self, run: &ChartRun<'_>) -> impl Iterator<Item = &PortTotal> {
        let last = run.first.after(run.length - 1).unwrap_or(run.first);
        let bounds = (run.zone.to_owned(), run.first)..=(run.zone.to_owned(), last);
        self.side(run.direction).ports.range(bounds).map(|(_, total)| total)
    }

    /// What undocumented ports have counted, all together.
    pub fn undocumented(&self) -> Counted {
        self.undocumented.values().fold(Counted::default(), |sum, counted| Counted {
            passed: sum.passed.plus(counted.passed),
            dropped: sum.dropped.plus(counted.dropped),
            would_drop: sum.would_drop.plus(counted.would_drop),
        })
    }

    fn add_port(&mut self, port: &ChartPort<'_>, snapshot: &CounterSnapshot, chart: &Chart) {
        let ports = &mut self.side_mut(port.direction).ports;
        let total = ports.entry((port.zone.to_owned(), port.target)).or_default();
        for (slot, rule) in iter::zip(port.slot + port_slots::ADMITTED.., chart.rules_of(port.list)) {
            let counter = snapshot.slot(slot);
            if counter != Counter::default() {
                total.rules.entry(rule.to_owned()).or_default().add(counter);
            }
        }
        let refused = if chart.observe(port.direction) { &mut total.would_drop } else { &mut total.dropped };
        refused.add(snapshot.slot(port.slot + port_slots::REFUSED));
        refused.add(snapshot.slot(port.slot + port_slots::UNANSWERED));
    }

    fn add_reason(&mut self, direction: Direction, name: &str, counter: Counter, observe: bool) {
        let total = self.side_mut(direction).reasons.entry(name.to_owned()).or_default();
        let drops = Reason::ALL
            .iter()
            .find(|reason| reason.name() == name)
            .is_some_and(|reason| matches!(reason.action(), portguard_common::Action::Drop));
        if drops && observe { &mut total.would_drop } else { &mut total.counted }.add(counter);
    }
}

/// The reason of packets to a documented port that no rule admits: their counters are the port's.
fn refusal(direction: Direction) -> Reason {
    match direction {
        Direction::In => Reason::SourceNotAdmitted,
        Direction::Out => Reason::DestinationNotAdmitted,
    }
}

fn plus(left: Counter, right: Counter) -> Counter {
    Counter { packets: left.packets.wrapping_add(right.packets), bytes: left.bytes.wrapping_add(right.bytes) }
}

/// Totals as they are written down: keys of JSON are texts, and a port is not one.
#[derive(Serialize, Deserialize)]
struct Written {
    ports: Vec<WrittenPort>,
    /// By place: packets and bytes that passed, were dropped, would have been.
    undocumented: Vec<(u32, [u64; 6])>,
    reasons: BTreeMap<String, ReasonTotal>,
    /// Of what leaves. Older versions counted none of it.
    #[serde(default)]
    outbound_ports: Vec<WrittenPort>,
    #[serde(default)]
    outbound_reasons: BTreeMap<String, ReasonTotal>,
}

type WrittenPort = (String, Target, PortTotal);

impl From<Written> for Totals {
    fn from(Written { ports, undocumented, reasons, outbound_ports, outbound_reasons }: Written) -> Self {
        let side = |ports: Vec<WrittenPort>, reasons| {
            let ports = ports.into_iter().map(|(zone, target, total)| ((zone, target), total)).collect();
            Side { ports, reasons }
        };
        let counted =
            |[passed, passed_bytes, dropped, dropped_bytes, would_drop, would_drop_bytes]: [u64; 6]| {
                Counted {
                    passed: Count { packets: passed, bytes: passed_bytes },
                    dropped: Count { packets: dropped, bytes: dropped_bytes },
                    would_drop: Count { packets: would_drop, bytes: would_drop_bytes },
                }
            };
        let undocumented =
            undocumented.into_iter().map(|(place, numbers)| (place, counted(numbers))).collect();
        let (inbound, outbound) = (side(ports, reasons), side(outbound_ports, outbound_reasons));
        Self { inbound, outbound, undocumented }
    }
}

impl From<Totals> for Written {
    fn from(Totals { inbound, outbound, undocumented }: Totals) -> Self {
        let written = |ports: BTreeMap<(String, Target), PortTotal>| {
            ports.into_iter().map(|((zone, target), total)| (zone, target, total)).collect()
        };
        let numbers = |Counted { passed, dropped, would_drop }| {
            let [passed, dropped, would_drop] =
                [passed, dropped, would_drop].map(|Count { packets, bytes }: Count| [packets, bytes]);
            [passed[0], passed[1], dropped[0], dropped[1], would_drop[0], would_drop[1]]
        };
        let undocumented =
            undocumented.into_iter().map(|(place, counted)| (place, numbers(counted))).collect();
        Self {
            ports: written(inbound.ports),
            undocumented,
            reasons: inbound.reasons,
            outbound_ports: written(outbound.ports),
            outbound_reasons: outbound.reasons,
        }
    }
}
