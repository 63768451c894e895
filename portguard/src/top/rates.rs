//! What has come to counters between two samples, by the second.

use std::{cmp::Reverse, collections::BTreeMap, net::IpAddr, time::Duration};

use super::Sample;
use crate::{
    audit::DropRow,
    observe::{Count, CounterReport, PortRow},
    site::DEFAULT_ZONE,
};

/// Packets in a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub(super) struct Rate(pub(super) f64);

/// What is counted at one port, or by one rule of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PortRate {
    /// `8086/tcp`, `8086/tcp in back`.
    pub(super) port: String,
    /// Those that admitted anything, the busiest first, each with what it admits.
    pub(super) rules: Vec<(String, Rate)>,
    pub(super) dropped: Rate,
    pub(super) would_drop: Rate,
    /// All packets that it has seen.
    pub(super) packets: u64,
    /// What passed though no rule admits it.
    pub(super) passed: Rate,
    pub(super) documented: bool,
}

/// What is dropped of one source.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SourceRate {
    pub(super) source: Option<IpAddr>,
    pub(super) dropped: Rate,
    pub(super) would_drop: Rate,
    /// All packets of the hours that were asked for.
    pub(super) packets: u64,
    /// The port that most of them went to, and the reason.
    pub(super) port: String,
    pub(super) reason: String,
    /// How many more ports it tried.
    pub(super) more: usize,
}

/// The busiest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Rates {
    pub(super) ports: Vec<PortRate>,
    pub(super) sources: Vec<SourceRate>,
    pub(super) passed: Rate,
    refused: Rate,
}

impl Rates {
    /// What has come to `after` since the sample before, if there was one.
    pub(super) fn between(before: Option<(Duration, &Sample)>, after: &Sample) -> Self {
        let since = Since { elapsed: before.map(|(elapsed, _)| elapsed) };
        let known = before.and_then(|(_, sample)| sample.counters.as_ref());
        let totals = |report: Option<&CounterReport>| report.map(CounterReport::totals).unwrap_or_default();
        let (then, now) = (totals(known), totals(after.counters.as_ref()));
        let drops =
            |sample: &'_ Sample| sample.drops.as_ref().map(|drops| drops.rows.clone()).unwrap_or_default();
        Self {
            ports: ports(known, after.counters.as_ref(), since),
            sources: sources(
                &before.map(|(_, sample)| drops(sample)).unwrap_or_default(),
                &drops(after),
                since,
            ),
            passed: since.rate(then.passed.packets, now.passed.packets),
            refused: since.rate(then.refused().packets, now.refused().packets),
        }
    }

    /// Packets a second that were dropped, or would have been.
    pub(super) fn refused(&self) -> u64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate is not negative")]
        let whole = self.refused.0.round() as u64;
        whole
    }
}

/// How long ago the sample before was; nothing where there was none.
#[derive(Clone, Copy)]
struct Since {
    elapsed: Option<Duration>,
}

impl Since {
    /// A counter that went back has begun anew: what it says now has come since.
    fn rate(self, before: u64, after: u64) -> Rate {
        let grown = after.checked_sub(before).unwrap_or(after);
        match self.elapsed {
            Some(elapsed) if !elapsed.is_zero() => {
                #[expect(clippy::cast_precision_loss, reason = "nobody reads so many digits of a rate")]
                let grown = grown as f64;
                Rate(grown / elapsed.as_secs_f64())
            }
            _ => Rate::default(),
        }
    }
}

fn ports(before: Option<&CounterReport>, after: Option<&CounterReport>, since: Since) -> Vec<PortRate> {
    let Some(after) = after else { return Vec::new() };
    let known: BTreeMap<(&str, &str), &PortRow> = before
        .map(|report| report.ports.iter().map(|row| ((row.zone.as_str(), row.port.as_str()), row)).collect())
        .unwrap_or_default();
    let documented = after.ports.iter().filter(|row| !row.is_idle()).map(|row| {
        let then = known.get(&(row.zone.as_str(), row.port.as_str()));
        port_rate(then.copied(), row, since)
    });
    let known: BTreeMap<&str, _> = before
        .map(|report| report.undocumented.iter().map(|row| (row.port.as_str(), row.counted)).collect())
        .unwrap_or_default();
    let undocumented = after.undocumented.iter().map(|row| {
        let (then, now) = (known.get(row.port.as_str()).copied().unwrap_or_default(), row.counted);
        let all = [now.passed, now.dropped, now.would_drop];
        PortRate {
            port: row.port.clone(),
            rules: Vec::new(),
            dropped: since.rate(then.dropped.packets, now.dropped.packets),
            would_drop: since.rate(then.would_drop.packets, now.would_drop.packets),
            packets: all.iter().map(|count| count.packets).sum(),
            passed: since.rate(then.passed.packets, now.passed.packets),
            documented: false,
        }
    });
    let mut ports: Vec<PortRate> = documented.chain(undocumented).collect();
    ports.sort_by(|left, right| right.busy().total_cmp(&left.busy()).then(right.packets.cmp(&left.packets)));
    ports
}

