//! Sealing: when a day is over its records get a hash, chained to that of the day that was sealed before.
//!
//! Seals are numbered in the order in which they are made. That is the order of the days as long as the clock goes forward.
//! Days without records have no seal.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::Serialize;

use super::{
    amount::{from_file, to_file},
    booking::{DAY, HOURS},
    labels::Texts,
    section::{Canonical, Section},
    words,
};

/// How long after its end a day is sealed: a clock may be adjusted meanwhile.
const GRACE: u64 = 600;
/// What a day keeps of its drops by source when its hours are gone: the loudest.
const LOUDEST_OF_A_DAY: i64 = 1024;
/// What the first seal follows.
pub(super) const BEGINNING: &str = "";

/// The seal of one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Seal {
    /// Its place in the chain, from 1 on.
    pub sequence: u64,
    /// The day, `2026-11-21`, in UTC.
    pub day: String,
    /// When it was sealed, in seconds since 1970.
    pub at: u64,
    /// The hash of the seal before; empty, if this is the first.
    pub previous: String,
    /// The hash, SHA-256 in hexadecimal digits.
    pub hash: String,
}

/// The columns that [`read`] reads.
pub(super) const COLUMNS: &str = "sequence, day, at, previous, hash";

/// A row of [`COLUMNS`]: the day, and its seal.
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<(i64, Seal)> {
    let day = row.get(1)?;
    let seal = Seal {
        sequence: from_file(row.get(0)?),
        day: words::day(day),
        at: from_file(row.get(2)?),
        previous: row.get(3)?,
        hash: row.get(4)?,
    };
    Ok((day, seal))
}

/// A section as a seal covers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SealedSection {
    pub(super) table: String,
    pub(super) rows: i64,
    pub(super) hash: String,
}

/// The hash of a seal.
pub(super) fn hash(sequence: u64, day: i64, at: u64, previous: &str, sections: &[SealedSection]) -> String {
    let mut canonical =
        Canonical::new("seal").number(to_file(sequence)).number(day).number(to_file(at)).text(previous);
    for SealedSection { table, rows, hash } in sections {
        canonical = canonical.text(table).number(*rows).text(hash);
    }
    canonical.hash()
}

/// The days that are over and not sealed, ascending.
pub(super) fn due(connection: &Connection, now: u64) -> rusqlite::Result<Vec<i64>> {
    let over = to_file(now.saturating_sub(GRACE) / DAY);
    let mut statement =
        connection.prepare_cached("SELECT day FROM day WHERE seal IS NULL AND day < ?1 ORDER BY day")?;
    statement.query_map([over], |row| row.get(0))?.collect()
}

/// Adds the hours of `day` up, and seals it.
pub(super) fn seal(connection: &Connection, day: i64, now: u64) -> rusqlite::Result<Seal> {
    add_up(connection, day)?;
    let mut statement =
        connection.prepare_cached("SELECT sequence, hash FROM seal ORDER BY sequence DESC LIMIT 1")?;
    let last: Option<(i64, String)> =
        statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let (sequence, previous) = last.map_or((1, BEGINNING.to_owned()), |(last, hash)| (last + 1, hash));
    let mut texts = Texts::default();
    let mut sections = Vec::new();
    for section in Section::ALL {
        let parts = section.parts(connection, &mut texts, day)?;
        let mut insert = connection.prepare_cached(
            "INSERT INTO seal_part (day, section, part, rows, hash) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        for part in &parts {
            insert.execute(params![day, section.table(), part.number, part.rows, part.hash])?;
        }
        let sealed = SealedSection {
            table: section.table().to_owned(),
            rows: parts.iter().map(|part| part.rows).sum(),
            hash: section.hash(day, &parts),
        };
        let mut insert = connection
            .prepare_cached("INSERT INTO seal_section (day, section, rows, hash) VALUES (?1, ?2, ?3, ?4)")?;
        insert.execute(params![day, sealed.table, sealed.rows, sealed.hash])?;
        sections.push(sealed);
    }
    let hash = hash(from_file(sequence), day, now, &previous, &sections);
    connection.execute(
        "INSERT INTO seal (sequence, day, at, previous, hash) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![sequence, day, to_file(now), previous, hash],
    )?;
    connection.execute("UPDATE day SET seal = ?2 WHERE day = ?1", [day, sequence])?;
    Ok(Seal { sequence: from_file(sequence), day: words::day(day), at: now, previous, hash })
}

/// Writes down what the hours of `day` come to.
fn add_up(connection: &Connection, day: i64) -> rusqlite::Result<()> {
    let hours = [day, day * HOURS, (day + 1) * HOURS];
    for question in [
        "INSERT INTO port_day (day, zone, port, rule, fate, packets, bytes) SELECT ?1, zone, port, rule, fate, sum(packets), \
         sum(bytes) FROM port_hour WHERE hour >= ?2 AND hour < ?3 GROUP BY zone, port, rule, fate",
        "INSERT INTO reason_day (day, reason, fate, packets, bytes) SELECT ?1, reason, fate, sum(packets), sum(bytes) FROM \
         reason_hour WHERE hour >= ?2 AND hour < ?3 GROUP BY reason, fate",
        "INSERT INTO lost_day (day, cause, packets, bytes) SELECT ?1, cause, sum(packets), sum(bytes) FROM lost_hour WHERE \
         hour >= ?2 AND hour < ?3 GROUP BY cause",
        // What is told by source, so that it is known when the hours are gone.
        "INSERT INTO reason_day (day, reason, fate, packets, bytes) SELECT ?1, reason, 3, sum(packets), sum(bytes) FROM \
         drop_hour WHERE hour >= ?2 AND hour < ?3 GROUP BY reason",
        "INSERT INTO port_day (day, zone, port, rule, fate, packets, bytes) SELECT ?1, zone, port, 0, 3, sum(packets), \
         sum(bytes) FROM drop_hour AS told WHERE hour >= ?2 AND hour < ?3 AND EXISTS (SELECT 1 FROM port_day WHERE \
         port_day.day = ?1 AND port_day.zone = told.zone AND port_day.port = told.port AND port_day.fate IN (1, 2)) GROUP BY \
         zone, port",
    ] {
        connection.execute(question, hours)?;
    }
    connection.execute(
        "INSERT INTO drop_day (day, source, zone, port, reason, rules, process, would, packets, bytes, first, last) SELECT ?1, \
         source, zone, port, reason, rules, process, would, sum(packets) AS loudness, sum(bytes), min(first), max(last) FROM \
         drop_hour WHERE hour >= ?2 AND hour < ?3 GROUP BY source, zone, port, reason, rules, process, would ORDER BY \
         loudness DESC, source, zone, port, reason, rules, process, would LIMIT ?4",
        [hours[0], hours[1], hours[2], LOUDEST_OF_A_DAY],
    )?;
    Ok(())
}
