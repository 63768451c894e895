//! The time of day, for what people read. Nothing waits by it.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970; 0 on a clock that stands before.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
