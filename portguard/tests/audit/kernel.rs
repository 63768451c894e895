//! A kernel that counts and drops, without one: what it holds, and what a harvest of it is.

use std::{collections::BTreeMap, net::IpAddr, path::Path};

use portguard::{
    audit::{Change, ChangeKind, Detail, DropFilter, Harvest, Order, Process, Reader, SourceDrops, Span},
    matrix::Direction,
    observe::{Count, CounterReport, PortRow, ReasonRow, RuleRow},
};

/// 2026-11-21, 00:00 UTC.
pub(crate) const DAY: u64 = 1_795_219_200;
pub(crate) const HOUR: u64 = 3600;

pub(crate) const RULE: &str = "redis-enterprise/shards (redis-enterprise.md:46)";

pub(crate) fn count(packets: u64) -> Count {
    Count { packets, bytes: packets * 60 }
}

/// Counters that only grow, and a table of drops that is drained.
#[derive(Default)]
pub(crate) struct Kernel {
    pub(crate) instance: String,
    /// By port: passed by the rule, dropped, would have been.
    ports: BTreeMap<String, [u64; 3]>,
    undocumented: u64,
    drops: Vec<SourceDrops>,
    pub(crate) epoch: u64,
}

impl Kernel {
    pub(crate) fn new(instance: &str) -> Self {
        Self { instance: instance.to_owned(), ..Self::default() }
    }

    pub(crate) fn pass(&mut self, port: &str, packets: u64) {
        self.ports.entry(port.to_owned()).or_default()[0] += packets;
    }

    /// Drops at a documented port.
    pub(crate) fn drop(&mut self, at: u64, source: &str, port: &str, packets: u64) {
        self.ports.entry(port.to_owned()).or_default()[1] += packets;
        self.drops.push(drops(at, source, port, packets));
    }

    /// Drops what `process` sends to a documented port.
    pub(crate) fn refuse(&mut self, at: u64, to: &str, port: &str, packets: u64, process: &Process) {
        self.ports.entry(port.to_owned()).or_default()[1] += packets;
        self.drops.push(SourceDrops { process: Some(process.clone()), ..drops(at, to, port, packets) });
    }

    /// The same in mode `observe`.
    pub(crate) fn would_drop(&mut self, at: u64, source: &str, port: &str, packets: u64) {
        self.ports.entry(port.to_owned()).or_default()[2] += packets;
        self.drops.push(SourceDrops { would: true, ..drops(at, source, port, packets) });
    }

    /// Drops at a port that no document names.
    pub(crate) fn drop_undocumented(&mut self, at: u64, source: &str, port: &str, packets: u64) {
        self.undocumented += packets;
        self.drops.push(SourceDrops {
            reason: "undocumented".to_owned(),
            rules: Vec::new(),
            ..drops(at, source, port, packets)
        });
    }

    /// Counts drops whose sources find no place in the table.
    pub(crate) fn drop_unseen(&mut self, port: &str, packets: u64) {
        self.ports.entry(port.to_owned()).or_default()[1] += packets;
    }

    pub(crate) fn totals(&self) -> CounterReport {
        let none = Count::default();
        let port = |(port, &[passed, dropped, would_drop]): (&String, &[u64; 3])| PortRow {
            direction: Direction::In,
            zone: "default".to_owned(),
            port: port.clone(),
            rules: vec![RuleRow { rule: RULE.to_owned(), in_force: true, passed: count(passed) }],
            dropped: count(dropped),
            would_drop: count(would_drop),
        };
        let reason = |reason: &str, action: &str, counted: u64, would_drop: u64| ReasonRow {
            direction: Direction::In,
            reason: reason.to_owned(),
            action: action.to_owned(),
            says: String::new(),
            counted: count(counted),
            would_drop: count(would_drop),
        };
        let sum = |fate: usize| self.ports.values().map(|port| port[fate]).sum::<u64>();
        let reasons = [
            reason("admitted", "pass", sum(0), 0),
            reason("source_not_admitted", "drop", sum(1), sum(2)),
            reason("undocumented", "drop", self.undocumented, 0),
        ];
        CounterReport {
            ports: self.ports.iter().map(port).collect(),
            undocumented: Vec::new(),
            reasons: reasons
                .into_iter()
                .filter(|row| (row.counted, row.would_drop) != (none, none))
                .collect(),
        }
    }

    /// What there is to be recorded. The table is as it was until it is drained.
    pub(crate) fn harvest(&self, at: u64) -> Harvest {
        let detail =
            Detail { generation: 7, epoch: self.epoch, drops: self.drops.clone(), lost: Count::default() };
        Harvest { at, instance: self.instance.clone(), totals: self.totals(), details: vec![detail] }
    }

    /// Clears the half of the table that was harvested; the next has another number.
    pub(crate) fn drain(&mut self) {
        self.drops.clear();
        self.epoch += 1;
    }

    /// Harvests, hands over and drains.
    pub(crate) fn settle(&mut self, store: &mut portguard::audit::Store, at: u64) {
        store.record(&self.harvest(at)).expect("it is recorded");
        self.drain();
    }
}

pub(crate) fn drops(at: u64, source: &str, port: &str, packets: u64) -> SourceDrops {
    let source: Option<IpAddr> = (!source.is_empty()).then(|| source.parse().expect("an address"));
    let Count { packets, bytes } = count(packets);
    SourceDrops {
        source,
        zone: "default".to_owned(),
        port: port.to_owned(),
        reason: "source_not_admitted".to_owned(),
        rules: vec![RULE.to_owned()],
        process: None,
        would: false,
        packets,
        bytes,
        first: at * 1000,
        last: at * 1000 + 999,
    }
}

pub(crate) fn change(at: u64, kind: ChangeKind, says: &str) -> Change {
    Change {
        at,
        kind,
        generation: Some(7),
        digest: Some("c0ffee".to_owned()),
        by: "portguard reload, root".to_owned(),
        says: says.to_owned(),
        diff: None,
    }
}

/// The whole of those days.
pub(crate) fn days(first: u64, number: u64) -> Span {
    Span { since: first, until: first + number * 86_400 }
}

pub(crate) fn all(span: Span) -> DropFilter {
    DropFilter {
        span,
        source: None,
        port: None,
        rule: None,
        reason: None,
        order: Order::Loudest,
        limit: usize::MAX,
    }
}

pub(crate) fn reader(path: &Path) -> Reader {
    Reader::open(path).expect("it can be read")
}

/// Dropped packets by the counters of ports, and by source.
pub(crate) fn dropped(path: &Path, span: Span) -> (u64, u64) {
    let reader = reader(path);
    let ports = reader.totals(span).expect("it answers");
    let told = reader.drops(&all(span)).expect("it answers");
    (
        ports.iter().map(|port| port.dropped.packets).sum(),
        told.rows.iter().map(|row| row.counted.packets).sum(),
    )
}
