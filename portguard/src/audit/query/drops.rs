//! Who was dropped where.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap, HashSet},
    net::IpAddr,
};

use ipnet::IpNet;
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use crate::{
    audit::{
        AuditError, Process, Reader, Span,
        amount::sum,
        booking::DAY,
        labels::{Texts, process, split},
        source::ends,
        span::{Grain, Plan},
        tally::{self, COLUMNS, Key, Sums},
    },
    observe::{Count, Direction, direction_of, port_text, split_direction},
};

/// What asks about more whole days than that is answered from what is kept of each day, unless it is about one source.
const HOURLY: u64 = 2 * DAY;
/// The ports that are named of one source.
const PORTS_NAMED: usize = 8;

/// Which drops are asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DropFilter {
    /// From when to when.
    pub span: Span,
    /// Of these sources only.
    pub source: Option<IpNet>,
    /// At this port only: `8086/tcp`, or `8086` for whatever transport; `out 443/tcp` for what was about to leave alone.
    pub port: Option<String>,
    /// At ports of which a rule's text has this within: a product, a rule, a place in a document.
    pub rule: Option<String>,
    /// For this reason only.
    pub reason: Option<String>,
    /// Which come first.
    pub order: Order,
    /// The most rows.
    pub limit: usize,
}

/// Which rows come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Those with the most packets.
    Loudest,
    /// Those whose last packet is the latest.
    Latest,
}

/// Drops by source and port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drops {
    /// What the answer is about: whole hours.
    pub span: Span,
    /// The days that are told by their loudest sources only.
    pub by_loudest: u64,
    /// The rows, in the order that was asked for.
    pub rows: Vec<DropRow>,
    /// How many more there are.
    pub more: usize,
}

/// What was dropped of one source at one port, for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DropRow {
    /// Whether they came in, or were about to leave.
    #[serde(default)]
    pub direction: Direction,
    /// The source, of what was about to leave the destination; `None` where it could not be read.
    pub source: Option<IpAddr>,
    /// The zone's name.
    pub zone: String,
    /// `8086/tcp`, `out 443/tcp`; `-` where none could be read.
    pub port: String,
    /// The reason's name.
    pub reason: String,
    /// The rules that name the port; none, if no document does.
    pub rules: Vec<String>,
    /// Who sent it, if it was to leave and the kernel told.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub process: Option<Process>,
    /// Whether it passed all the same, since the mode was `observe`.
    pub would: bool,
    /// Packets and bytes.
    #[serde(flatten)]
    pub counted: Count,
    /// When the first came, in milliseconds since 1970.
    pub first: u64,
    /// When the last came.
    pub last: u64,
}

/// Sources, the one of which most was dropped first; among them, where what leaves is judged, destinations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TopSources {
    /// What the answer is about: whole hours.
    pub span: Span,
    /// The days that are told by their loudest sources only.
    pub by_loudest: u64,
    /// The rows.
    pub rows: Vec<SourceRow>,
    /// How many more sources there are.
    pub more: usize,
}

/// What was dropped of one source, or on its way to one destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourceRow {
    /// Whether packets came in, or were about to leave.
    pub direction: Direction,
    /// The source, of what was about to leave the destination; `None` for all that could not be read.
    pub source: Option<IpAddr>,
    /// What was dropped.
    pub dropped: Count,
    /// What would have been dropped, had the mode not been `observe`.
    pub would_drop: Count,
    /// The ports, the loudest first, and no more than eight.
    pub ports: Vec<String>,
    /// How many more ports there are.
    pub more_ports: usize,
    /// When the first packet came, in milliseconds since 1970.
    pub first: u64,
    /// When the last came.
    pub last: u64,
}

impl Reader {
    /// Drops by source and port, hours added up.
    pub fn drops(&self, filter: &DropFilter) -> Result<Drops, AuditError> {
        self.ask(|connection| drops(connection, filter))
    }

    /// The `limit` sources of which most was dropped, or would have been; and as many destinations.
    pub fn top_sources(&self, span: Span, limit: usize) -> Result<TopSources, AuditError> {
        self.ask(|connection| top_sources(connection, span, limit))
    }
}

