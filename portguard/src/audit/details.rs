//! Drops by source: each hour has so many places, and the loudest get them.
//!
//! What has no place is told as lost detail. Ports and reasons have counts of their own, in which nothing is lost.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
};

use rusqlite::{Connection, OptionalExtension as _};

use super::{
    Detail, SourceDrops,
    amount::{bounded, sum, to_file},
    labels::{Labels, joined, written},
    source::Source,
    tally::{self, COLUMNS, Key, Sums},
};
use crate::observe::{Count, Direction, direction_of, port_text};

/// The most keys (source, port, reason and so on) that one hour tells apart. A flood from a million sources makes no more.
pub(super) const PLACES: usize = 4096;

/// Why drops are told by no source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The kernel's table had no place.
    Kernel = 0,
    /// The hour had none.
    Hour = 1,
}

/// What is told apart within an hour, in words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Named<'a> {
    source: Source,
    zone: &'a str,
    port: &'a str,
    /// With its direction, as reasons have it that are counted.
    reason: Cow<'a, str>,
    rules: String,
    process: String,
    would: bool,
}

/// Records those of `details` that are not recorded yet.
pub(super) fn record(
    connection: &Connection,
    labels: &mut Labels,
    instance: i64,
    hour: i64,
    details: &[Detail],
) -> rusqlite::Result<()> {
    let mut fresh: Vec<&Detail> = details.iter().collect();
    fresh.sort_by_key(|detail| (detail.generation, detail.epoch));
    let mut drops: BTreeMap<Named<'_>, Sums> = BTreeMap::new();
    let mut lost = Count::default();
    for detail in fresh {
        if !is_new(connection, instance, detail)? {
            continue;
        }
        lost = sum(lost, bounded(detail.lost));
        for drop in &detail.drops {
            let (named, sums) = named(drop);
            drops.entry(named).and_modify(|known| known.add(sums)).or_insert(sums);
        }
    }
    lose(connection, hour, Cause::Kernel, lost)?;
    if drops.is_empty() {
        return Ok(());
    }
    let lost = settle(connection, labels, hour, &drops)?;
    lose(connection, hour, Cause::Hour, lost)
}

/// Whether a filling of the table is not recorded yet. It is then.
fn is_new(connection: &Connection, instance: i64, detail: &Detail) -> rusqlite::Result<bool> {
    let (generation, epoch) = (to_file(detail.generation), to_file(detail.epoch));
    let recorded: Option<i64> = connection
        .prepare_cached("SELECT epoch FROM epoch WHERE instance = ?1 AND generation = ?2")?
        .query_row([instance, generation], |row| row.get(0))
        .optional()?;
    if recorded.is_some_and(|recorded| epoch <= recorded) {
        return Ok(false);
    }
    connection
        .prepare_cached("INSERT OR REPLACE INTO epoch (instance, generation, epoch) VALUES (?1, ?2, ?3)")?
        .execute([instance, generation, epoch])?;
    Ok(true)
}

fn named(drop: &SourceDrops) -> (Named<'_>, Sums) {
    let SourceDrops { source, zone, port, reason, rules, process, would, packets, bytes, first, last } = drop;
    let counted = bounded(Count { packets: *packets, bytes: *bytes });
    let (rules, process) = (joined(rules), written(process.as_ref()));
    let reason = match direction_of(port) {
        Direction::In => Cow::Borrowed(reason.as_str()),
        Direction::Out => Cow::Owned(port_text(Direction::Out, reason)),
    };
    (
        Named { source: Source(*source), zone, port, reason, rules, process, would: *would },
        Sums { counted, first: *first, last: *last },
    )
}

