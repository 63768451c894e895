//! One event.

use std::{fmt, iter, net::IpAddr};

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::{
    audit::{Detail, Process, SourceDrops},
    observe::{Count, Direction, direction_of},
    site::DEFAULT_ZONE,
};

/// How many sums are told of one reading of the kernel's table, the loudest first: a flood is not to flood the collector.
pub const MOST_SUMS: usize = 256;

/// What an event tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The first packet of its kind, a moment ago.
    First,
    /// All packets of a kind since the last time, the first among them.
    Sum,
    /// Packets of many kinds, of which nobody knows the sources or that are not told one by one.
    Rest,
}

/// What became of the packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// They were dropped.
    Drop,
    /// They passed, since the mode is `observe`.
    WouldDrop,
}

/// Packets that were dropped, or would have been.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// What it tells.
    pub event: EventKind,
    /// When the last of the packets came; of [`EventKind::Rest`] when that was found out.
    pub time: Timestamp,
    /// When the first of them came.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub since: Option<Timestamp>,
    /// What became of them; `None` where that is not the same for all.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub verdict: Option<Verdict>,
    /// Whether they came in, or were about to leave.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub direction: Option<Direction>,
    /// Their source, if they have one that can be read; of what was about to leave the destination.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source: Option<IpAddr>,
    /// The zone of the interface that they came in by, or were to leave by.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub zone: Option<String>,
    /// What they were sent to: `8086/tcp`, `icmpv4/8`, `ip/47`, `out 443/tcp`; `-` where that cannot be read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub port: Option<String>,
    /// The reason's name.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// The rules that name the port, each with its place in its document.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub rules: Vec<String>,
    /// Who sent them, if they were about to leave and the kernel tells.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub process: Option<Process>,
    /// How many there were.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Event {
    /// The first packet of a kind.
    pub fn first(drops: SourceDrops) -> Self {
        Self::of(EventKind::First, drops)
    }

    /// What one reading of the table says, at `now` in milliseconds since 1970.
    pub fn sums(detail: &Detail, now: u64) -> Vec<Self> {
        let mut drops: Vec<&SourceDrops> = detail.drops.iter().collect();
        drops.sort_by_key(|drops| (std::cmp::Reverse(drops.packets), drops.source));
        let told = drops.len().min(MOST_SUMS);
        let rest = drops.split_off(told).into_iter().fold(detail.lost, |sum, drops| Count {
            packets: sum.packets + drops.packets,
            bytes: sum.bytes + drops.bytes,
        });
        let sums = drops.into_iter().map(|drops| Self::of(EventKind::Sum, drops.clone()));
        sums.chain((rest.packets > 0).then(|| Self::rest(rest, now))).collect()
    }

    /// What happened, and not when.
    pub(super) fn says(&self) -> String {
        let Self { verdict, direction, source, zone, port, reason, rules, process, packets, .. } = self;
        let noun = if *packets == 1 { "packet" } else { "packets" };
        let (Some(port), Some(zone), Some(reason)) = (port, zone, reason) else {
            return format!("{packets} {noun} more, of sources or ports that are not told one by one");
        };
        let source = source.map_or_else(|| "an unknown address".to_owned(), |source| source.to_string());
        let would = if *verdict == Some(Verdict::WouldDrop) { " would drop" } else { "" };
        let zone = if zone == DEFAULT_ZONE { String::new() } else { format!(" in {zone}") };
        let way = match direction {
            Some(Direction::Out) => format!("this node -> {source} {port}"),
            Some(Direction::In) | None => format!("{source} -> {port}"),
        };
        let by = process.as_ref().map(|process| format!("  by {process}")).unwrap_or_default();
        let what = format!("{way}{zone}  {reason}{would}  {packets} {noun}{by}");
        iter::once(what.as_str()).chain(rules.iter().map(String::as_str)).collect::<Vec<_>>().join("  ")
    }

    fn of(event: EventKind, drops: SourceDrops) -> Self {
        let SourceDrops { source, zone, port, reason, rules, process, would, packets, bytes, first, last } =
            drops;
        Self {
            event,
            time: timestamp(last),
            since: (event == EventKind::Sum).then(|| timestamp(first)),
            verdict: Some(if would { Verdict::WouldDrop } else { Verdict::Drop }),
            direction: Some(direction_of(&port)),
            source,
            zone: Some(zone),
            port: Some(port),
            reason: Some(reason),
            rules,
            process,
            packets,
            bytes,
        }
    }

    fn rest(Count { packets, bytes }: Count, now: u64) -> Self {
        Self {
            event: EventKind::Rest,
            time: timestamp(now),
            since: None,
            verdict: None,
            direction: None,
            source: None,
            zone: None,
            port: None,
            reason: None,
            rules: Vec::new(),
            process: None,
            packets,
            bytes,
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.time.to_zoned(TimeZone::UTC).strftime("%H:%M:%S%.3f");
        write!(f, "{time}  {}", self.says())
    }
}

fn timestamp(milliseconds: u64) -> Timestamp {
    i64::try_from(milliseconds)
        .ok()
        .and_then(|at| Timestamp::from_millisecond(at).ok())
        .unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drops(source: &str, packets: u64) -> SourceDrops {
        SourceDrops {
            source: source.parse().ok(),
            zone: "default".to_owned(),
            port: "8086/tcp".to_owned(),
            reason: "source_not_admitted".to_owned(),
            rules: vec!["influxdb-enterprise/http (influxdb-enterprise.md:12)".to_owned()],
            process: None,
            would: false,
            packets,
            bytes: packets * 60,
            first: 1_700_000_000_000,
            last: 1_700_000_004_500,
        }
    }

    fn sent(to: &str, packets: u64) -> SourceDrops {
        let cgroup = Some("/system.slice/cron.service".to_owned());
        SourceDrops {
            port: "out 443/tcp".to_owned(),
            process: Some(Process { uid: 33, cgroup }),
            ..drops(to, packets)
        }
    }

    #[test]
    fn a_line_is_what_the_manual_promises() {
        let detail = Detail {
            generation: 1,
            epoch: 3,
            drops: vec![drops("198.51.100.7", 40), drops("2001:db8::7", 2), sent("198.51.100.9", 1)],
            lost: Count { packets: 5, bytes: 300 },
        };
        let lines: Vec<String> = Event::sums(&detail, 1_700_000_010_000)
            .iter()
            .map(|event| serde_json::to_string(event).expect("an event is JSON"))
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn a_reading_of_many_sources_is_told_in_few_events_to_the_packet() {
        let many = (0..1000).map(|n| drops(&format!("10.0.{}.{}", n / 256, n % 256), 1 + n)).collect();
        let detail = Detail { generation: 1, epoch: 0, drops: many, lost: Count { packets: 7, bytes: 420 } };
        let events = Event::sums(&detail, 0);
        assert_eq!(events.len(), MOST_SUMS + 1);
        let packets: u64 = events.iter().map(|event| event.packets).sum();
        assert_eq!(packets, (1..=1000).sum::<u64>() + 7);
        assert_eq!(events[0].packets, 1000, "the loudest comes first");
        assert_eq!(events[MOST_SUMS].event, EventKind::Rest);
    }
}
