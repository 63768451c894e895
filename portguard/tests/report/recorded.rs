//! A store with a story in it, at fixed times.

use std::{collections::BTreeMap, net::IpAddr, path::Path};

use portguard::{
    audit::{Change, ChangeKind, Detail, FILE, Harvest, Limits, SourceDrops, Store},
    matrix::Direction,
    observe::{Count, CounterReport, PortRow, ReasonRow, RuleRow, direction_of},
};
use portguard_common::{Action, Reason};

/// 2026-11-18, 00:00 UTC.
pub(crate) const BEGIN: u64 = 1_794_960_000;
pub(crate) const HOUR: u64 = 3600;
pub(crate) const DAY: u64 = 24 * HOUR;

/// A rule of the site `both.toml`, as counters name it.
pub(crate) const WRITE: &str = "influxdb-enterprise/http (influxdb-enterprise.md:15)";
pub(crate) const RPC: &str = "influxdb-enterprise/rpc (influxdb-enterprise.md:25)";

/// Whether what is not let in is dropped.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Dropped,
    WouldDrop,
}

/// What is dropped of one source at one port.
pub(crate) struct Drop<'a> {
    pub(crate) source: &'a str,
    pub(crate) port: &'a str,
    pub(crate) reason: Reason,
    pub(crate) rules: &'a [&'a str],
    pub(crate) packets: u64,
}

/// A kernel that counts and drops, and the store that it is harvested into.
pub(crate) struct Recorder {
    store: Store,
    passed: BTreeMap<(String, String), u64>,
    refused: BTreeMap<String, [u64; 2]>,
    reasons: BTreeMap<(Direction, Reason), [u64; 2]>,
    drops: Vec<SourceDrops>,
    lost: u64,
    epoch: u64,
    fate: Fate,
}

fn count(packets: u64) -> Count {
    Count { packets, bytes: packets * 60 }
}

fn row(port: &str) -> PortRow {
    PortRow {
        direction: direction_of(port),
        zone: "default".to_owned(),
        port: port.to_owned(),
        rules: Vec::new(),
        dropped: Count::default(),
        would_drop: Count::default(),
    }
}

impl Recorder {
    pub(crate) fn new(directory: &Path, fate: Fate) -> Self {
        Self {
            store: Store::open(&directory.join(FILE), Limits::default()).expect("nobody else writes"),
            passed: BTreeMap::new(),
            refused: BTreeMap::new(),
            reasons: BTreeMap::new(),
            drops: Vec::new(),
            lost: 0,
            epoch: 0,
            fate,
        }
    }

    pub(crate) fn pass(&mut self, port: &str, rule: &str, packets: u64) {
        *self.passed.entry((port.to_owned(), rule.to_owned())).or_default() += packets;
        self.reasons.entry((direction_of(port), Reason::Admitted)).or_default()[0] += packets;
    }

    pub(crate) fn drop(&mut self, at: u64, drop: &Drop<'_>) {
        let Drop { source, port, reason, rules, packets } = *drop;
        let source: Option<IpAddr> = (!source.is_empty()).then(|| source.parse().expect("an address"));
        self.count(port, reason, packets);
        self.drops.push(SourceDrops {
            source,
            zone: "default".to_owned(),
            port: port.to_owned(),
            reason: reason.name().to_owned(),
            rules: rules.iter().map(|&rule| rule.to_owned()).collect(),
            process: None,
            would: self.fate == Fate::WouldDrop,
            packets,
            bytes: packets * 60,
            first: at * 1000,
            last: at * 1000 + 59_000,
        });
    }

    /// Drops at a documented port whose sources find no place in the kernel's table.
    pub(crate) fn drop_unseen(&mut self, port: &str, packets: u64) {
        let reason = match direction_of(port) {
            Direction::In => Reason::SourceNotAdmitted,
            Direction::Out => Reason::DestinationNotAdmitted,
        };
        self.count(port, reason, packets);
        self.lost += packets;
    }

    fn count(&mut self, port: &str, reason: Reason, packets: u64) {
        let place = usize::from(self.fate == Fate::WouldDrop);
        self.reasons.entry((direction_of(port), reason)).or_default()[place] += packets;
        if matches!(reason, Reason::SourceNotAdmitted | Reason::DestinationNotAdmitted) {
            self.refused.entry(port.to_owned()).or_default()[place] += packets;
        }
    }

    /// Hands over what has come, and seals the days that are over.
    pub(crate) fn settle(&mut self, at: u64) {
        let detail = Detail {
            generation: 7,
            epoch: self.epoch,
            drops: std::mem::take(&mut self.drops),
            lost: count(std::mem::take(&mut self.lost)),
        };
        self.epoch += 1;
        let totals = self.totals();
        let harvest = Harvest { at, instance: "boot-1".to_owned(), totals, details: vec![detail] };
        self.store.record(&harvest).expect("it is recorded");
        self.store.keep(at).expect("it is kept");
    }

    pub(crate) fn change(&mut self, at: u64, kind: ChangeKind, says: &str, diff: Option<&str>) {
        let change = Change {
            at,
            kind,
            generation: Some(7),
            digest: Some("c0ffee00c0ffee00".to_owned()),
            by: "portguard reload, root".to_owned(),
            says: says.to_owned(),
            diff: diff.map(str::to_owned),
        };
        self.store.change(&change).expect("it is recorded");
    }

    pub(crate) fn verify(&mut self, at: u64) {
        assert!(self.store.verify(at).expect("it can be read").is_whole());
    }

    fn totals(&self) -> CounterReport {
        let mut ports: BTreeMap<&str, PortRow> = BTreeMap::new();
        for ((port, rule), &packets) in &self.passed {
            let rule = RuleRow { rule: rule.clone(), in_force: true, passed: count(packets) };
            ports.entry(port).or_insert_with(|| row(port)).rules.push(rule);
        }
        for (port, &[dropped, would_drop]) in &self.refused {
            let row = ports.entry(port).or_insert_with(|| row(port));
            (row.dropped, row.would_drop) = (count(dropped), count(would_drop));
        }
        let reasons = self.reasons.iter().map(|(&(direction, reason), &[counted, would_drop])| ReasonRow {
            direction,
            reason: reason.name().to_owned(),
            action: if reason.action() == Action::Pass { "pass" } else { "drop" }.to_owned(),
            says: reason.says().to_owned(),
            counted: count(counted),
            would_drop: count(would_drop),
        });
        CounterReport {
            ports: ports.into_values().collect(),
            undocumented: Vec::new(),
            reasons: reasons.collect(),
        }
    }
}
