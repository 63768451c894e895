//! The audit store with ten million rows of drops: what recording costs, and what questions do.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr},
    path::Path,
    time::Instant,
};

use portguard::{
    audit::{AuditError, Detail, DropFilter, FILE, Harvest, Limits, Order, Reader, SourceDrops, Span, Store},
    matrix::Direction,
    observe::{Count, CounterReport, PortRow, ReasonRow, RuleRow},
};
use tempfile::TempDir;

use super::{Cell, Section, load::milliseconds, median};

/// As many as an hour has places for.
const SOURCES: u32 = 4096;
const DAYS: u64 = 102;
const PORTS: u32 = 64;
/// 2026-08-01, 00:00 UTC.
const BEGIN: u64 = 1_785_542_400;
const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;
const RULE: &str = "redis-enterprise/shards (redis-enterprise.md:46)";
/// No row is taken for its age or for the size.
const LIMITS: Limits = Limits { hourly_days: 1000, source_days: 1000, days: 1000, bytes: 1 << 40 };

/// Fills a store as the daemon does, hour by hour, and asks it.
pub(super) fn measure() -> anyhow::Result<Vec<Section>> {
    let directory = TempDir::new()?;
    let path = directory.path().join(FILE);
    let recorded = fill(&path)?;
    Ok(vec![recorded, ask(&path)?])
}

fn fill(path: &Path) -> anyhow::Result<Section> {
    let mut store = Store::open(path, LIMITS)?;
    let (mut full, mut idle, mut seals) = (Vec::new(), Vec::new(), Vec::new());
    for hour in 0..DAYS * 24 {
        let mut harvest = harvest(hour);
        full.push(timed(|| store.record(&harvest))?);
        harvest.at += 10;
        idle.push(timed(|| store.record(&harvest))?);
        if hour % 24 == 23 {
            let over = BEGIN + (hour / 24 + 1) * DAY + 600;
            seals.push(timed(|| store.keep(over))?);
        }
    }
    let nothing = timed(|| store.keep(BEGIN + DAYS * DAY + 601))?;
    let verify = timed(|| store.verify(BEGIN + DAYS * DAY + 602))?;
    drop(store);
    let mut section = Section::new("Recording", &["what", "ms"]);
    let mut add = |what: String, ms: f64| section.add(vec![Cell::Text(what), Cell::Tenths(ms)]);
    add(format!("a harvest with {SOURCES} new sources"), median(full));
    add("a harvest with nothing new".to_owned(), median(idle));
    add(format!("sealing a day with {} rows of drops", u64::from(SOURCES) * 24), median(seals));
    add("looking whether there is anything to seal or to take".to_owned(), nothing);
    add("verifying all days".to_owned(), verify);
    section.note(format!(
        "{} rows of drops by source and hour, {DAYS} days; the file has {} MiB. Each harvest is one transaction, on the disk when \
         it is told.",
        super::report::thousands(u64::from(SOURCES) * 24 * DAYS),
        fs::metadata(path)?.len() >> 20
    ));
    Ok(section)
}