fn drops(connection: &Connection, filter: &DropFilter) -> rusqlite::Result<Drops> {
    let DropFilter { span, source, port, rule, reason, order, limit } = filter;
    let plan = plan(connection, *span, *source)?;
    let ports = port.as_ref().map(|port| numbers_of_port(connection, port)).transpose()?;
    let reasons = reason.as_ref().map(|reason| numbers_of_reason(connection, reason)).transpose()?;
    let mut texts = Texts::default();
    let mut named_by: HashMap<i64, bool> = HashMap::new();
    let mut is_wanted = |key: &Key| -> rusqlite::Result<bool> {
        let is_among =
            |known: &Option<HashSet<i64>>, number| known.as_ref().is_none_or(|known| known.contains(number));
        if !is_among(&ports, &key.port) || !is_among(&reasons, &key.reason) {
            return Ok(false);
        }
        let Some(wanted) = rule else { return Ok(true) };
        if let Some(&known) = named_by.get(&key.rules) {
            return Ok(known);
        }
        let is_named = texts.text(connection, key.rules)?.contains(wanted.as_str());
        named_by.insert(key.rules, is_named);
        Ok(is_named)
    };
    let mut found: HashMap<Key, Sums> = HashMap::new();
    for_each(connection, &plan, *source, |key, sums| {
        if is_wanted(&key)? {
            found.entry(key).and_modify(|known| known.add(sums)).or_insert(sums);
        }
        Ok(())
    })?;
    let mut found: Vec<(Key, Sums)> = found.into_iter().collect();
    found.sort_unstable_by_key(|(key, sums)| match order {
        Order::Loudest => (Reverse(sums.counted.packets), Reverse(sums.last), *key),
        Order::Latest => (Reverse(sums.last), Reverse(sums.counted.packets), *key),
    });
    let more = found.len().saturating_sub(*limit);
    found.truncate(*limit);
    let rows = found.into_iter().map(|(key, sums)| row(connection, &mut texts, key, sums));
    let rows = rows.collect::<rusqlite::Result<_>>()?;
    Ok(Drops { span: span.touched(), by_loudest: plan.whole_days(), rows, more })
}

pub(super) fn row(
    connection: &Connection,
    texts: &mut Texts,
    key: Key,
    sums: Sums,
) -> rusqlite::Result<DropRow> {
    let mut text = |number| texts.text(connection, number).map(str::to_owned);
    let Sums { counted, first, last } = sums;
    let port = text(key.port)?;
    let reason = text(key.reason)?;
    Ok(DropRow {
        direction: direction_of(&port),
        source: key.source.0,
        zone: text(key.zone)?,
        port,
        reason: split_direction(&reason).1.to_owned(),
        rules: split(&text(key.rules)?),
        process: process(&text(key.process)?),
        would: key.would,
        counted,
        first,
        last,
    })
}

/// A long time is read from what is kept of each day; of one source, each hour is looked up.
fn plan(connection: &Connection, span: Span, source: Option<IpNet>) -> rusqlite::Result<Plan> {
    let is_long = span.until.saturating_sub(span.since) > HOURLY;
    Plan::new(connection, span, if is_long && source.is_none() { Grain::Days } else { Grain::Hours })
}

/// Calls `each` with what is recorded of the hours and days of `plan`.
pub(super) fn for_each(
    connection: &Connection,
    plan: &Plan,
    source: Option<IpNet>,
    mut each: impl FnMut(Key, Sums) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    for (table, time, ranges) in [("drop_hour", "hour", &plan.hours), ("drop_day", "day", &plan.days)] {
        for range in ranges {
            let Some(source) = source else {
                let question = format!("SELECT {COLUMNS} FROM {table} WHERE {time} >= ?1 AND {time} < ?2");
                let mut statement = connection.prepare_cached(&question)?;
                let mut rows = statement.query([range.start, range.end])?;
                while let Some(row) = rows.next()? {
                    let (key, sums) = tally::read(row)?;
                    each(key, sums)?;
                }
                continue;
            };
            // The key begins with the time, so that a source is looked up in each hour by itself.
            let question = format!(
                "WITH RECURSIVE place (at) AS (SELECT ?1 UNION ALL SELECT at + 1 FROM place WHERE at + 1 < ?2) SELECT \
                 {COLUMNS} FROM place CROSS JOIN {table} ON {table}.{time} = place.at AND source >= ?3 AND source <= ?4 AND \
                 length(source) = length(?3)"
            );
            let (first, last) = ends(source);
            let mut statement = connection.prepare_cached(&question)?;
            let mut rows = statement.query(params![range.start, range.end, first, last])?;
            while let Some(row) = rows.next()? {
                let (key, sums) = tally::read(row)?;
                each(key, sums)?;
            }
        }
    }
    Ok(())
}

