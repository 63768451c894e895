//! How long what is kept: first its hours go, then whom it tells, at last everything but the seal. Oldest first, and never a
//! day that is not sealed.
//!
//! By age, a day goes when as many days as it may stay lie between it and one that was just sealed. Clocks jump: a seal takes
//! no more than a few days with it, so that a clock that stands years ahead costs a few of the oldest days for each day that
//! it stays there, and not the record.

use rusqlite::{
    Connection, ToSql, params,
    types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef},
};

use super::{Change, ChangeKind, booking::book, changes, section::Section, words};

/// The days that one seal may take with it, of each level. One is enough as long as the clock goes as it should.
const DAYS_FOR_A_SEAL: i64 = 7;

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For how many days every hour is kept by itself, with all sources that it tells.
    pub hourly_days: u32,
    /// For how many days the loudest sources of the day are kept.
    pub source_days: u32,
    /// For how many days anything is kept but the seals: totals by port and by reason, changes.
    pub days: u32,
    /// The most bytes of the file that are in use. The oldest days lose their hours early where they would be more.
    pub bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { hourly_days: 35, source_days: 180, days: 400, bytes: 256 << 20 }
    }
}

/// What is gone of a day, and with it all that is above.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// Its hours: it is told as one day, with its loudest sources.
    Hours = 1,
    /// Its sources: totals and changes are left.
    Sources = 2,
    /// Everything but the seal.
    All = 3,
}

impl Level {
    pub(super) const ALL: [Self; 3] = [Self::Hours, Self::Sources, Self::All];

    fn days(self, limits: &Limits) -> i64 {
        match self {
            Self::Hours => limits.hourly_days,
            Self::Sources => limits.source_days,
            Self::All => limits.days,
        }
        .into()
    }

    /// What becomes of days, as the end of a sentence.
    fn says(self) -> &'static str {
        match self {
            Self::Hours => "are kept as days, without their hours",
            Self::Sources => "are kept without their sources",
            Self::All => "are kept as seals only",
        }
    }
}

impl ToSql for Level {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(i64::from(*self as u8).into())
    }
}

impl FromSql for Level {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let number = value.as_i64()?;
        Self::ALL.into_iter().find(|level| *level as i64 == number).ok_or(FromSqlError::OutOfRange(number))
    }
}

/// Takes what is too old now that `sealed` is over. Says what it took.
pub(super) fn by_age(
    connection: &Connection,
    limits: &Limits,
    sealed: i64,
    now: u64,
) -> rusqlite::Result<Vec<String>> {
    let mut said = Vec::new();
    for level in Level::ALL {
        let kept = level.days(limits);
        let days = oldest(connection, level, Some(sealed - kept + 1), DAYS_FOR_A_SEAL)?;
        let why = format!("more than {kept} days old");
        said.extend(take(connection, level, &days, &why, now)?);
    }
    Ok(said)
}

/// Takes the oldest until what is left is a tenth below the limit. Says what it took.
pub(super) fn by_size(connection: &Connection, limits: &Limits, now: u64) -> rusqlite::Result<Vec<String>> {
    let mut said = Vec::new();
    if used(connection)? <= limits.bytes {
        return Ok(said);
    }
    let enough = limits.bytes / 10 * 9;
    let why = format!("the file would have more than {} MiB in use", limits.bytes >> 20);
    for level in Level::ALL {
        let mut taken = Vec::new();
        for day in oldest(connection, level, None, i64::MAX)? {
            if used(connection)? <= enough {
                break;
            }
            remove(connection, day, level)?;
            taken.push(day);
        }
        said.extend(tell(connection, level, &taken, &why, now)?);
    }
    Ok(said)
}

/// The bytes of the file that are in use.
pub(super) fn used(connection: &Connection) -> rusqlite::Result<u64> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let pages = number("page_count")? - number("freelist_count")?;
    Ok(u64::try_from(pages * number("page_size")?).unwrap_or(0))
}

/// The oldest sealed days that `level` has not taken yet, of those before `before`.
fn oldest(
    connection: &Connection,
    level: Level,
    before: Option<i64>,
    most: i64,
) -> rusqlite::Result<Vec<i64>> {
    let mut statement = connection.prepare_cached(
        "SELECT day FROM day WHERE seal IS NOT NULL AND day < ?1 AND NOT EXISTS (SELECT 1 FROM expiry WHERE expiry.day = \
         day.day AND expiry.level >= ?2) ORDER BY day LIMIT ?3",
    )?;
    statement.query_map(params![before.unwrap_or(i64::MAX), level, most], |row| row.get(0))?.collect()
}

fn take(
    connection: &Connection,
    level: Level,
    days: &[i64],
    why: &str,
    now: u64,
) -> rusqlite::Result<Option<String>> {
    for &day in days {
        remove(connection, day, level)?;
    }
    tell(connection, level, days, why, now)
}

/// Removes what `level` and those above it take of `day`.
fn remove(connection: &Connection, day: i64, level: Level) -> rusqlite::Result<()> {
    for section in Section::ALL.into_iter().filter(|section| section.expires() <= level) {
        let (time, range) = section.of_day(day);
        let mut rows = connection
            .prepare_cached(&format!("DELETE FROM {} WHERE {time} >= ?1 AND {time} < ?2", section.table()))?;
        rows.execute([range.start, range.end])?;
        let mut parts = connection.prepare_cached("DELETE FROM seal_part WHERE day = ?1 AND section = ?2")?;
        parts.execute(params![day, section.table()])?;
    }
    Ok(())
}

/// Records that `level` has taken `days`.
fn tell(
    connection: &Connection,
    level: Level,
    days: &[i64],
    why: &str,
    now: u64,
) -> rusqlite::Result<Option<String>> {
    let (Some(&first), Some(&last)) = (days.first(), days.last()) else { return Ok(None) };
    let which = if first == last {
        format!("the records of {}", words::day(first))
    } else {
        format!("the records of {} days, {} to {},", days.len(), words::day(first), words::day(last))
    };
    let says = format!("{which} {}: {why}", level.says());
    let change = Change {
        at: now,
        kind: ChangeKind::Retention,
        generation: None,
        digest: None,
        by: "portguard".to_owned(),
        says: says.clone(),
        diff: None,
    };
    let booking = book(connection, now)?;
    let number = changes::insert(connection, booking.day, &change)?;
    let mut insert = connection
        .prepare_cached("INSERT INTO expiry (day, level, change, on_day) VALUES (?1, ?2, ?3, ?4)")?;
    for &day in days {
        insert.execute(params![day, level, number, booking.day])?;
    }
    Ok(Some(says))
}