fn ask(path: &Path) -> anyhow::Result<Section> {
    let until = BEGIN + DAYS * DAY;
    let since = |seconds: u64| Span { since: until - seconds, until };
    // As it is asked at noon: half a day at either end is told by its hours.
    let month = Span { since: until - 30 * DAY - DAY / 2, until: until - DAY / 2 };
    let mut section = Section::new("Asking", &["question", "rows", "ms"]);
    let mut add =
        |what: &str, question: &dyn Fn(&Reader) -> Result<usize, AuditError>| -> anyhow::Result<f64> {
            let mut rows = 0;
            let mut times = Vec::new();
            for _ in 0..5 {
                times.push(timed(|| {
                    rows = question(&Reader::open(path)?)?;
                    Ok(())
                })?);
            }
            let ms = median(times);
            section.add(vec![Cell::Text(what.to_owned()), Cell::Count(rows as u64), Cell::Tenths(ms)]);
            Ok(ms)
        };
    add("drops, last hour", &|reader| Ok(reader.drops(&filter(since(HOUR)))?.rows.len()))?;
    add("drops, last day", &|reader| Ok(reader.drops(&filter(since(DAY)))?.rows.len()))?;
    let one = DropFilter { source: Some(address(7).into()), ..filter(since(DAYS * DAY)) };
    add("drops of one source, all days", &|reader| Ok(reader.drops(&one)?.rows.len()))?;
    let report = [
        add("totals by port and rule, 30 days", &|reader| Ok(reader.totals(month)?.len()))?,
        add("by reason, 30 days", &|reader| Ok(reader.by_reason(month)?.len()))?,
        add("packets hour by hour, 30 days", &|reader| Ok(reader.series(month, HOUR)?.points.len()))?,
        add("top 100 sources, 30 days", &|reader| Ok(reader.top_sources(month, 100)?.rows.len()))?,
        add("drops, 30 days, the first 100", &|reader| {
            Ok(reader.drops(&DropFilter { limit: 100, ..filter(month) })?.rows.len())
        })?,
        add("lost detail, 30 days", &|reader| Ok(reader.lost(month)?.ports.len()))?,
        add("changes, 30 days", &|reader| Ok(reader.changes(month)?.len()))?,
        add("seals, and the last verification", &|reader| {
            reader.last_verification()?;
            Ok(reader.seals()?.len())
        })?,
    ];
    section.note(format!(
        "The median of five, each with a connection of its own. What a report of 30 days asks is all from the totals on: {:.0} ms.",
        report.iter().sum::<f64>()
    ));
    Ok(section)
}

fn timed<T>(work: impl FnOnce() -> Result<T, AuditError>) -> Result<f64, AuditError> {
    let start = Instant::now();
    work()?;
    Ok(milliseconds(start.elapsed()))
}

fn filter(span: Span) -> DropFilter {
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

/// An eighth of an hour's sources are always the same, the others come once.
fn address(source: u32) -> IpAddr {
    Ipv4Addr::from(source.wrapping_mul(2_654_435_761)).into()
}

fn harvest(hour: u64) -> Harvest {
    let at = BEGIN + hour * HOUR + 1800;
    let drops = (0..SOURCES).map(|place| {
        let number = u32::try_from(hour).unwrap_or(0);
        let source = if place < SOURCES / 8 { place } else { place + number.wrapping_mul(SOURCES) };
        let packets = 1 + u64::from(source % 50);
        SourceDrops {
            source: Some(address(source)),
            zone: "default".to_owned(),
            port: format!("{}/tcp", 8000 + place % PORTS),
            reason: "source_not_admitted".to_owned(),
            rules: vec![RULE.to_owned()],
            process: None,
            would: false,
            packets,
            bytes: packets * 60,
            first: at * 1000,
            last: at * 1000 + 500,
        }
    });
    let detail = Detail { generation: 1, epoch: hour, drops: drops.collect(), lost: Count::default() };
    Harvest { at, instance: "boot".to_owned(), totals: totals(hour + 1), details: vec![detail] }
}

/// Counters that have grown for so many hours.
fn totals(hours: u64) -> CounterReport {
    let count = |packets: u64| Count { packets: packets * hours, bytes: packets * hours * 60 };
    let port = |port: u32| PortRow {
        direction: Direction::In,
        zone: "default".to_owned(),
        port: format!("{}/tcp", 8000 + port),
        rules: vec![RuleRow { rule: RULE.to_owned(), in_force: true, passed: count(100_000) }],
        dropped: count(u64::from(SOURCES / PORTS) * 26),
        would_drop: Count::default(),
    };
    let reason = |reason: &str, action: &str, packets| ReasonRow {
        direction: Direction::In,
        reason: reason.to_owned(),
        action: action.to_owned(),
        says: String::new(),
        counted: count(packets),
        would_drop: Count::default(),
    };
    CounterReport {
        undocumented: Vec::new(),
        ports: (0..PORTS).map(port).collect(),
        reasons: vec![
            reason("admitted", "pass", u64::from(PORTS) * 100_000),
            reason("source_not_admitted", "drop", u64::from(SOURCES) * 26),
        ],
    }
}
