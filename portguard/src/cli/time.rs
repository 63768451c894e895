//! Times as options say them.

use std::time::Duration;

use jiff::{civil::DateTime, tz::TimeZone};

/// A point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// So long before now.
    Ago(Duration),
    /// In seconds since 1970.
    At(u64),
}

impl Moment {
    /// In seconds since 1970.
    pub(super) fn seconds(self, now: u64) -> u64 {
        match self {
            Self::Ago(time) => now.saturating_sub(time.as_secs()),
            Self::At(seconds) => seconds,
        }
    }
}

/// A time before now as [`time`] reads it, or `2026-11-01`, `2026-11-01T06:00` in UTC.
pub(super) fn moment(text: &str) -> Result<Moment, String> {
    let Ok(at) = text.parse::<DateTime>() else {
        return time(text).map(Moment::Ago).map_err(|_| WHEN.to_owned());
    };
    let at = at.to_zoned(TimeZone::UTC).ok().and_then(|at| u64::try_from(at.timestamp().as_second()).ok());
    at.map(Moment::At).ok_or_else(|| WHEN.to_owned())
}

const WHEN: &str = "write how long ago (24h, 30d), or a day or time in UTC (2026-11-01, 2026-11-01T06:00)";

/// `60s`, `5m`, `1h`, `30d`; a number alone is seconds.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    time_to(text, LONGEST, "3660d")
}

/// The same, no longer than `longest` seconds, which people write as `written`.
pub(super) fn time_to(text: &str, longest: u64, written: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|character: char| !character.is_ascii_digit());
    let factor: u64 = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(WRITE.to_owned()),
    };
    let number: u64 = digits.parse().map_err(|_| WRITE.to_owned())?;
    match number.checked_mul(factor) {
        Some(seconds) if (1..=longest).contains(&seconds) => Ok(Duration::from_secs(seconds)),
        _ => Err(format!("the time must be from 1s to {written}")),
    }
}

const WRITE: &str = "write a time as 60s, 5m, 1h or 30d";
/// Ten years.
const LONGEST: u64 = 3660 * 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_so_long_ago_or_a_day_or_time_in_utc() {
        let seconds = |text| moment(text).map(|moment| moment.seconds(1_795_219_200));
        assert_eq!(
            [seconds("1d"), seconds("2026-11-01"), seconds("2026-11-01T06:00")],
            [Ok(1_795_132_800), Ok(1_793_491_200), Ok(1_793_512_800)]
        );
        for text in ["", "yesterday", "1w", "2026-13-01", "1969-12-31"] {
            assert!(moment(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_written_with_a_unit_or_in_seconds() {
        let seconds = |text| time(text).map(|time| time.as_secs());
        assert_eq!(
            [seconds("60s"), seconds("5m"), seconds("1h"), seconds("7"), seconds("30d")],
            [Ok(60), Ok(300), Ok(3600), Ok(7), Ok(2_592_000)]
        );
        for text in ["", "s", "0s", "3661d", "1w", "-1", "1 m", "99999999999999999999"] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
