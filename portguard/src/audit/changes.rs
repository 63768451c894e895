//! Writing down what changed.

use rusqlite::Connection;

use super::{Change, amount::to_file};

/// The longest difference that is kept whole.
const LONGEST_DIFF: usize = 64 << 10;
/// What the differences of one day may come to. Somebody who reloads in a loop must not fill the disk.
const DIFFS_OF_A_DAY: usize = 4 << 20;
/// The longest of the other texts.
const LONGEST_TEXT: usize = 4 << 10;

/// Writes `change` down under `day`, and gives its number.
pub(super) fn insert(connection: &Connection, day: i64, change: &Change) -> rusqlite::Result<i64> {
    let Change { at, kind, generation, digest, by, says, diff } = change;
    let kept: i64 = connection
        .prepare_cached("SELECT coalesce(sum(octet_length(diff)), 0) FROM change WHERE day = ?1")?
        .query_row([day], |row| row.get(0))?;
    let left = DIFFS_OF_A_DAY.saturating_sub(usize::try_from(kept).unwrap_or(usize::MAX));
    let diff = diff.as_deref().map(|diff| cut(diff, LONGEST_DIFF.min(left)));
    let mut statement = connection.prepare_cached(
        "INSERT INTO change (day, at, kind, generation, digest, asked_by, says, diff) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, \
         ?8)",
    )?;
    statement.insert((
        day,
        to_file(*at),
        kind.name(),
        generation.map(to_file),
        digest,
        cut(by, LONGEST_TEXT),
        cut(says, LONGEST_TEXT),
        diff,
    ))
}

/// The text, or as much of it as may be kept.
fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(most);
    format!("{}\n(cut here: {} of {} bytes are kept)", &text[..end], end, text.len())
}
