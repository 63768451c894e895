//! How many packets passed and dropped over time, for charts.

use rusqlite::Connection;
use serde::Serialize;

use crate::audit::{
    AuditError, Reader, Span,
    amount::from_file,
    booking::{HOUR, HOURS},
    fate::Fate,
    span::{Grain, Plan},
};

/// The most points that one asks for: more than any chart shows.
const MOST_POINTS: u64 = 100_000;

/// Packets over time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Series {
    /// From the first point's to the last point's end.
    pub span: Span,
    /// Seconds from one point to the next.
    pub step: u64,
    /// The days of which only the sum is kept: it stands at their first hour.
    pub whole_days: u64,
    /// Ascending, none left out.
    pub points: Vec<Point>,
}

/// The packets of one step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Point {
    /// Where it begins, in seconds since 1970.
    pub at: u64,
    /// What passed, and was to pass.
    pub passed: u64,
    /// What was dropped.
    pub dropped: u64,
    /// What passed, and would have been dropped had the mode not been `observe`.
    pub would_drop: u64,
}

impl Reader {
    /// Packets by steps of `step` seconds, which are rounded up to hours.
    pub fn series(&self, span: Span, step: u64) -> Result<Series, AuditError> {
        self.ask(|connection| series(connection, span, step))
    }
}

fn series(connection: &Connection, span: Span, step: u64) -> rusqlite::Result<Series> {
    let span = span.touched();
    let length = span.until - span.since;
    let step = step.max(length.div_ceil(MOST_POINTS)).div_ceil(HOUR).max(1) * HOUR;
    let mut points: Vec<Point> = (0..length.div_ceil(step))
        .map(|place| Point { at: span.since + place * step, ..Point::default() })
        .collect();
    let plan = Plan::new(connection, span, Grain::Hours)?;
    let mut add = |hour: i64, fate: Fate, packets: u64| {
        let at = from_file(hour).saturating_mul(HOUR).max(span.since);
        let place = usize::try_from((at - span.since) / step).unwrap_or(usize::MAX);
        let Some(point) = points.get_mut(place) else { return };
        let sum = match fate {
            Fate::Passed => &mut point.passed,
            Fate::Dropped => &mut point.dropped,
            Fate::WouldDrop => &mut point.would_drop,
            Fate::Told => return,
        };
        *sum = sum.saturating_add(packets);
    };
    for (table, time, ranges, hours) in
        [("reason_hour", "hour", &plan.hours, 1), ("reason_day", "day", &plan.days, HOURS)]
    {
        let mut statement = connection.prepare_cached(&format!(
            "SELECT {time}, fate, sum(packets) FROM {table} WHERE {time} >= ?1 AND {time} < ?2 GROUP BY {time}, fate"
        ))?;
        for range in ranges {
            let mut rows = statement.query([range.start, range.end])?;
            while let Some(row) = rows.next()? {
                add(row.get::<_, i64>(0)? * hours, row.get(1)?, from_file(row.get(2)?));
            }
        }
    }
    let until = points.last().map_or(span.until, |last| last.at + step);
    Ok(Series { span: Span { until, ..span }, step, whole_days: plan.whole_days(), points })
}
