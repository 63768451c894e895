//! What cumulative counters have come to since they were last asked, booked by hour.
//!
//! The file remembers what each filter had counted. Nothing is booked twice, whoever dies between the kernel's answer and the
//! commit: the next answer holds it still. What is remembered only grows, so that an answer that is too low for once (a counter
//! that was on its way from one generation to the next) is made up for by the next.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Connection, OptionalExtension as _};

use super::{
    amount::{count_at, grown, to_file},
    fate::Fate,
    labels::Labels,
};
use crate::observe::{Count, CounterReport, port_text};

/// The filters that are remembered. One that went away does not come again.
const INSTANCES: i64 = 8;

/// A counter of a documented port: zone, port, rule, and what became of the packets.
type AtPort = (i64, i64, i64, Fate);
/// A counter of a reason.
type ByReason = (i64, Fate);

/// What one filter has counted, as far as it is booked.
#[derive(Debug)]
pub(super) struct Booked {
    instance: i64,
    ports: HashMap<AtPort, Count>,
    reasons: HashMap<ByReason, Count>,
}

/// Counters that cannot be believed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Doubtful {
    pub(super) counters: usize,
    pub(super) first: Option<String>,
}

impl Doubtful {
    fn add(&mut self, what: impl FnOnce() -> String) {
        self.counters += 1;
        self.first.get_or_insert_with(what);
    }
}

impl Booked {
    /// What is booked of the filter `name`.
    pub(super) fn of(connection: &Connection, name: &str, at: u64) -> rusqlite::Result<Self> {
        let known: Option<i64> = connection
            .prepare_cached("SELECT id FROM instance WHERE name = ?1")?
            .query_row([name], |row| row.get(0))
            .optional()?;
        let instance = match known {
            Some(instance) => instance,
            None => begin(connection, name, at)?,
        };
        let mut ports = connection.prepare_cached(
            "SELECT zone, port, rule, fate, packets, bytes FROM port_counter WHERE instance = ?1",
        )?;
        let ports = ports.query_map([instance], |row| {
            Ok(((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?), count_at(row, 4)?))
        })?;
        let mut reasons = connection
            .prepare_cached("SELECT reason, fate, packets, bytes FROM reason_counter WHERE instance = ?1")?;
        let reasons =
            reasons.query_map([instance], |row| Ok(((row.get(0)?, row.get(1)?), count_at(row, 2)?)))?;
        Ok(Self {
            instance,
            ports: ports.collect::<rusqlite::Result<_>>()?,
            reasons: reasons.collect::<rusqlite::Result<_>>()?,
        })
    }

    /// The number of the filter.
    pub(super) fn instance(&self) -> i64 {
        self.instance
    }

    /// Books what has come to it.
    pub(super) fn book(
        &mut self,
        connection: &Connection,
        labels: &mut Labels,
        hour: i64,
        totals: &CounterReport,
    ) -> rusqlite::Result<Doubtful> {
        let mut doubtful = Doubtful::default();
        let ports = at_ports(connection, labels, totals)?;
        for (&(zone, port, rule, fate), &(now, name)) in &ports {
            let before = self.ports.get(&(zone, port, rule, fate)).copied().unwrap_or_default();
            let Some(more) = grown(before, now) else {
                doubtful.add(|| name.to_owned());
                continue;
            };
            if more == Count::default() {
                continue;
            }
            self.ports.insert((zone, port, rule, fate), now);
            let mut remember = connection.prepare_cached(
                "INSERT OR REPLACE INTO port_counter (instance, zone, port, rule, fate, packets, bytes) VALUES (?1, ?2, \
                 ?3, ?4, ?5, ?6, ?7)",
            )?;
            let (packets, bytes) = (to_file(now.packets), to_file(now.bytes));
            remember.execute((self.instance, zone, port, rule, fate, packets, bytes))?;
            let mut book = connection.prepare_cached(
                "INSERT INTO port_hour (hour, zone, port, rule, fate, packets, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
                 ON CONFLICT DO UPDATE SET packets = packets + excluded.packets, bytes = bytes + excluded.bytes",
            )?;
            book.execute((hour, zone, port, rule, fate, to_file(more.packets), to_file(more.bytes)))?;
        }
        let gone = self.ports.keys().filter(|key| !ports.contains_key(*key)).count();
        doubtful.counters += gone;
        self.book_reasons(connection, labels, hour, totals, &mut doubtful)?;
        Ok(doubtful)
    }

