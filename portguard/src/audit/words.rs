//! Times as people read them, in UTC.

use jiff::Timestamp;

/// `2026-11-21` for a day since 1970.
pub(super) fn day(day: i64) -> String {
    written(day.saturating_mul(86_400), "%F")
}

/// `2026-11-21 13:00` for an hour since 1970.
pub(super) fn hour(hour: i64) -> String {
    written(hour.saturating_mul(3600), "%F %H:%M")
}

/// `2026-11-21 13:05:09 UTC` for seconds since 1970.
pub(super) fn time(seconds: u64) -> String {
    written(i64::try_from(seconds).unwrap_or(i64::MAX), "%F %T UTC")
}

fn written(seconds: i64, how: &str) -> String {
    // Past the year 9999 there is no such clock.
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX).strftime(how).to_string()
}

/// A duration in its two largest units.
pub(super) fn duration(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", seconds % 60),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}
