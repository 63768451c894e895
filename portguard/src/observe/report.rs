//! Counters as rows.

use std::collections::BTreeSet;

use portguard_common::{Action, Reason, abi::Counter};
use serde::{Deserialize, Serialize};

use super::{
    Chart, ChartPort, Totals,
    chart::ChartRun,
    ranges::{port_text, range_text},
    totals::{PortTotal, ReasonTotal},
};
use crate::{compile::Target, matrix::Direction};

/// Packets and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Packets.
    pub packets: u64,
    /// Their bytes, Ethernet header included.
    pub bytes: u64,
}

impl Count {
    pub(super) fn add(&mut self, Counter { packets, bytes }: Counter) {
        *self = self.plus(Self { packets, bytes });
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            packets: self.packets.wrapping_add(other.packets),
            bytes: self.bytes.wrapping_add(other.bytes),
        }
    }
}

/// What counters come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// What passed, by whatever right.
    pub passed: Count,
    /// What was dropped.
    pub dropped: Count,
    /// What would have been dropped, and is among what passed, since the mode was `observe`.
    pub would_drop: Count,
}

impl Counted {
    /// What was dropped, or would have been.
    pub fn refused(self) -> Count {
        self.dropped.plus(self.would_drop)
    }
}

/// What one rule admitted to one port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleRow {
    /// The rule and its place: `redis-enterprise/shards (redis-enterprise.md:46)`.
    pub rule: String,
    /// Whether it still names the port.
    pub in_force: bool,
    /// What it admitted.
    pub passed: Count,
}

/// What one documented port saw; or several ports in a row that the same rules name and that saw nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortRow {
    /// Whether it is the node's port, or one that the node reaches.
    #[serde(default)]
    pub direction: Direction,
    /// The zone's name.
    pub zone: String,
    /// `8086/tcp`, `20000-29999/tcp`, `icmpv4/8`, `ip/47`; `other` for all that only failsafe groups are admitted to; `out 443/tcp`.
    pub port: String,
    /// By rule, in the order in which the rules are asked.
    pub rules: Vec<RuleRow>,
    /// What no rule admitted, and what was dropped therefore.
    pub dropped: Count,
    /// What no rule admitted, and what passed all the same, since the mode was `observe`.
    pub would_drop: Count,
}

impl PortRow {
    /// Whether the port saw nothing.
    pub fn is_idle(&self) -> bool {
        let passed = self.rules.iter().map(|rule| rule.passed);
        passed.chain([self.dropped, self.would_drop]).all(|count| count == Count::default())
    }
}

/// What one reason counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReasonRow {
    /// Whether it is of what comes in, or of what leaves.
    #[serde(default)]
    pub direction: Direction,
    /// Its name.
    pub reason: String,
    /// `pass` or `drop`.
    pub action: String,
    /// What it says.
    pub says: String,
    /// What it passed or dropped.
    pub counted: Count,
    /// What it would have dropped, had the mode not been `observe`.
    pub would_drop: Count,
}

impl ReasonRow {
    /// A row for each reason there is, and once more for what leaves, where `chart` has that judged or something of it was
    /// counted.
    pub fn all(totals: &Totals, chart: &Chart) -> Vec<Self> {
        let outbound = chart.judges_outbound() || !totals.side(Direction::Out).reasons.is_empty();
        let of = |direction| Reason::ALL.iter().map(move |&reason| Self::of(direction, reason, totals));
        let outbound = outbound.then(|| of(Direction::Out)).into_iter().flatten();
        of(Direction::In).chain(outbound).collect()
    }

    fn of(direction: Direction, reason: Reason, totals: &Totals) -> Self {
        let ReasonTotal { counted, would_drop } =
            totals.side(direction).reasons.get(reason.name()).copied().unwrap_or_default();
        Self {
            direction,
            reason: reason.name().to_owned(),
            action: match reason.action() {
                Action::Pass => "pass",
                Action::Drop => "drop",
            }
            .to_owned(),
            says: match direction {
                Direction::In => reason.says(),
                Direction::Out => reason.says_outbound(),
            }
            .to_owned(),
            counted,
            would_drop,
        }
    }
}

/// What one undocumented port saw, in all zones together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndocumentedRow {
    /// Whether it is the node's port, or one that the node reaches.
    #[serde(default)]
    pub direction: Direction,
    /// `8086/tcp`, `icmpv4/8`; `out 443/tcp`.
    pub port: String,
    /// What passed and what was dropped. Answers to the node's own connections are not among it where the posture is
    /// `drop`.
    #[serde(flatten)]
    pub counted: Counted,
}

/// All counters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CounterReport {
    /// By documented port. A packet that concerns one is counted here and, when it drops, by its reason too.
    pub ports: Vec<PortRow>,
    /// By undocumented port; only those that saw something. These packets are counted by their reason too.
    pub undocumented: Vec<UndocumentedRow>,
    /// By reason; every packet is counted by exactly one.
    pub reasons: Vec<ReasonRow>,
}

