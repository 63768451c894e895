//! The records of a sealed day, held against what was sealed.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::Verification;
use crate::audit::{
    labels::Texts,
    retention::Level,
    seal::SealedSection,
    section::{Part, Section, Unit},
    words,
};

/// Compares the tables of `day` with its seal.
pub(super) fn compare(
    connection: &Connection,
    texts: &mut Texts,
    day: i64,
    told: &str,
    sealed: &[SealedSection],
    level: Option<Level>,
    found: &mut Verification,
) -> rusqlite::Result<()> {
    for section in Section::ALL {
        let table = section.table();
        let now = section.parts(connection, texts, day)?;
        if level.is_some_and(|level| section.expires() <= level) {
            if !now.is_empty() {
                let says = format!("{} rows were added after retention had removed all", rows(&now));
                found.fault(Some(told), table, says);
            }
            continue;
        }
        let Some(sealed) = sealed.iter().find(|sealed| sealed.table == table) else {
            found.fault(Some(told), table, "the hash that it was sealed with is missing");
            continue;
        };
        if section.hash(day, &now) == sealed.hash {
            continue;
        }
        let before = found.faults.len();
        locate(connection, section, day, told, &now, found)?;
        if found.faults.len() == before {
            let says = format!("{} rows were sealed, {} are there, and they differ", sealed.rows, rows(&now));
            found.fault(Some(told), table, says);
        }
    }
    Ok(())
}

fn rows(parts: &[Part]) -> i64 {
    parts.iter().map(|part| part.rows).sum()
}

/// Names the hours, or the changes, that differ.
fn locate(
    connection: &Connection,
    section: Section,
    day: i64,
    told: &str,
    now: &[Part],
    found: &mut Verification,
) -> rusqlite::Result<()> {
    let table = section.table();
    let mut statement = connection.prepare_cached(
        "SELECT part, rows, hash FROM seal_part WHERE day = ?1 AND section = ?2 ORDER BY part",
    )?;
    let sealed = statement.query_map((day, table), |row| {
        Ok(Part { number: row.get(0)?, rows: row.get(1)?, hash: row.get(2)? })
    })?;
    let sealed: Vec<Part> = sealed.collect::<rusqlite::Result<_>>()?;
    let mut both: BTreeMap<i64, (Option<&Part>, Option<&Part>)> = BTreeMap::new();
    for part in &sealed {
        both.entry(part.number).or_default().0 = Some(part);
    }
    for part in now {
        both.entry(part.number).or_default().1 = Some(part);
    }
    for (part, sealed_and_now) in both {
        let name = match section.unit() {
            Unit::Hour => format!("hour {}", words::hour(part)),
            Unit::Day => "the day".to_owned(),
            Unit::Change => format!("change {part}"),
        };
        let says = match sealed_and_now {
            (Some(sealed), Some(now)) if sealed == now => continue,
            (Some(sealed), Some(now)) if sealed.rows == now.rows && now.rows == 1 => {
                format!("{name}: the row was changed")
            }
            (Some(sealed), Some(now)) if sealed.rows == now.rows => {
                format!("{name}: {} rows were sealed, and at least one of them was changed", sealed.rows)
            }
            (Some(sealed), Some(now)) => {
                format!("{name}: {} rows were sealed, {} are there", sealed.rows, now.rows)
            }
            (Some(sealed), None) => format!("{name}: missing, with {} rows", sealed.rows),
            (None, Some(now)) => format!("{name}: added after it was sealed, with {} rows", now.rows),
            (None, None) => continue,
        };
        found.fault(Some(told), table, says);
    }
    Ok(())
}
