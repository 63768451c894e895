//! Under which hour something is recorded: the clock's, unless its day is sealed.
//!
//! A clock is what people and time servers set. What is recorded is booked where the clock stands, in whatever direction it
//! has jumped, and the jump is told. Only a day that is sealed is never written again: what would fall into it is booked on the
//! first day after it that is not.

use rusqlite::{Connection, OptionalExtension as _};

use super::{Change, ChangeKind, amount::to_file, changes, words};

/// Hours of a day.
pub(super) const HOURS: i64 = 24;
/// Seconds of an hour.
pub(super) const HOUR: u64 = 3600;
/// Seconds of a day.
pub(super) const DAY: u64 = 86_400;

/// A clock that goes back by less is being adjusted, and nobody needs to know.
const ADJUSTED: u64 = 60;
/// If nothing was recorded for longer, that is told.
const SILENT: u64 = 2 * DAY;

/// When something was last recorded, by the clock.
const LATEST: &str = "latest";
/// Whether what is recorded is booked on another day than the clock's.
const MOVED: &str = "moved";

/// Where something is booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Booking {
    pub(super) day: i64,
    pub(super) hour: i64,
}

/// Where what happens at `at` is booked. Tells what is odd about the clock.
pub(super) fn book(connection: &Connection, at: u64) -> rusqlite::Result<Booking> {
    let clock = to_file(at / HOUR);
    let day = first_unsealed(connection, clock / HOURS)?;
    let moved = day != clock / HOURS;
    let booking = Booking { day, hour: if moved { day * HOURS } else { clock } };
    connection.prepare_cached("INSERT OR IGNORE INTO day (day) VALUES (?1)")?.execute([day])?;
    let tell = |kind, says| {
        let change =
            Change { at, kind, generation: None, digest: None, by: "portguard".to_owned(), says, diff: None };
        changes::insert(connection, day, &change)
    };
    let latest = remembered(connection, LATEST)?.and_then(|latest| u64::try_from(latest).ok());
    if let Some(latest) = latest.filter(|&latest| at.saturating_add(ADJUSTED) < latest) {
        let (back, then, now) = (words::duration(latest - at), words::time(latest), words::time(at));
        tell(ChangeKind::Clock, format!("the clock went back by {back}: it said {then}, and then {now}"))?;
    }
    if let Some(latest) = latest.filter(|&latest| latest.saturating_add(SILENT) < at) {
        let (long, then, now) = (words::duration(at - latest), words::time(latest), words::time(at));
        let says = format!(
            "nothing was recorded for {long}, from {then} to {now}: no portguard ran, or the clock went forward"
        );
        tell(ChangeKind::Gap, says)?;
    }
    if moved && remembered(connection, MOVED)? != Some(1) {
        let (sealed, booked) = (words::day(clock / HOURS), words::day(day));
        let says = format!(
            "the clock stands in {sealed}, which is sealed: what is recorded is booked on {booked} until the clock has left \
             it"
        );
        tell(ChangeKind::Clock, says)?;
    }
    remember(connection, LATEST, to_file(at))?;
    remember(connection, MOVED, i64::from(moved))?;
    Ok(booking)
}

fn first_unsealed(connection: &Connection, day: i64) -> rusqlite::Result<i64> {
    let mut sealed = connection.prepare_cached("SELECT 1 FROM day WHERE day = ?1 AND seal IS NOT NULL")?;
    let mut day = day;
    while sealed.exists([day])? {
        day += 1;
    }
    Ok(day)
}

fn remembered(connection: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    let mut statement = connection.prepare_cached("SELECT value FROM memory WHERE name = ?1")?;
    statement.query_row([name], |row| row.get(0)).optional()
}

fn remember(connection: &Connection, name: &str, value: i64) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO memory (name, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value",
    )?;
    statement.execute((name, value)).map(drop)
}
