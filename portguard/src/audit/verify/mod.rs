//! Whether the record is the one that was sealed.
//!
//! Each seal is computed again from what the file holds today. What differs is named by day, table, and hour or change. Whoever
//! may write the file may also seal it anew from the first changed day on: a hash that was noted elsewhere tells.

mod chain;
mod sections;
mod strays;

use std::fmt;

use rusqlite::{OptionalExtension as _, params};
use serde::{Deserialize, Serialize};

use super::{AuditError, Reader, Seal, Store, amount::to_file, labels::Texts, seal};
use chain::Sealed;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// The days that are sealed.
    pub sealed: u64,
    /// The first and the last of them, by the order of the seals.
    pub days: Option<(String, String)>,
    /// The hash of the last seal.
    pub head: Option<String>,
    /// The day of the seal that has the hash that was noted elsewhere.
    pub noted: Option<String>,
    /// The days that hold records and are not sealed yet.
    pub unsealed: Vec<String>,
    /// The days of which retention has taken something: those are verified by what is left of them.
    pub taken: u64,
    /// What is not as it was sealed. Empty: the chain is whole.
    pub faults: Vec<Fault>,
}

/// Something that is not as it was sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The day that it is about.
    pub day: Option<String>,
    /// The table.
    pub table: String,
    /// What is wrong.
    pub says: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.day {
            Some(day) => write!(f, "{day}, {}: {}", self.table, self.says),
            None => write!(f, "{}: {}", self.table, self.says),
        }
    }
}

impl Verification {
    /// Whether all is as it was sealed.
    pub fn is_whole(&self) -> bool {
        self.faults.is_empty()
    }

    fn fault(&mut self, day: Option<&str>, table: &str, says: impl Into<String>) {
        let day = day.map(str::to_owned);
        self.faults.push(Fault { day, table: table.to_owned(), says: says.into() });
    }
}

impl Reader {
    /// The seals, in the order in which they were made.
    pub fn seals(&self) -> Result<Vec<Seal>, AuditError> {
        self.ask(|connection| {
            let mut statement =
                connection.prepare(&format!("SELECT {} FROM seal ORDER BY sequence", seal::COLUMNS))?;
            statement.query_map([], |row| Ok(seal::read(row)?.1))?.collect()
        })
    }

    /// Holds the record against its seals, and against the hash of a seal that was noted elsewhere, if there is one. Reads all
    /// of it.
    pub fn verify(&self, noted: Option<&str>) -> Result<Verification, AuditError> {
        self.ask(|connection| verify(connection, noted))
    }

    /// What the writer's last verification found, and when, in seconds since 1970.
    pub fn last_verification(&self) -> Result<Option<(u64, Verification)>, AuditError> {
        let found: Option<(i64, String)> = self.ask(|connection| {
            let question = "SELECT at, found FROM verification";
            connection.query_row(question, [], |row| Ok((row.get(0)?, row.get(1)?))).optional()
        })?;
        // What is no verification was put there by somebody else, and says nothing.
        Ok(found.and_then(|(at, found)| Some((u64::try_from(at).ok()?, serde_json::from_str(&found).ok()?))))
    }
}

impl Store {
    /// Holds the record against its seals, and keeps what was found for those who read.
    pub fn verify(&mut self, now: u64) -> Result<Verification, AuditError> {
        self.transact(|connection, _| {
            let found = verify(connection, None)?;
            let text = serde_json::to_string(&found).expect("texts and numbers can be written");
            connection.execute(
                "INSERT OR REPLACE INTO verification (id, at, found) VALUES (1, ?1, ?2)",
                params![to_file(now), text],
            )?;
            Ok(found)
        })
    }
}

fn verify(connection: &rusqlite::Connection, noted: Option<&str>) -> rusqlite::Result<Verification> {
    let mut found = Verification::default();
    let mut texts = Texts::default();
    let seals = chain::read(connection)?;
    chain::follow(&seals, &mut found);
    for Sealed { day, seal, sections, level } in &seals {
        sections::compare(connection, &mut texts, *day, &seal.day, sections, *level, &mut found)?;
    }
    strays::look_for(connection, &seals, &mut found)?;
    found.sealed = seals.len() as u64;
    found.taken = seals.iter().filter(|sealed| sealed.level.is_some()).count() as u64;
    if let (Some(first), Some(last)) = (seals.first(), seals.last()) {
        found.days = Some((first.seal.day.clone(), last.seal.day.clone()));
        found.head = Some(last.seal.hash.clone());
    }
    if let Some(noted) = noted {
        let wanted = noted.to_ascii_lowercase();
        found.noted =
            seals.iter().find(|sealed| sealed.seal.hash == wanted).map(|sealed| sealed.seal.day.clone());
        if found.noted.is_none() {
            let says = format!(
                "no seal has the hash {noted} that was noted: the record was sealed anew since, or that hash is of another node"
            );
            found.fault(None, "seal", says);
        }
    }
    Ok(found)
}
