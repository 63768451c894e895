//! `portguard apply`: another site comes in force, if need be for a time only.

use std::{io::Write, path::PathBuf, time::Duration};

use anyhow::Context as _;

use super::{
    ExitStatus,
    control::{ChangeArgs, change},
};
use crate::daemon::Request;

const EXAMPLE: &str = "\
Example:
  portguard apply --confirm 60s new-site.toml    # and if you still have a shell:
  portguard confirm

Needs root. The file's text takes the place of the daemon's site file: relative paths in it count from there. With --confirm it is in
force at once, and taken back unless `portguard confirm` comes in time, also when the daemon is killed or the node boots meanwhile.
The file may be the site file itself.";

/// The options of `apply`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The file with the site
    #[arg(value_name = "SITE")]
    site: PathBuf,
    /// Take it back after this time (`60s`, `5m`) unless it is confirmed
    #[arg(long, value_name = "TIME", value_parser = time)]
    confirm: Option<Duration>,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Asks the daemon and shows what came of it.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<ExitStatus> {
    let path = std::path::absolute(&args.site).context("this process has no directory")?;
    let (session, despite_ssh) = args.change.asker();
    let confirm = args.confirm.map(|time| time.as_secs());
    change(&args.change.control, Request::Apply { path, confirm, session, despite_ssh }, out)
}

/// `60s`, `5m`, `1h`; a number alone is seconds.
fn time(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|character: char| !character.is_ascii_digit());
    let factor = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err("write a time as 60s, 5m or 1h".to_owned()),
    };
    let number: u64 = digits.parse().map_err(|_| "write a time as 60s, 5m or 1h".to_owned())?;
    match number.checked_mul(factor) {
        Some(seconds @ 1..=86_400) => Ok(Duration::from_secs(seconds)),
        _ => Err("the time must be from 1s to 24h".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_with_a_unit_or_in_seconds() {
        let seconds = |text| time(text).map(|time| time.as_secs());
        assert_eq!(
            [seconds("60s"), seconds("5m"), seconds("1h"), seconds("7")],
            [Ok(60), Ok(300), Ok(3600), Ok(7)]
        );
        for text in ["", "s", "0s", "25h", "1d", "-1", "1 m", "99999999999999999999"] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
