//! Drops that are told apart by source, port, reason and rules, as rows of the file.

use rusqlite::Row;

use super::{
    amount::{count_at, from_file, sum},
    source::Source,
};
use crate::observe::Count;

/// What is told apart, by the numbers of the texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    pub(super) source: Source,
    pub(super) zone: i64,
    pub(super) port: i64,
    pub(super) reason: i64,
    pub(super) rules: i64,
    pub(super) process: i64,
    pub(super) would: bool,
}

/// What it comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) counted: Count,
    pub(super) first: u64,
    pub(super) last: u64,
}

/// The columns that [`read`] reads.
pub(super) const COLUMNS: &str =
    "source, zone, port, reason, rules, process, would, packets, bytes, first, last";

/// A row of [`COLUMNS`].
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<(Key, Sums)> {
    let key = Key {
        source: row.get(0)?,
        zone: row.get(1)?,
        port: row.get(2)?,
        reason: row.get(3)?,
        rules: row.get(4)?,
        process: row.get(5)?,
        would: row.get(6)?,
    };
    let (first, last) = (from_file(row.get(9)?), from_file(row.get(10)?));
    Ok((key, Sums { counted: count_at(row, 7)?, first, last }))
}

impl Sums {
    pub(super) fn add(&mut self, other: Self) {
        self.counted = sum(self.counted, other.counted);
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }
}
