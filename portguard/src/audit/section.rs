//! A day's records table by table, each as hashes of what it says: the same records give the same hashes, wherever the file
//! is copied to and however it is laid out.

use std::ops::Range;

use rusqlite::{Connection, Row, types::ValueRef};
use sha2::{Digest as _, Sha256};

use super::{booking::HOURS, labels::Texts, retention::Level};

/// A table that seals cover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Section {
    PortHour,
    ReasonHour,
    LostHour,
    DropHour,
    PortDay,
    ReasonDay,
    LostDay,
    DropDay,
    Change,
}

/// What one number stands for in the first column of a section: an hour, a day, a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Hour,
    Day,
    Change,
}

/// The rows of one hour, one day or one change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) number: i64,
    pub(super) rows: i64,
    pub(super) hash: String,
}

const PORT: [&str; 6] = ["zone", "port", "rule", "fate", "packets", "bytes"];
const REASON: [&str; 4] = ["reason", "fate", "packets", "bytes"];
const LOST: [&str; 3] = ["cause", "packets", "bytes"];
const DROP: [&str; 11] =
    ["source", "zone", "port", "reason", "rules", "process", "would", "packets", "bytes", "first", "last"];
const CHANGE: [&str; 7] = ["at", "kind", "generation", "digest", "asked_by", "says", "diff"];
/// The columns whose numbers stand for texts.
const TEXTS: [&str; 6] = ["zone", "port", "rule", "reason", "rules", "process"];
/// The column that files of the first format do not have: it counts only where there is something in it, so that what was sealed
/// then is what it was.
const ADDED: &str = "process";

impl Section {
    /// Every section, in the order in which a seal covers them.
    pub(super) const ALL: [Self; 9] = [
        Self::PortHour,
        Self::ReasonHour,
        Self::LostHour,
        Self::DropHour,
        Self::PortDay,
        Self::ReasonDay,
        Self::LostDay,
        Self::DropDay,
        Self::Change,
    ];

    /// The table's name.
    pub(super) fn table(self) -> &'static str {
        match self {
            Self::PortHour => "port_hour",
            Self::ReasonHour => "reason_hour",
            Self::LostHour => "lost_hour",
            Self::DropHour => "drop_hour",
            Self::PortDay => "port_day",
            Self::ReasonDay => "reason_day",
            Self::LostDay => "lost_day",
            Self::DropDay => "drop_day",
            Self::Change => "change",
        }
    }

    pub(super) fn unit(self) -> Unit {
        match self {
            Self::PortHour | Self::ReasonHour | Self::LostHour | Self::DropHour => Unit::Hour,
            Self::PortDay | Self::ReasonDay | Self::LostDay | Self::DropDay => Unit::Day,
            Self::Change => Unit::Change,
        }
    }

    /// From which level on retention has removed it.
    pub(super) fn expires(self) -> Level {
        match self {
            Self::PortHour | Self::ReasonHour | Self::LostHour | Self::DropHour => Level::Hours,
            Self::DropDay => Level::Sources,
            Self::PortDay | Self::ReasonDay | Self::LostDay | Self::Change => Level::All,
        }
    }

    /// The column that says to which day a row belongs, and what it holds for `day`.
    pub(super) fn of_day(self, day: i64) -> (&'static str, Range<i64>) {
        match self.unit() {
            Unit::Hour => ("hour", day * HOURS..(day + 1) * HOURS),
            Unit::Day | Unit::Change => ("day", day..day + 1),
        }
    }

    fn columns(self) -> &'static [&'static str] {
        match self {
            Self::PortHour | Self::PortDay => &PORT,
            Self::ReasonHour | Self::ReasonDay => &REASON,
            Self::LostHour | Self::LostDay => &LOST,
            Self::DropHour | Self::DropDay => &DROP,
            Self::Change => &CHANGE,
        }
    }

    /// The parts of `day`, ascending, each with its hash.
    pub(super) fn parts(
        self,
        connection: &Connection,
        texts: &mut Texts,
        day: i64,
    ) -> rusqlite::Result<Vec<Part>> {
        let (table, columns) = (self.table(), self.columns());
        let (time, range) = self.of_day(day);
        let part = if self == Self::Change { "id" } else { time };
        let (list, width) = (columns.join(", "), columns.len());
        // The numbers of texts stay what they are, so that the order is always the same.
        let question = format!(
            "SELECT {part}, {list} FROM {table} WHERE {time} >= ?1 AND {time} < ?2 ORDER BY {}",
            (1..=width + 1).map(|column| column.to_string()).collect::<Vec<_>>().join(", ")
        );
        let mut statement = connection.prepare_cached(&question)?;
        let mut rows = statement.query([range.start, range.end])?;
        let mut parts: Vec<(i64, i64, Canonical)> = Vec::new();
        while let Some(row) = rows.next()? {
            let part: i64 = row.get(0)?;
            if parts.last().is_none_or(|(last, _, _)| *last != part) {
                parts.push((part, 0, Canonical::new("part").text(table).number(part)));
            }
            let Some((_, count, canonical)) = parts.last_mut() else { continue };
            *count += 1;
            canonical.row(connection, texts, columns, row)?;
            if self == Self::Change {
                canonical.expiries(connection, part)?;
            }
        }
        let finished =
            parts.into_iter().map(|(number, rows, canonical)| Part { number, rows, hash: canonical.hash() });
        Ok(finished.collect())
    }

    /// The hash of all parts of `day` together.
    pub(super) fn hash(self, day: i64, parts: &[Part]) -> String {
        let mut canonical = Canonical::new("section").text(self.table()).number(day);
        for Part { number, rows, hash } in parts {
            canonical = canonical.number(*number).number(*rows).text(hash);
        }
        canonical.hash()
    }
}