/// Whether ports and reasons that counted nothing are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Idle {
    /// Left out.
    Hide,
    /// Told; neighbouring ports in one row.
    Show,
}

impl CounterReport {
    /// The rows of `totals`: first those of the ports and rules that `chart` has in force, then what was counted under
    /// rules before.
    pub fn new(totals: &Totals, chart: &Chart, idle: Idle) -> Self {
        let mut ports: Vec<(PortRow, Option<Run>)> = Vec::new();
        let mut told: BTreeSet<(Direction, &str, Target)> = BTreeSet::new();
        let wanted = |run: &ChartRun<'_>| idle == Idle::Show || totals.ports_of(run).next().is_some();
        for port in chart.ports_where(wanted) {
            let total = totals.side(port.direction).ports.get(&(port.zone.to_owned(), port.target));
            if total.is_none() && idle == Idle::Hide {
                continue;
            }
            if total.is_some() {
                told.insert((port.direction, port.zone, port.target));
            }
            let row = port_row(&port, total, chart);
            if !row.is_idle() {
                ports.push((row, None));
            } else if let Some((last, Some(run))) = ports.last_mut()
                && run.grow(&port)
            {
                last.port = run.text();
            } else {
                ports.push((row, Some(Run::start(&port))));
            }
        }
        let before = [Direction::In, Direction::Out].into_iter().flat_map(|direction| {
            let ports = totals.side(direction).ports.iter();
            ports.map(move |((zone, target), total)| (direction, zone.as_str(), *target, total))
        });
        let before = before
            .filter(|&(direction, zone, target, _)| !told.contains(&(direction, zone, target)))
            .map(|(direction, zone, target, total)| former_row(direction, zone, target, total));
        let ports = ports.into_iter().map(|(row, _)| row).chain(before).collect();
        let told = |row: &ReasonRow| {
            idle == Idle::Show || [row.counted, row.would_drop].iter().any(|count| *count != Count::default())
        };
        let undocumented = totals.undocumented.iter().filter_map(|(&place, &counted)| {
            let (direction, port) = Target::of_undocumented(place)?;
            Some(UndocumentedRow { direction, port: port_text(direction, port), counted })
        });
        let undocumented = undocumented.collect();
        let reasons = ReasonRow::all(totals, chart).into_iter().filter(told).collect();
        Self { ports, undocumented, reasons }
    }

    /// What they come to.
    pub fn totals(&self) -> Counted {
        let sum = |of: fn(&ReasonRow) -> Count, action: &str| {
            let rows = self.reasons.iter().filter(|row| row.action == action);
            rows.map(of).fold(Count::default(), Count::plus)
        };
        let would_drop = sum(|row| row.would_drop, "drop");
        Counted {
            passed: sum(|row| row.counted, "pass").plus(would_drop),
            dropped: sum(|row| row.counted, "drop"),
            would_drop,
        }
    }
}

/// Idle ports in a row that the same rules name.
struct Run {
    direction: Direction,
    zone: String,
    list: u32,
    first: Target,
    length: u32,
}

impl Run {
    fn start(port: &ChartPort<'_>) -> Self {
        let zone = port.zone.to_owned();
        Self { direction: port.direction, zone, list: port.list, first: port.target, length: 1 }
    }

    /// Takes `port` in if it is the next one.
    fn grow(&mut self, port: &ChartPort<'_>) -> bool {
        let next = self.first.after(self.length) == Some(port.target)
            && (self.direction, self.list, self.zone.as_str()) == (port.direction, port.list, port.zone);
        self.length += u32::from(next);
        next
    }

    fn text(&self) -> String {
        port_text(self.direction, range_text(self.first, self.length))
    }
}

fn port_row(port: &ChartPort<'_>, total: Option<&PortTotal>, chart: &Chart) -> PortRow {
    let none = PortTotal::default();
    let total = total.unwrap_or(&none);
    let counted = |rule: &str| total.rules.get(rule).copied().unwrap_or_default();
    let mut rules: Vec<RuleRow> = chart
        .rules_of(port.list)
        .map(|rule| RuleRow { rule: rule.to_owned(), in_force: true, passed: counted(rule) })
        .collect();
    rules.extend(former_rules(total).filter(|row| !chart.rules_of(port.list).any(|rule| rule == row.rule)));
    PortRow {
        direction: port.direction,
        zone: port.zone.to_owned(),
        port: port_text(port.direction, port.target),
        rules,
        dropped: total.dropped,
        would_drop: total.would_drop,
    }
}

/// A port that no rule names any more.
fn former_row(direction: Direction, zone: &str, target: Target, total: &PortTotal) -> PortRow {
    PortRow {
        direction,
        zone: zone.to_owned(),
        port: port_text(direction, target),
        rules: former_rules(total).collect(),
        dropped: total.dropped,
        would_drop: total.would_drop,
    }
}

fn former_rules(total: &PortTotal) -> impl Iterator<Item = RuleRow> {
    total.rules.iter().map(|(rule, &passed)| RuleRow { rule: rule.clone(), in_force: false, passed })
}