/// The numbers of a reason: of either direction, or with the direction that it is named with.
fn numbers_of_reason(connection: &Connection, reason: &str) -> rusqlite::Result<HashSet<i64>> {
    let mut statement = connection.prepare_cached("SELECT id FROM label WHERE text IN (?1, ?2)")?;
    statement.query_map([reason, &port_text(Direction::Out, reason)], |row| row.get(0))?.collect()
}

/// The numbers of a port, and of whatever has it before its `/`: of either direction, or with the direction that it is named
/// with.
fn numbers_of_port(connection: &Connection, port: &str) -> rusqlite::Result<HashSet<i64>> {
    // `0` is what comes after `/`.
    let mut statement = connection.prepare_cached(
        "SELECT id FROM label WHERE text = ?1 UNION ALL SELECT id FROM label WHERE text > ?1 || '/' AND text < ?1 || '0'",
    )?;
    let mut numbers = HashSet::new();
    for port in [port, &port_text(Direction::Out, port)] {
        for number in statement.query_map([port], |row| row.get(0))? {
            numbers.insert(number?);
        }
    }
    Ok(numbers)
}

#[derive(Default)]
struct OfSource {
    dropped: Count,
    would_drop: Count,
    ports: BTreeMap<i64, u64>,
    first: Option<u64>,
    last: u64,
}

fn top_sources(connection: &Connection, span: Span, limit: usize) -> rusqlite::Result<TopSources> {
    let plan = plan(connection, span, None)?;
    let mut texts = Texts::default();
    let mut sources: HashMap<(Direction, Option<IpAddr>), OfSource> = HashMap::new();
    for_each(connection, &plan, None, |key, sums| {
        let direction = direction_of(texts.text(connection, key.port)?);
        let known = sources.entry((direction, key.source.0)).or_default();
        let counted = if key.would { &mut known.would_drop } else { &mut known.dropped };
        *counted = sum(*counted, sums.counted);
        let port = known.ports.entry(key.port).or_default();
        *port = port.saturating_add(sums.counted.packets);
        known.first = Some(known.first.map_or(sums.first, |first| first.min(sums.first)));
        known.last = known.last.max(sums.last);
        Ok(())
    })?;
    let all = sources.len();
    let mut sources: Vec<((Direction, Option<IpAddr>), OfSource)> = sources.into_iter().collect();
    sources.sort_unstable_by_key(|(source, of)| (Reverse(sum(of.dropped, of.would_drop).packets), *source));
    // A flood from many sources hides no destination.
    let mut places = BTreeMap::from([(Direction::In, limit), (Direction::Out, limit)]);
    sources.retain(|((direction, _), _)| {
        let left = places.get_mut(direction).filter(|left| **left > 0);
        left.map(|left| *left -= 1).is_some()
    });
    let more = all - sources.len();
    let mut rows = Vec::with_capacity(sources.len());
    for ((direction, source), OfSource { dropped, would_drop, ports, first, last }) in sources {
        let mut ports: Vec<(i64, u64)> = ports.into_iter().collect();
        ports.sort_by_key(|&(port, packets)| (Reverse(packets), port));
        let more_ports = ports.len().saturating_sub(PORTS_NAMED);
        ports.truncate(PORTS_NAMED);
        let ports = ports.iter().map(|(port, _)| texts.text(connection, *port).map(str::to_owned));
        let ports = ports.collect::<rusqlite::Result<_>>()?;
        let first = first.unwrap_or_default();
        rows.push(SourceRow { direction, source, dropped, would_drop, ports, more_ports, first, last });
    }
    Ok(TopSources { span: span.touched(), by_loudest: plan.whole_days(), rows, more })
}
