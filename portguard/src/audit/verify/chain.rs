//! The seals themselves, and how one follows the other.

use rusqlite::{Connection, OptionalExtension as _};

use super::Verification;
use crate::audit::{
    Seal,
    retention::Level,
    seal::{self, BEGINNING, SealedSection},
    section::Section,
};

/// A seal with what it covers.
pub(super) struct Sealed {
    pub(super) day: i64,
    pub(super) seal: Seal,
    pub(super) sections: Vec<SealedSection>,
    /// What retention has taken of the day.
    pub(super) level: Option<Level>,
}

/// The seals, in the order in which they were made.
pub(super) fn read(connection: &Connection) -> rusqlite::Result<Vec<Sealed>> {
    let mut statement =
        connection.prepare(&format!("SELECT {} FROM seal ORDER BY sequence", seal::COLUMNS))?;
    let seals: Vec<(i64, Seal)> = statement.query_map([], seal::read)?.collect::<rusqlite::Result<_>>()?;
    let mut level = connection.prepare("SELECT max(level) FROM expiry WHERE day = ?1")?;
    let sealed = seals.into_iter().map(|(day, seal)| {
        let sections = sections(connection, day)?;
        let level = level.query_row([day], |row| row.get(0))?;
        Ok(Sealed { day, seal, sections, level })
    });
    sealed.collect()
}

/// What a seal covers, in the order in which it does.
fn sections(connection: &Connection, day: i64) -> rusqlite::Result<Vec<SealedSection>> {
    let mut statement =
        connection.prepare_cached("SELECT rows, hash FROM seal_section WHERE day = ?1 AND section = ?2")?;
    let mut sections = Vec::new();
    for section in Section::ALL {
        let table = section.table().to_owned();
        let found = statement.query_row((day, &table), |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        sections.extend(found.map(|(rows, hash)| SealedSection { table, rows, hash }));
    }
    Ok(sections)
}

/// Whether each seal is what was made, and follows the one before.
pub(super) fn follow(seals: &[Sealed], found: &mut Verification) {
    let (mut sequence, mut previous) = (0, BEGINNING);
    for Sealed { day, seal, sections, .. } in seals {
        let told = Some(seal.day.as_str());
        if seal.sequence != sequence + 1 {
            let says = match seal.sequence - sequence - 1 {
                1 => format!("the seal before this one, number {}, is missing", sequence + 1),
                missing => {
                    format!("{missing} seals before this one are missing, number {} and on", sequence + 1)
                }
            };
            found.fault(told, "seal", says);
        } else if seal.previous != previous {
            found.fault(told, "seal", "does not follow the seal before: that one was made anew, or this one");
        }
        if seal.hash != seal::hash(seal.sequence, *day, seal.at, &seal.previous, sections) {
            found.fault(told, "seal", "its hash is not that of what it covers: the seal was changed");
        }
        (sequence, previous) = (seal.sequence, &seal.hash);
    }
}
