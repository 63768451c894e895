//! Who was dropped where, day by day: what a spreadsheet is made of.

use std::{cmp::Reverse, collections::HashMap};

use rusqlite::Connection;
use serde::Serialize;

use super::{
    drops::{DropRow, for_each, row},
    totals::{ReasonTotals, by_reason},
};
use crate::audit::{
    AuditError, Reader, Span,
    booking::DAY,
    labels::Texts,
    span::{Grain, Plan},
    tally::{Key, Sums},
    words,
};

/// What was dropped on one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DayOfDrops {
    /// The day, `2026-11-21`, in UTC.
    pub day: String,
    /// By source and port, the loudest first.
    pub rows: Vec<DropRow>,
    /// How many more rows there are.
    pub more: usize,
    /// By reason, with no source left out.
    pub reasons: Vec<ReasonTotals>,
}

impl Reader {
    /// What was dropped on each day, by the `limit` loudest. Days on which nothing was recorded are not in it.
    pub fn drops_by_day(&self, span: Span, limit: usize) -> Result<Vec<DayOfDrops>, AuditError> {
        let days = span.since / DAY..span.until.div_ceil(DAY);
        let of_day =
            |day: u64| Span { since: span.since.max(day * DAY), until: span.until.min((day + 1) * DAY) };
        self.ask(|connection| {
            let days = days.map(|day| day_of_drops(connection, day, of_day(day), limit));
            days.filter(|day| day.as_ref().map_or(true, |day| !day.reasons.is_empty())).collect()
        })
    }
}

fn day_of_drops(connection: &Connection, day: u64, span: Span, limit: usize) -> rusqlite::Result<DayOfDrops> {
    let plan = Plan::new(connection, span, Grain::Days)?;
    let mut found: HashMap<Key, Sums> = HashMap::new();
    for_each(connection, &plan, None, |key, sums| {
        found.entry(key).and_modify(|known| known.add(sums)).or_insert(sums);
        Ok(())
    })?;
    let mut found: Vec<(Key, Sums)> = found.into_iter().collect();
    found.sort_unstable_by_key(|(key, sums)| (Reverse(sums.counted.packets), *key));
    let more = found.len().saturating_sub(limit);
    found.truncate(limit);
    let mut texts = Texts::default();
    let rows = found.into_iter().map(|(key, sums)| row(connection, &mut texts, key, sums));
    Ok(DayOfDrops {
        day: words::day(i64::try_from(day).unwrap_or(i64::MAX)),
        rows: rows.collect::<rusqlite::Result<_>>()?,
        more,
        reasons: by_reason(connection, span)?,
    })
}
