//! Which hours and which days a question is about, and where they are read: hour by hour, or from what was written down of a
//! whole day.

use std::ops::Range;

use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::{
    amount::to_file,
    booking::{HOUR, HOURS},
};

/// From when to when. What is kept is kept by hours, so that an answer is about all hours that are touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The first second, since 1970.
    pub since: u64,
    /// The second after the last.
    pub until: u64,
}

impl Span {
    /// The hours that it touches.
    fn hours(self) -> Range<i64> {
        let first = to_file(self.since / HOUR);
        first..to_file(self.until.div_ceil(HOUR)).max(first + 1)
    }

    /// The same in whole hours.
    pub(super) fn touched(self) -> Self {
        let Range { start, end } = self.hours();
        let seconds = |hour: i64| u64::try_from(hour).unwrap_or(0).saturating_mul(HOUR);
        Self { since: seconds(start), until: seconds(end) }
    }
}

/// What is read of a day that has both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grain {
    /// Its hours.
    Hours,
    /// The day, if all of it is asked for.
    Days,
}

/// Hours and days to read, each ascending.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) hours: Vec<Range<i64>>,
    pub(super) days: Vec<Range<i64>>,
}

impl Plan {
    pub(super) fn new(connection: &Connection, span: Span, grain: Grain) -> rusqlite::Result<Self> {
        let asked = span.hours();
        let mut statement = connection.prepare_cached(
            "SELECT day, seal IS NOT NULL, EXISTS (SELECT 1 FROM expiry WHERE expiry.day = day.day) FROM day WHERE day >= \
             ?1 AND day < ?2 ORDER BY day",
        )?;
        let days = (asked.start.div_euclid(HOURS), (asked.end - 1).div_euclid(HOURS) + 1);
        let mut rows = statement.query(days)?;
        let mut plan = Self::default();
        while let Some(row) = rows.next()? {
            let (day, is_sealed, is_rolled_up): (i64, bool, bool) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let hours = asked.start.max(day * HOURS)..asked.end.min((day + 1) * HOURS);
            let is_whole = hours.end - hours.start == HOURS;
            if is_rolled_up || (is_sealed && is_whole && grain == Grain::Days) {
                extend(&mut plan.days, day..day + 1);
            } else {
                extend(&mut plan.hours, hours);
            }
        }
        Ok(plan)
    }

    /// The number of days that are read as days.
    pub(super) fn whole_days(&self) -> u64 {
        self.days.iter().map(|days| u64::try_from(days.end - days.start).unwrap_or(0)).sum()
    }
}

fn extend(ranges: &mut Vec<Range<i64>>, more: Range<i64>) {
    match ranges.last_mut() {
        Some(last) if last.end == more.start => last.end = more.end,
        _ => ranges.push(more),
    }
}