    fn book_reasons(
        &mut self,
        connection: &Connection,
        labels: &mut Labels,
        hour: i64,
        totals: &CounterReport,
        doubtful: &mut Doubtful,
    ) -> rusqlite::Result<()> {
        let reasons = by_reason(connection, labels, totals)?;
        for (&(reason, fate), &(now, name)) in &reasons {
            let before = self.reasons.get(&(reason, fate)).copied().unwrap_or_default();
            let Some(more) = grown(before, now) else {
                doubtful.add(|| name.to_owned());
                continue;
            };
            if more == Count::default() {
                continue;
            }
            self.reasons.insert((reason, fate), now);
            let mut remember = connection.prepare_cached(
                "INSERT OR REPLACE INTO reason_counter (instance, reason, fate, packets, bytes) VALUES (?1, ?2, ?3, ?4, \
                 ?5)",
            )?;
            remember.execute((self.instance, reason, fate, to_file(now.packets), to_file(now.bytes)))?;
            let mut book = connection.prepare_cached(
                "INSERT INTO reason_hour (hour, reason, fate, packets, bytes) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO \
                 UPDATE SET packets = packets + excluded.packets, bytes = bytes + excluded.bytes",
            )?;
            book.execute((hour, reason, fate, to_file(more.packets), to_file(more.bytes)))?;
        }
        doubtful.counters += self.reasons.keys().filter(|key| !reasons.contains_key(*key)).count();
        Ok(())
    }
}

fn begin(connection: &Connection, name: &str, at: u64) -> rusqlite::Result<i64> {
    let instance = connection
        .prepare_cached("INSERT INTO instance (name, seen) VALUES (?1, ?2)")?
        .insert((name, to_file(at)))?;
    for table in ["port_counter", "reason_counter", "epoch"] {
        connection.execute(&format!("DELETE FROM {table} WHERE instance <= ?1"), [instance - INSTANCES])?;
    }
    connection.execute("DELETE FROM instance WHERE id <= ?1", [instance - INSTANCES])?;
    Ok(instance)
}

/// The counters of ports, each with its port's name.
fn at_ports<'a>(
    connection: &Connection,
    labels: &mut Labels,
    totals: &'a CounterReport,
) -> rusqlite::Result<BTreeMap<AtPort, (Count, &'a str)>> {
    let mut counters = BTreeMap::new();
    for row in &totals.ports {
        let (zone, port) = (labels.number(connection, &row.zone)?, labels.number(connection, &row.port)?);
        let mut add = |rule, fate, counted: Count| {
            if counted != Count::default() {
                counters.insert((zone, port, rule, fate), (counted, row.port.as_str()));
            }
        };
        add(0, Fate::Dropped, row.dropped);
        add(0, Fate::WouldDrop, row.would_drop);
        for rule in &row.rules {
            add(labels.number(connection, &rule.rule)?, Fate::Passed, rule.passed);
        }
    }
    Ok(counters)
}

/// The counters of reasons, each with its reason's name.
fn by_reason<'a>(
    connection: &Connection,
    labels: &mut Labels,
    totals: &'a CounterReport,
) -> rusqlite::Result<BTreeMap<ByReason, (Count, &'a str)>> {
    let mut counters = BTreeMap::new();
    for row in &totals.reasons {
        let reason = labels.number(connection, &port_text(row.direction, &row.reason))?;
        let fate = if row.action == "pass" { Fate::Passed } else { Fate::Dropped };
        for (fate, counted) in [(fate, row.counted), (Fate::WouldDrop, row.would_drop)] {
            if counted != Count::default() {
                counters.insert((reason, fate), (counted, row.reason.as_str()));
            }
        }
    }
    Ok(counters)
}
