//! What the kernel counted, by port and rule and by reason: exact, since it rests on counters.

use std::collections::BTreeMap;

use rusqlite::Connection;
use serde::Serialize;

use crate::{
    audit::{
        AuditError, Reader, Span,
        amount::{count_at, sum},
        fate::Fate,
        labels::Texts,
        span::{Grain, Plan},
    },
    observe::{Count, Direction, split_direction},
};

/// What one documented port saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PortTotals {
    /// The zone's name.
    pub zone: String,
    /// `8086/tcp`, `icmpv4/8`, `ip/47`; of what the node reaches `out 443/tcp`.
    pub port: String,
    /// What rules admitted, the one that admitted most first.
    pub rules: Vec<RuleTotal>,
    /// What was dropped.
    pub dropped: Count,
    /// What would have been dropped, had the mode not been `observe`.
    pub would_drop: Count,
}

/// What one rule admitted to one port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleTotal {
    /// The rule and its place: `redis-enterprise/shards (redis-enterprise.md:46)`.
    pub rule: String,
    /// What it admitted.
    pub passed: Count,
}

/// What one reason passed or dropped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReasonTotals {
    /// Whether packets came in, or were about to leave.
    pub direction: Direction,
    /// The reason's name.
    pub reason: String,
    /// What passed.
    pub passed: Count,
    /// What was dropped.
    pub dropped: Count,
    /// What would have been dropped, had the mode not been `observe`.
    pub would_drop: Count,
}

impl Reader {
    /// What each documented port saw. Ports that saw nothing are not in it.
    pub fn totals(&self, span: Span) -> Result<Vec<PortTotals>, AuditError> {
        self.ask(|connection| totals(connection, span))
    }

    /// What each reason passed or dropped. Every packet has exactly one.
    pub fn by_reason(&self, span: Span) -> Result<Vec<ReasonTotals>, AuditError> {
        self.ask(|connection| by_reason(connection, span))
    }
}

type AtPort = (i64, i64, i64, Fate);

/// The counts of ports, by the numbers of their texts.
pub(super) fn at_ports(connection: &Connection, plan: &Plan) -> rusqlite::Result<BTreeMap<AtPort, Count>> {
    let mut counts = BTreeMap::new();
    for (table, time, ranges) in [("port_hour", "hour", &plan.hours), ("port_day", "day", &plan.days)] {
        let mut statement = connection.prepare_cached(&format!(
            "SELECT zone, port, rule, fate, sum(packets), sum(bytes) FROM {table} WHERE {time} >= ?1 AND {time} < ?2 GROUP BY \
             zone, port, rule, fate"
        ))?;
        for range in ranges {
            let mut rows = statement.query([range.start, range.end])?;
            while let Some(row) = rows.next()? {
                let key = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
                let known: &mut Count = counts.entry(key).or_default();
                *known = sum(*known, count_at(row, 4)?);
            }
        }
    }
    Ok(counts)
}

/// The counts of reasons, by the numbers of their texts.
pub(super) fn of_reasons(
    connection: &Connection,
    plan: &Plan,
) -> rusqlite::Result<BTreeMap<(i64, Fate), Count>> {
    let mut counts = BTreeMap::new();
    for (table, time, ranges) in [("reason_hour", "hour", &plan.hours), ("reason_day", "day", &plan.days)] {
        let mut statement = connection.prepare_cached(&format!(
            "SELECT reason, fate, sum(packets), sum(bytes) FROM {table} WHERE {time} >= ?1 AND {time} < ?2 GROUP BY reason, fate"
        ))?;
        for range in ranges {
            let mut rows = statement.query([range.start, range.end])?;
            while let Some(row) = rows.next()? {
                let known: &mut Count = counts.entry((row.get(0)?, row.get(1)?)).or_default();
                *known = sum(*known, count_at(row, 2)?);
            }
        }
    }
    Ok(counts)
}

fn totals(connection: &Connection, span: Span) -> rusqlite::Result<Vec<PortTotals>> {
    let plan = Plan::new(connection, span, Grain::Days)?;
    let mut texts = Texts::default();
    let mut ports: Vec<PortTotals> = Vec::new();
    let mut last = None;
    for ((zone, port, rule, fate), counted) in at_ports(connection, &plan)? {
        // Not a packet of its own.
        if fate == Fate::Told {
            continue;
        }
        if last != Some((zone, port)) {
            last = Some((zone, port));
            let (zone, port) =
                (texts.text(connection, zone)?.to_owned(), texts.text(connection, port)?.to_owned());
            let (dropped, would_drop) = (Count::default(), Count::default());
            ports.push(PortTotals { zone, port, rules: Vec::new(), dropped, would_drop });
        }
        let Some(row) = ports.last_mut() else { continue };
        match fate {
            Fate::Passed => {
                let rule = texts.text(connection, rule)?.to_owned();
                row.rules.push(RuleTotal { rule, passed: counted });
            }
            Fate::Dropped => row.dropped = counted,
            Fate::WouldDrop | Fate::Told => row.would_drop = counted,
        }
    }
    for port in &mut ports {
        port.rules.sort_by(|left, right| {
            right.passed.packets.cmp(&left.passed.packets).then_with(|| left.rule.cmp(&right.rule))
        });
    }
    ports.sort_by_cached_key(|row| (row.zone.clone(), port_order(&row.port)));
    Ok(ports)
}

/// `8086/tcp` by its transport, and then by its number; behind all such what is about to leave.
pub(super) fn port_order(port: &str) -> (Direction, String, u32, String) {
    let (direction, port) = split_direction(port);
    let (left, right) = port.split_once('/').unwrap_or((port, ""));
    match (left.parse(), right.parse()) {
        (Ok(number), _) => (direction, right.to_owned(), number, port.to_owned()),
        (_, Ok(number)) => (direction, left.to_owned(), number, port.to_owned()),
        _ => (direction, String::new(), 0, port.to_owned()),
    }
}

pub(super) fn by_reason(connection: &Connection, span: Span) -> rusqlite::Result<Vec<ReasonTotals>> {
    let plan = Plan::new(connection, span, Grain::Days)?;
    let mut texts = Texts::default();
    let mut reasons: BTreeMap<(Direction, String), ReasonTotals> = BTreeMap::new();
    for ((reason, fate), counted) in of_reasons(connection, &plan)? {
        if fate == Fate::Told {
            continue;
        }
        let (direction, reason) = split_direction(texts.text(connection, reason)?);
        let reason = reason.to_owned();
        let row = reasons.entry((direction, reason.clone())).or_insert_with(|| ReasonTotals {
            direction,
            reason,
            passed: Count::default(),
            dropped: Count::default(),
            would_drop: Count::default(),
        });
        match fate {
            Fate::Passed => row.passed = counted,
            Fate::Dropped => row.dropped = counted,
            Fate::WouldDrop | Fate::Told => row.would_drop = counted,
        }
    }
    Ok(reasons.into_values().collect())
}
