//! What became of packets, as the file holds it.

use rusqlite::{
    ToSql,
    types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef},
};

/// What became of packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Fate {
    /// They passed.
    Passed,
    /// They were dropped.
    Dropped,
    /// They passed, since the mode was `observe`, and would have been dropped.
    WouldDrop,
    /// Not a fate of its own: the part of what was dropped, or would have been, that is told by source.
    Told,
}

impl Fate {
    const ALL: [Self; 4] = [Self::Passed, Self::Dropped, Self::WouldDrop, Self::Told];
}

impl ToSql for Fate {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(i64::from(*self as u8).into())
    }
}

impl FromSql for Fate {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let number = value.as_i64()?;
        let known = usize::try_from(number).ok().and_then(|number| Self::ALL.get(number).copied());
        known.ok_or(FromSqlError::OutOfRange(number))
    }
}
