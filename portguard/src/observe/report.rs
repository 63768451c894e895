//! Counters as rows.

use std::iter;

use portguard_common::{
    Action, Reason,
    abi::{Counter, port_slots},
};
use serde::{Deserialize, Serialize};

use crate::{
    compile::{Legend, LegendPort, Target},
    datapath::CounterSnapshot,
    matrix::Matrix,
};

/// Packets and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Packets.
    pub packets: u64,
    /// Their bytes, Ethernet header included.
    pub bytes: u64,
}

impl From<Counter> for Count {
    fn from(Counter { packets, bytes }: Counter) -> Self {
        Self { packets, bytes }
    }
}

impl Count {
    fn plus(self, other: Self) -> Self {
        Self { packets: self.packets + other.packets, bytes: self.bytes + other.bytes }
    }
}

/// What one rule admitted to one port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleRow {
    /// The rule and its place: `redis-enterprise/shards (redis-enterprise.md:46)`.
    pub rule: String,
    /// What it admitted.
    pub passed: Count,
}

/// What one documented port saw; or several ports in a row that the same rules name and that saw nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortRow {
    /// The zone's name.
    pub zone: String,
    /// `8086/tcp`, `20000-29999/tcp`, `icmpv4/8`, `ip/47`.
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

/// All counters of a generation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CounterReport {
    /// By documented port. A packet that concerns one is counted here and, when it drops, by its reason too.
    pub ports: Vec<PortRow>,
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
    /// The rows of `snapshot`, whose slots `legend` explains and whose rules are those of `matrix`.
    pub fn new(snapshot: &CounterSnapshot, legend: &Legend, matrix: &Matrix, idle: Idle) -> Self {
        let mut ports: Vec<(PortRow, Option<Run>)> = Vec::new();
        for port in legend.ports() {
            let row = port_row(snapshot, &port, matrix);
            if !row.is_idle() {
                ports.push((row, None));
                continue;
            }
            if idle == Idle::Hide {
                continue;
            }
            if let Some((last, Some(run))) = ports.last_mut()
                && run.grow(&port)
            {
                last.port = run.text();
            } else {
                ports.push((row, Run::start(&port)));
            }
        }
        let ports = ports.into_iter().map(|(row, _)| row).collect();
        let rows = Reason::ALL.iter().map(|&reason| reason_row(snapshot, legend, reason));
        let told = |row: &ReasonRow| {
            idle == Idle::Show || [row.counted, row.would_drop].iter().any(|count| *count != Count::default())
        };
        Self { ports, reasons: rows.filter(told).collect() }
    }

    /// What passed, and what dropped.
    pub fn totals(&self) -> (Count, Count) {
        let sum = |action: &str| {
            self.reasons
                .iter()
                .filter(|row| row.action == action)
                .map(|row| row.counted)
                .fold(Count::default(), Count::plus)
        };
        let would = self.reasons.iter().map(|row| row.would_drop).fold(Count::default(), Count::plus);
        (sum("pass").plus(would), sum("drop"))
    }
}

/// Idle ports in a row that the same rules name.
struct Run {
    slots_per_port: u32,
    first: Target,
    last: Target,
    next_slot: u32,
    rules: Vec<crate::matrix::RuleId>,
    zone: crate::matrix::ZoneId,
}

impl Run {
    fn start(port: &LegendPort<'_>) -> Option<Self> {
        let slots_per_port = port_slots::ADMITTED + u32::try_from(port.rules.len()).ok()?;
        Some(Self {
            slots_per_port,
            first: port.target,
            last: port.target,
            next_slot: port.slot + slots_per_port,
            rules: port.rules.to_vec(),
            zone: port.zone,
        })
    }

    /// Takes `port` in if it is the next one.
    fn grow(&mut self, port: &LegendPort<'_>) -> bool {
        let next = follows(self.last, port.target)
            && port.slot == self.next_slot
            && port.rules == self.rules
            && port.zone == self.zone;
        if next {
            self.last = port.target;
            self.next_slot += self.slots_per_port;
        }
        next
    }

    fn text(&self) -> String {
        match (self.first, self.last) {
            (Target::Port { port: first, transport }, Target::Port { port: last, .. }) => {
                format!("{first}-{last}/{transport}")
            }
            (Target::Icmpv4(first), Target::Icmpv4(last)) => format!("icmpv4/{first}-{last}"),
            (Target::Icmpv6(first), Target::Icmpv6(last)) => format!("icmpv6/{first}-{last}"),
            (first, last) => format!("{first}-{last}"),
        }
    }
}

fn follows(last: Target, next: Target) -> bool {
    match (last, next) {
        (Target::Port { transport, port }, Target::Port { transport: other, port: next }) => {
            transport == other && port.checked_add(1) == Some(next)
        }
        (Target::Icmpv4(last), Target::Icmpv4(next)) | (Target::Icmpv6(last), Target::Icmpv6(next)) => {
            last.checked_add(1) == Some(next)
        }
        _ => false,
    }
}

fn port_row(snapshot: &CounterSnapshot, port: &LegendPort<'_>, matrix: &Matrix) -> PortRow {
    let count = |offset: u32| Count::from(snapshot.slot(port.slot + offset));
    let (enforced, observed) =
        by_mode(snapshot, count(port_slots::REFUSED).plus(count(port_slots::UNANSWERED)));
    PortRow {
        zone: matrix.zone(port.zone).name.clone(),
        port: port.target.to_string(),
        rules: iter::zip(port_slots::ADMITTED.., port.rules)
            .map(|(offset, &rule)| RuleRow {
                rule: matrix.cite(&matrix.rule(rule).origin),
                passed: count(offset),
            })
            .collect(),
        dropped: enforced,
        would_drop: observed,
    }
}

/// What was dropped, and what would have been, of `count` packets that were to be dropped.
fn by_mode(snapshot: &CounterSnapshot, count: Count) -> (Count, Count) {
    if snapshot.observe() { (Count::default(), count) } else { (count, Count::default()) }
}

fn reason_row(snapshot: &CounterSnapshot, legend: &Legend, reason: Reason) -> ReasonRow {
    let count = Count::from(snapshot.reason(reason, legend));
    let (action, (counted, would_drop)) = match reason.action() {
        Action::Pass => ("pass", (count, Count::default())),
        Action::Drop => ("drop", by_mode(snapshot, count)),
    };
    ReasonRow {
        reason: reason.name().to_owned(),
        action: action.to_owned(),
        says: reason.says().to_owned(),
        counted,
        would_drop,
    }
}
