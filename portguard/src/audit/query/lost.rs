//! How much is told by no source: what counters hold, and what the drops by source come to.

use std::collections::{BTreeMap, HashMap};

use rusqlite::Connection;
use serde::Serialize;

use super::totals::{at_ports, of_reasons, port_order};
use crate::{
    audit::{
        AuditError, Reader, Span,
        amount::{count_at, sum},
        details::Cause,
        fate::Fate,
        labels::Texts,
        span::{Grain, Plan},
    },
    observe::{Count, Direction, split_direction},
};

/// Detail that is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Lost {
    /// What had no place in the kernel's table.
    pub in_kernel: Count,
    /// What had none in its hour, which keeps the loudest.
    pub in_hour: Count,
    /// By reason, where anything was dropped, or would have been. Every packet has exactly one reason.
    pub reasons: Vec<LostByReason>,
    /// By documented port, where anything was dropped, or would have been.
    pub ports: Vec<LostAtPort>,
}

/// What is told of one reason's drops.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LostByReason {
    /// Whether packets came in, or were about to leave.
    pub direction: Direction,
    /// The reason's name.
    pub reason: String,
    /// Packets that were dropped, or would have been, by the kernel's counters.
    pub refused: u64,
    /// Those of them that are told by source.
    pub told: u64,
    /// The others.
    pub lost: u64,
}

/// What is told of the drops at one documented port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LostAtPort {
    /// The zone's name.
    pub zone: String,
    /// `8086/tcp`.
    pub port: String,
    /// Packets that no rule admitted, by the kernel's counters.
    pub refused: u64,
    /// Packets that are told by source. Those that were dropped for a malformed header, say, are among them and not among
    /// `refused`.
    pub told: u64,
    /// The others.
    pub lost: u64,
}

impl Reader {
    /// How much of what was dropped is told by no source.
    pub fn lost(&self, span: Span) -> Result<Lost, AuditError> {
        self.ask(|connection| lost(connection, span))
    }
}

fn lost(connection: &Connection, span: Span) -> rusqlite::Result<Lost> {
    let plan = Plan::new(connection, span, Grain::Days)?;
    let mut lost = Lost::default();
    for (table, time, ranges) in [("lost_hour", "hour", &plan.hours), ("lost_day", "day", &plan.days)] {
        let mut statement = connection.prepare_cached(&format!(
            "SELECT cause, sum(packets), sum(bytes) FROM {table} WHERE {time} >= ?1 AND {time} < ?2 GROUP BY cause"
        ))?;
        for range in ranges {
            let mut rows = statement.query([range.start, range.end])?;
            while let Some(row) = rows.next()? {
                let of_cause = match row.get::<_, i64>(0)? {
                    cause if cause == Cause::Kernel as i64 => &mut lost.in_kernel,
                    _ => &mut lost.in_hour,
                };
                *of_cause = sum(*of_cause, count_at(row, 1)?);
            }
        }
    }
    let (mut told_by_reason, mut told_at_port) = told_in_hours(connection, &plan)?;
    let mut texts = Texts::default();
    let mut refused: BTreeMap<i64, u64> = BTreeMap::new();
    for ((reason, fate), Count { packets, .. }) in of_reasons(connection, &plan)? {
        match fate {
            Fate::Passed => {}
            Fate::Dropped | Fate::WouldDrop => *refused.entry(reason).or_default() += packets,
            Fate::Told => *told_by_reason.entry(reason).or_default() += packets,
        }
    }
    for (reason, refused) in refused {
        let told = told_by_reason.get(&reason).copied().unwrap_or_default();
        let (direction, reason) = split_direction(texts.text(connection, reason)?);
        let (reason, lost_of_it) = (reason.to_owned(), refused.saturating_sub(told));
        lost.reasons.push(LostByReason { direction, reason, refused, told, lost: lost_of_it });
    }
    let mut refused: BTreeMap<(i64, i64), u64> = BTreeMap::new();
    for ((zone, port, _, fate), Count { packets, .. }) in at_ports(connection, &plan)? {
        match fate {
            Fate::Passed => {}
            Fate::Dropped | Fate::WouldDrop => *refused.entry((zone, port)).or_default() += packets,
            Fate::Told => *told_at_port.entry((zone, port)).or_default() += packets,
        }
    }
    for ((zone, port), refused) in refused {
        let told = told_at_port.get(&(zone, port)).copied().unwrap_or_default();
        let (zone, port) =
            (texts.text(connection, zone)?.to_owned(), texts.text(connection, port)?.to_owned());
        lost.ports.push(LostAtPort { zone, port, refused, told, lost: refused.saturating_sub(told) });
    }
    lost.reasons.sort_by(|left, right| (left.direction, &left.reason).cmp(&(right.direction, &right.reason)));
    lost.ports.sort_by_cached_key(|row| (row.zone.clone(), port_order(&row.port)));
    Ok(lost)
}

type Told = (HashMap<i64, u64>, HashMap<(i64, i64), u64>);

/// The packets that are told by source in the hours of `plan`, by reason and by port. Days say it of themselves.
fn told_in_hours(connection: &Connection, plan: &Plan) -> rusqlite::Result<Told> {
    let (mut by_reason, mut at_port) = (HashMap::new(), HashMap::new());
    let mut statement = connection.prepare_cached(
        "SELECT reason, zone, port, sum(packets) FROM drop_hour WHERE hour >= ?1 AND hour < ?2 GROUP BY reason, zone, port",
    )?;
    for range in &plan.hours {
        let mut rows = statement.query([range.start, range.end])?;
        while let Some(row) = rows.next()? {
            let packets = crate::audit::amount::from_file(row.get(3)?);
            *by_reason.entry(row.get(0)?).or_default() += packets;
            *at_port.entry((row.get(1)?, row.get(2)?)).or_default() += packets;
        }
    }
    Ok((by_reason, at_port))
}