/// Adds `drops` to the hour as far as it has places, and gives what has none.
fn settle(
    connection: &Connection,
    labels: &mut Labels,
    hour: i64,
    drops: &BTreeMap<Named<'_>, Sums>,
) -> rusqlite::Result<Count> {
    let mut kept = of_hour(connection, hour)?;
    let mut strangers: Vec<(&Named<'_>, Sums)> = Vec::new();
    for (named, &sums) in drops {
        // A text that has no number yet is of no row that is there. It gets one only with a place.
        let known = known_key(connection, labels, named)?;
        match known.and_then(|key| kept.get_mut(&key).map(|known| (key, known))) {
            Some((key, known)) => {
                known.add(sums);
                put(connection, hour, key, *known)?;
            }
            None => strangers.push((named, sums)),
        }
    }
    strangers.sort_by_key(|(_, sums)| std::cmp::Reverse(sums.counted.packets));
    let mut strangers = strangers.into_iter();
    for (named, sums) in strangers.by_ref().take(PLACES.saturating_sub(kept.len())) {
        put(connection, hour, key(connection, labels, named)?, sums)?;
    }
    let mut quietest: Vec<(Key, Sums)> = kept.into_iter().collect();
    quietest.sort_by_key(|(key, sums)| (sums.counted.packets, *key));
    let mut quietest = quietest.into_iter().peekable();
    let mut lost = Count::default();
    for (named, sums) in strangers {
        let Some((quiet, gone)) = quietest.next_if(|(_, quiet)| quiet.counted.packets < sums.counted.packets)
        else {
            lost = sum(lost, sums.counted);
            continue;
        };
        lost = sum(lost, gone.counted);
        take(connection, hour, quiet)?;
        put(connection, hour, key(connection, labels, named)?, sums)?;
    }
    Ok(lost)
}

fn of_hour(connection: &Connection, hour: i64) -> rusqlite::Result<HashMap<Key, Sums>> {
    let question = format!("SELECT {COLUMNS} FROM drop_hour WHERE hour = ?1");
    connection.prepare_cached(&question)?.query_map([hour], tally::read)?.collect()
}

fn known_key(
    connection: &Connection,
    labels: &mut Labels,
    named: &Named<'_>,
) -> rusqlite::Result<Option<Key>> {
    let mut known = |text| labels.known(connection, text);
    let (Some(zone), Some(port), Some(reason), Some(rules), Some(process)) = (
        known(named.zone)?,
        known(named.port)?,
        known(&named.reason)?,
        known(&named.rules)?,
        known(&named.process)?,
    ) else {
        return Ok(None);
    };
    Ok(Some(Key { source: named.source, zone, port, reason, rules, process, would: named.would }))
}

fn key(connection: &Connection, labels: &mut Labels, named: &Named<'_>) -> rusqlite::Result<Key> {
    let mut number = |text| labels.number(connection, text);
    Ok(Key {
        source: named.source,
        zone: number(named.zone)?,
        port: number(named.port)?,
        reason: number(&named.reason)?,
        rules: number(&named.rules)?,
        process: number(&named.process)?,
        would: named.would,
    })
}

fn put(connection: &Connection, hour: i64, key: Key, sums: Sums) -> rusqlite::Result<()> {
    let Key { source, zone, port, reason, rules, process, would } = key;
    let Sums { counted, first, last } = sums;
    let mut statement = connection.prepare_cached(
        "INSERT OR REPLACE INTO drop_hour (hour, source, zone, port, reason, rules, process, would, packets, bytes, first, \
         last) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?;
    let (packets, bytes) = (to_file(counted.packets), to_file(counted.bytes));
    statement.execute((
        hour,
        source,
        zone,
        port,
        reason,
        rules,
        process,
        would,
        packets,
        bytes,
        to_file(first),
        to_file(last),
    ))?;
    Ok(())
}

fn take(connection: &Connection, hour: i64, key: Key) -> rusqlite::Result<()> {
    let Key { source, zone, port, reason, rules, process, would } = key;
    let mut statement = connection.prepare_cached(
        "DELETE FROM drop_hour WHERE hour = ?1 AND source = ?2 AND zone = ?3 AND port = ?4 AND reason = ?5 AND rules = ?6 \
         AND process = ?7 AND would = ?8",
    )?;
    statement.execute((hour, source, zone, port, reason, rules, process, would)).map(drop)
}

fn lose(connection: &Connection, hour: i64, cause: Cause, lost: Count) -> rusqlite::Result<()> {
    if lost == Count::default() {
        return Ok(());
    }
    let mut statement = connection.prepare_cached(
        "INSERT INTO lost_hour (hour, cause, packets, bytes) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET packets = \
         packets + excluded.packets, bytes = bytes + excluded.bytes",
    )?;
    statement.execute((hour, cause as i64, to_file(lost.packets), to_file(lost.bytes))).map(drop)
}
