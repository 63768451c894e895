//! What changed, and where the record has gaps.

use rusqlite::{Connection, Row};

use crate::audit::{
    AuditError, Change, ChangeKind, Reader, Span,
    amount::{from_file, to_file},
};

/// What says that something is missing in the record or not sure.
const GAPS: [ChangeKind; 2] = [ChangeKind::Gap, ChangeKind::Clock];

impl Reader {
    /// Everything that changed, in the order in which it was recorded.
    pub fn changes(&self, span: Span) -> Result<Vec<Change>, AuditError> {
        self.ask(|connection| changes(connection, span))
    }

    /// Where something is missing in the record, or the clock was not sure.
    pub fn gaps(&self, span: Span) -> Result<Vec<Change>, AuditError> {
        let changes = self.changes(span)?;
        Ok(changes.into_iter().filter(|change| GAPS.contains(&change.kind)).collect())
    }
}

fn changes(connection: &Connection, span: Span) -> rusqlite::Result<Vec<Change>> {
    let mut statement = connection.prepare_cached(
        "SELECT at, kind, generation, digest, asked_by, says, diff FROM change WHERE at >= ?1 AND at < ?2 ORDER BY id",
    )?;
    statement.query_map([to_file(span.since), to_file(span.until)], change)?.collect()
}

fn change(row: &Row<'_>) -> rusqlite::Result<Change> {
    let kind: String = row.get(1)?;
    Ok(Change {
        at: from_file(row.get(0)?),
        // A kind that is none was put there by somebody else: verification tells.
        kind: ChangeKind::of_name(&kind).unwrap_or(ChangeKind::Gap),
        generation: row.get::<_, Option<i64>>(2)?.map(from_file),
        digest: row.get(3)?,
        by: row.get(4)?,
        says: row.get(5)?,
        diff: row.get(6)?,
    })
}