impl PortRate {
    /// All that it sees.
    fn busy(&self) -> f64 {
        let passed: f64 = self.rules.iter().map(|(_, rate)| rate.0).sum();
        passed + self.passed.0 + self.dropped.0 + self.would_drop.0
    }
}

fn port_rate(before: Option<&PortRow>, row: &PortRow, since: Since) -> PortRate {
    let then = |of: &dyn Fn(&PortRow) -> Count| before.map(of).unwrap_or_default().packets;
    let admitted = |row: &PortRow, name: &str| {
        row.rules.iter().find(|rule| rule.rule == name).map(|rule| rule.passed).unwrap_or_default()
    };
    let admitting = row.rules.iter().filter(|rule| rule.passed != Count::default());
    let mut rules: Vec<(String, Rate)> = admitting
        .map(|rule| {
            let before = then(&|row| admitted(row, &rule.rule));
            (rule.rule.clone(), since.rate(before, rule.passed.packets))
        })
        .collect();
    rules.sort_by(|(_, left), (_, right)| right.0.total_cmp(&left.0));
    if rules.is_empty() {
        rules.extend(row.rules.first().map(|rule| (rule.rule.clone(), Rate::default())));
    }
    let passed: u64 = row.rules.iter().map(|rule| rule.passed.packets).sum();
    PortRate {
        port: if row.zone == DEFAULT_ZONE {
            row.port.clone()
        } else {
            format!("{} in {}", row.port, row.zone)
        },
        rules,
        dropped: since.rate(then(&|row| row.dropped), row.dropped.packets),
        would_drop: since.rate(then(&|row| row.would_drop), row.would_drop.packets),
        packets: passed + row.dropped.packets + row.would_drop.packets,
        passed: Rate::default(),
        documented: true,
    }
}

/// By source: those of which most is dropped now, then those of which most was.
fn sources(before: &[DropRow], after: &[DropRow], since: Since) -> Vec<SourceRate> {
    let key = |row: &DropRow| (row.source, row.zone.clone(), row.port.clone(), row.reason.clone(), row.would);
    let known: BTreeMap<_, u64> = before.iter().map(|row| (key(row), row.counted.packets)).collect();
    let earliest = before.iter().map(|row| row.last).max().unwrap_or_default();
    let mut sources: BTreeMap<Option<IpAddr>, Vec<(&DropRow, Rate)>> = BTreeMap::new();
    for row in after {
        // A row that is there for the first time may be old, and have been beyond the limit of the answer before.
        let new = if row.first >= earliest { 0 } else { row.counted.packets };
        let rate = since.rate(known.get(&key(row)).copied().unwrap_or(new), row.counted.packets);
        sources.entry(row.source).or_default().push((row, rate));
    }
    let mut sources: Vec<SourceRate> = sources.into_values().filter_map(|rows| source_rate(&rows)).collect();
    sources.sort_by(|left, right| {
        let busy = |rate: &SourceRate| rate.dropped.0 + rate.would_drop.0;
        busy(right).total_cmp(&busy(left)).then(right.packets.cmp(&left.packets))
    });
    sources
}

fn source_rate(rows: &[(&DropRow, Rate)]) -> Option<SourceRate> {
    let (loudest, _) = rows.iter().min_by_key(|(row, _)| (Reverse(row.counted.packets), &row.port))?;
    let sum =
        |would: bool| Rate(rows.iter().filter(|(row, _)| row.would == would).map(|(_, rate)| rate.0).sum());
    let mut ports: Vec<(&str, &str)> =
        rows.iter().map(|(row, _)| (row.zone.as_str(), row.port.as_str())).collect();
    ports.sort_unstable();
    ports.dedup();
    Some(SourceRate {
        source: loudest.source,
        dropped: sum(false),
        would_drop: sum(true),
        packets: rows.iter().map(|(row, _)| row.counted.packets).sum(),
        port: loudest.port.clone(),
        reason: loudest.reason.clone(),
        more: ports.len().saturating_sub(1),
    })
}