/// Values one after the other, each with its kind and its length, so that no two lists of values look alike.
pub(super) struct Canonical(Sha256);

impl Canonical {
    /// Begins with what it is the hash of.
    pub(super) fn new(what: &str) -> Self {
        Self(Sha256::new()).text("portguard audit 1").text(what)
    }

    pub(super) fn text(mut self, text: &str) -> Self {
        self.value(ValueRef::Text(text.as_bytes()));
        self
    }

    pub(super) fn number(mut self, number: i64) -> Self {
        self.value(ValueRef::Integer(number));
        self
    }

    /// In hexadecimal digits.
    pub(super) fn hash(self) -> String {
        format!("{:x}", self.0.finalize())
    }

    fn value(&mut self, value: ValueRef<'_>) {
        let mut put = |kind: u8, bytes: &[u8]| {
            self.0.update([kind]);
            self.0.update((bytes.len() as u64).to_be_bytes());
            self.0.update(bytes);
        };
        match value {
            ValueRef::Null => put(0, &[]),
            ValueRef::Integer(number) => put(1, &number.to_be_bytes()),
            ValueRef::Real(number) => put(2, &number.to_be_bytes()),
            ValueRef::Text(text) => put(3, text),
            ValueRef::Blob(bytes) => put(4, bytes),
        }
    }

    /// The columns of a row after the first, with texts in the place of their numbers.
    fn row(
        &mut self,
        connection: &Connection,
        texts: &mut Texts,
        columns: &[&str],
        row: &Row<'_>,
    ) -> rusqlite::Result<()> {
        for (place, column) in columns.iter().enumerate() {
            match row.get_ref(place + 1)? {
                ValueRef::Integer(0) if *column == ADDED => {}
                ValueRef::Integer(number) if TEXTS.contains(column) => {
                    self.value(ValueRef::Text(texts.text(connection, number)?.as_bytes()));
                }
                value => self.value(value),
            }
        }
        Ok(())
    }

    /// What a change says that retention took.
    fn expiries(&mut self, connection: &Connection, change: i64) -> rusqlite::Result<()> {
        let mut statement = connection
            .prepare_cached("SELECT day, level FROM expiry WHERE change = ?1 ORDER BY day, level")?;
        let mut rows = statement.query([change])?;
        while let Some(row) = rows.next()? {
            self.value(row.get_ref(0)?);
            self.value(row.get_ref(1)?);
        }
        Ok(())
    }
}
