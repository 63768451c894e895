//! Times as options say them.

use std::time::Duration;

/// `60s`, `5m`, `1h`, `30d`; a number alone is seconds.
pub(super) fn time(text: &str) -> Result<Duration, String> {
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
        Some(seconds) if (1..=LONGEST).contains(&seconds) => Ok(Duration::from_secs(seconds)),
        _ => Err("the time must be from 1s to 3660d".to_owned()),
    }
}

const WRITE: &str = "write a time as 60s, 5m, 1h or 30d";
/// Ten years.
const LONGEST: u64 = 3660 * 86_400;

#[cfg(test)]
mod tests {
    use super::*;

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
