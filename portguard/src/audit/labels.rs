//! Every text once, and a number for it.

use std::collections::{HashMap, hash_map::Entry};

use rusqlite::{Connection, OptionalExtension as _};

use super::Process;

/// The numbers that are known already. What a transaction that came to nothing has learnt must be forgotten.
#[derive(Debug, Default)]
pub(super) struct Labels(HashMap<String, i64>);

impl Labels {
    /// The number of `text`, given to it where it has none; 0 is the empty text's.
    pub(super) fn number(&mut self, connection: &Connection, text: &str) -> rusqlite::Result<i64> {
        if let Some(number) = self.known(connection, text)? {
            return Ok(number);
        }
        let number = connection.prepare_cached("INSERT INTO label (text) VALUES (?1)")?.insert([text])?;
        self.0.insert(text.to_owned(), number);
        Ok(number)
    }

    /// The number of `text`, if it has one.
    pub(super) fn known(&mut self, connection: &Connection, text: &str) -> rusqlite::Result<Option<i64>> {
        if text.is_empty() {
            return Ok(Some(0));
        }
        if let Some(&number) = self.0.get(text) {
            return Ok(Some(number));
        }
        let mut statement = connection.prepare_cached("SELECT id FROM label WHERE text = ?1")?;
        let known = statement.query_row([text], |row| row.get(0)).optional()?;
        if let Some(number) = known {
            self.0.insert(text.to_owned(), number);
        }
        Ok(known)
    }
}

/// The texts, by number.
#[derive(Debug, Default)]
pub(super) struct Texts(HashMap<i64, String>);

impl Texts {
    /// The text of `number`; one that has none was taken out of the file by somebody else.
    pub(super) fn text(&mut self, connection: &Connection, number: i64) -> rusqlite::Result<&str> {
        if number == 0 {
            return Ok("");
        }
        Ok(match self.0.entry(number) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let mut statement = connection.prepare_cached("SELECT text FROM label WHERE id = ?1")?;
                let text: Option<String> = statement.query_row([number], |row| row.get(0)).optional()?;
                unknown.insert(text.unwrap_or_else(|| format!("(text {number} is missing)")))
            }
        })
    }
}

/// Several rules as one text. No name of a rule or of a document has a line break in it.
pub(super) fn joined(rules: &[String]) -> String {
    rules.join("\n")
}

/// The rules of such a text.
pub(super) fn split(rules: &str) -> Vec<String> {
    rules.lines().map(str::to_owned).collect()
}

/// A process as one text, JSON; the empty text for none.
pub(super) fn written(process: Option<&Process>) -> String {
    process.and_then(|process| serde_json::to_string(process).ok()).unwrap_or_default()
}

/// The process of such a text.
pub(super) fn process(text: &str) -> Option<Process> {
    serde_json::from_str(text).ok()
}
