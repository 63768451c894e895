//! Everything that a report says, gathered at one moment.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Absence, Accepts, InForce, absence::absences, words};
use crate::{
    audit::{
        AuditError, Change, DropFilter, Lost, Order, PortTotals, Reader, ReasonTotals, Series, Span,
        TopSources, Verification,
    },
    observe::{Count, Direction},
};

/// The sources that are named.
const SOURCES: usize = 50;
/// Up to so long the chart is by hours, then by days, then by weeks.
const BY_HOUR: u64 = 3 * 86_400;
const BY_DAY: u64 = 100 * 86_400;

/// What a report is about, and who makes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct About {
    /// The node's name.
    pub node: String,
    /// The version that made the report.
    pub portguard: String,
    /// When, in seconds since 1970.
    pub generated: u64,
    /// The period.
    pub span: Span,
}

/// A report.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What it is about.
    #[serde(flatten)]
    pub about: About,
    /// What is in force.
    pub in_force: InForce,
    /// What that lets in, and what it lets the node connect to; `None` where no site is known.
    pub accepts: Option<Accepts>,
    /// What the period comes to.
    pub totals: Totals,
    /// The same over time.
    pub series: Series,
    /// The same by reason. Every packet has exactly one.
    pub reasons: Vec<ReasonTotals>,
    /// By documented port and rule.
    pub ports: Vec<PortTotals>,
    /// What was dropped at ports that no document names, as far as it is told by source.
    pub undocumented: Vec<UndocumentedPort>,
    /// Of whom most was dropped, and on its way to whom.
    pub sources: TopSources,
    /// Everything that changed.
    pub changes: Vec<Change>,
    /// What is missing, or not sure.
    pub gaps: Gaps,
    /// Whether the record is as it was sealed.
    pub verification: Verified,
}

/// What packets come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// What passed.
    pub passed: Count,
    /// What was dropped.
    pub dropped: Count,
    /// What would have been dropped, had the mode not been `observe`.
    pub would_drop: Count,
}

/// What was dropped at a port that no document names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UndocumentedPort {
    /// Whether packets came in, or were about to leave.
    pub direction: Direction,
    /// The zone's name.
    pub zone: String,
    /// `23/tcp`, `out 443/tcp`.
    pub port: String,
    /// From how many sources, or to how many destinations.
    pub sources: usize,
    /// What was dropped.
    pub dropped: u64,
    /// What would have been dropped, had the mode not been `observe`.
    pub would_drop: u64,
    /// When the last packet came, in milliseconds since 1970.
    pub last: u64,
}

/// Where the record is incomplete.
#[derive(Clone, Debug, Serialize)]
pub struct Gaps {
    /// What was noted: counters that cannot be believed, clocks that jumped.
    pub noted: Vec<Change>,
    /// When no daemon ran.
    pub absences: Vec<Absence>,
    /// What is told by no source.
    pub lost: Lost,
}

/// What is known of the record's seals.
#[derive(Clone, Debug, Serialize)]
pub struct Verified {
    /// How many days are sealed.
    pub sealed: usize,
    /// The hash of the last seal: who keeps it elsewhere can show later that nothing was rewritten.
    pub head: Option<String>,
    /// When the record was last held against its seals, in seconds since 1970.
    pub at: Option<u64>,
    /// What was found then.
    pub found: Option<Verification>,
}

impl Report {
    /// Gathers what the record says of the period. `in_force` is what the daemon says, if it was asked and answered; `accepts` is
    /// given what is in force and says what that lets in; `verified` is what was found just now, if the record was verified.
    pub fn new(
        reader: &Reader,
        about: About,
        in_force: Option<InForce>,
        accepts: impl FnOnce(&InForce) -> Option<Accepts>,
        verified: Option<Verification>,
    ) -> Result<Self, AuditError> {
        let _held = reader.hold()?;
        let span = about.span;
        let story = reader.changes(Span { since: 0, until: span.until })?;
        let in_force = in_force.unwrap_or_else(|| InForce::of_record(&story));
        let accepts = accepts(&in_force);
        let reasons = reader.by_reason(span)?;
        let gaps =
            Gaps { noted: reader.gaps(span)?, absences: absences(&story, span), lost: reader.lost(span)? };
        let verification = verification(reader, about.generated, verified)?;
        Ok(Self {
            in_force,
            accepts,
            totals: Totals::of(&reasons),
            series: reader.series(span, step(span))?,
            reasons,
            ports: reader.totals(span)?,
            undocumented: undocumented(reader, span)?,
            sources: reader.top_sources(span, SOURCES)?,
            changes: story.into_iter().filter(|change| change.at >= span.since).collect(),
            gaps,
            verification,
            about,
        })
    }

    /// What of the totals was about to leave.
    pub fn totals_outbound(&self) -> Totals {
        Totals::of(self.reasons.iter().filter(|row| row.direction == Direction::Out))
    }
}

impl Totals {
    /// What `reasons` come to.
    pub(super) fn of<'r>(reasons: impl IntoIterator<Item = &'r ReasonTotals>) -> Self {
        reasons.into_iter().fold(Self::default(), |known, row| Self {
            passed: sum(known.passed, row.passed),
            dropped: sum(known.dropped, row.dropped),
            would_drop: sum(known.would_drop, row.would_drop),
        })
    }
}

fn sum(one: Count, other: Count) -> Count {
    Count { packets: one.packets.saturating_add(other.packets), bytes: one.bytes.saturating_add(other.bytes) }
}

fn step(span: Span) -> u64 {
    match span.until.saturating_sub(span.since) {
        length if length <= BY_HOUR => 3600,
        length if length <= BY_DAY => 86_400,
        _ => 7 * 86_400,
    }
}

fn undocumented(reader: &Reader, span: Span) -> Result<Vec<UndocumentedPort>, AuditError> {
    let all = DropFilter {
        span,
        source: None,
        port: None,
        rule: None,
        reason: None,
        order: Order::Loudest,
        limit: usize::MAX,
    };
    let drops = reader.drops(&all)?;
    let mut ports: BTreeMap<(&str, &str), (UndocumentedPort, BTreeSet<_>)> = BTreeMap::new();
    for row in drops.rows.iter().filter(|row| words::is_undocumented(row)) {
        let (port, sources) = ports.entry((&row.zone, &row.port)).or_insert_with(|| {
            let port = UndocumentedPort {
                direction: row.direction,
                zone: row.zone.clone(),
                port: row.port.clone(),
                sources: 0,
                dropped: 0,
                would_drop: 0,
                last: 0,
            };
            (port, BTreeSet::new())
        });
        let counted = if row.would { &mut port.would_drop } else { &mut port.dropped };
        *counted = counted.saturating_add(row.counted.packets);
        port.last = port.last.max(row.last);
        sources.insert(row.source);
    }
    let ports =
        ports.into_values().map(|(port, sources)| UndocumentedPort { sources: sources.len(), ..port });
    let mut ports: Vec<UndocumentedPort> = ports.collect();
    ports.sort_by_key(|port| std::cmp::Reverse(port.dropped.saturating_add(port.would_drop)));
    Ok(ports)
}

fn verification(reader: &Reader, now: u64, verified: Option<Verification>) -> Result<Verified, AuditError> {
    let seals = reader.seals()?;
    let (at, found) = match verified {
        Some(found) => (Some(now), Some(found)),
        None => reader.last_verification()?.unzip(),
    };
    Ok(Verified { sealed: seals.len(), head: seals.last().map(|seal| seal.hash.clone()), at, found })
}
