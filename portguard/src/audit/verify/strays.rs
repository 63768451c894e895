//! Records that no seal covers: those that are yet to be sealed, and those that nobody can have recorded.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension as _};

use super::{Sealed, Verification};
use crate::audit::{
    ChangeKind,
    booking::HOURS,
    retention::Level,
    section::{Section, Unit},
    words,
};

pub(super) fn look_for(
    connection: &Connection,
    seals: &[Sealed],
    found: &mut Verification,
) -> rusqlite::Result<()> {
    unsealed(connection, seals, found)?;
    backwards(connection, seals, found)?;
    takings(connection, seals, found)
}

/// Days that hold records and have no seal. Each must be known, and come after the day that was sealed last, unless the clock
/// went back.
fn unsealed(connection: &Connection, seals: &[Sealed], found: &mut Verification) -> rusqlite::Result<()> {
    let sealed: BTreeSet<i64> = seals.iter().map(|sealed| sealed.day).collect();
    let last = seals.last().map_or(i64::MIN, |last| last.day);
    let mut statement = connection.prepare("SELECT day, seal IS NOT NULL FROM day ORDER BY day")?;
    let known: BTreeMap<i64, bool> =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
    let mut went_back = false;
    for (&day, &is_sealed) in &known {
        if is_sealed && !sealed.contains(&day) {
            found.fault(Some(&words::day(day)), "seal", "the day was sealed, and its seal is missing");
        }
        if is_sealed || sealed.contains(&day) {
            continue;
        }
        found.unsealed.push(words::day(day));
        went_back |= has_clock(connection, day)?;
        if day < last && !went_back {
            let says = "records of a day before one that is sealed, though the clock never went back to it";
            found.fault(Some(&words::day(day)), "day", says);
        }
    }
    for section in Section::ALL {
        for day in days_of(connection, section)? {
            let is_known =
                sealed.contains(&day) || (known.contains_key(&day) && !matches!(section.unit(), Unit::Day));
            if !is_known {
                let says = "records of a day on which nothing was recorded, or that is not sealed yet";
                found.fault(Some(&words::day(day)), section.table(), says);
            }
        }
    }
    Ok(())
}

/// The days of which `section` has rows.
fn days_of(connection: &Connection, section: Section) -> rusqlite::Result<BTreeSet<i64>> {
    let (time, _) = section.of_day(0);
    let table = section.table();
    // From one to the next by the key, without reading what lies between.
    let mut next = connection
        .prepare(&format!("SELECT {time} FROM {table} WHERE {time} >= ?1 ORDER BY {time} LIMIT 1"))?;
    let step = if section.unit() == Unit::Hour { HOURS } else { 1 };
    let mut days = BTreeSet::new();
    let mut from = i64::MIN;
    while let Some(at) = next.query_row([from], |row| row.get::<_, i64>(0)).optional()? {
        let day = at.div_euclid(step);
        days.insert(day);
        let Some(after) = day.checked_add(1).and_then(|day| day.checked_mul(step)) else { break };
        from = after;
    }
    Ok(days)
}

/// Days that were sealed after a later one. That happens where the clock went back.
fn backwards(connection: &Connection, seals: &[Sealed], found: &mut Verification) -> rusqlite::Result<()> {
    for pair in seals.windows(2) {
        let [before, Sealed { day, seal, level, .. }] = pair else { continue };
        let is_gone = *level == Some(Level::All);
        if *day < before.day && !is_gone && !has_clock(connection, *day)? {
            let says = "was sealed after a later day, though the clock never went back to it: it was added";
            found.fault(Some(&seal.day), "seal", says);
        }
    }
    Ok(())
}

fn has_clock(connection: &Connection, day: i64) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM change WHERE day = ?1 AND kind = ?2")?;
    statement.exists((day, ChangeKind::Clock.name()))
}

/// What retention has taken: a change says so, and it takes the oldest first.
fn takings(connection: &Connection, seals: &[Sealed], found: &mut Verification) -> rusqlite::Result<()> {
    let gone: BTreeSet<i64> =
        seals.iter().filter(|sealed| sealed.level == Some(Level::All)).map(|sealed| sealed.day).collect();
    let mut statement = connection.prepare(
        "SELECT day, on_day, EXISTS (SELECT 1 FROM change WHERE change.id = expiry.change AND change.day = expiry.on_day AND \
         change.kind = ?1) FROM expiry ORDER BY day, level",
    )?;
    let mut rows = statement.query([ChangeKind::Retention.name()])?;
    while let Some(row) = rows.next()? {
        let (day, on_day, is_told): (i64, i64, bool) = (row.get(0)?, row.get(1)?, row.get(2)?);
        // What told of it is itself gone by now.
        if !is_told && !gone.contains(&on_day) {
            let says = format!("retention took records on {}, and no change says so", words::day(on_day));
            found.fault(Some(&words::day(day)), "expiry", says);
        }
    }
    for (place, taken) in seals.iter().enumerate() {
        let older = seals[..place].iter().find(|older| older.day < taken.day && older.level < taken.level);
        if let Some(older) = older {
            let says = format!(
                "records were taken that are still there of {}, and retention takes the oldest first",
                older.seal.day
            );
            found.fault(Some(&taken.seal.day), "expiry", says);
        }
    }
    Ok(())
}
