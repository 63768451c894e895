//! Packets and bytes as the file holds them: SQLite's numbers are signed.

use rusqlite::Row;

use crate::observe::Count;

/// The most that is booked at once. No interface counts so far, and eight of it can be added up.
const MOST: u64 = 1 << 60;

/// A number of ours as one of the file's.
pub(super) fn to_file(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number of the file's as one of ours; one below zero was put there by somebody else.
pub(super) fn from_file(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// Packets and bytes of two neighbouring columns.
pub(super) fn count_at(row: &Row<'_>, packets: usize) -> rusqlite::Result<Count> {
    Ok(Count { packets: from_file(row.get(packets)?), bytes: from_file(row.get(packets + 1)?) })
}

/// Both together.
pub(super) fn sum(left: Count, right: Count) -> Count {
    Count {
        packets: left.packets.saturating_add(right.packets),
        bytes: left.bytes.saturating_add(right.bytes),
    }
}

/// What has come to `before`; `None` if it has become less, or more than can be.
pub(super) fn grown(before: Count, now: Count) -> Option<Count> {
    let grown = Count {
        packets: now.packets.checked_sub(before.packets)?,
        bytes: now.bytes.checked_sub(before.bytes)?,
    };
    (grown.packets <= MOST && grown.bytes <= MOST && now.packets <= MOST && now.bytes <= MOST)
        .then_some(grown)
}

/// The same, as far as it can be booked.
pub(super) fn bounded(count: Count) -> Count {
    Count { packets: count.packets.min(MOST), bytes: count.bytes.min(MOST) }
}
