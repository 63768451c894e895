//! `portguard apply`: another site comes in force, if need be for a time only.

use std::{io::Write, path::PathBuf, time::Duration};

use anyhow::Context as _;

use super::{
    ExitStatus,
    control::{ChangeArgs, change},
    time::time_to,
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
    #[arg(long, value_name = "TIME", value_parser = patience)]
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

/// A time in which somebody can confirm.
fn patience(text: &str) -> Result<Duration, String> {
    time_to(text, LONGEST, "24h")
}

/// Whoever has not confirmed within a day has forgotten it; in seconds.
const LONGEST: u64 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_has_more_than_a_day() {
        assert_eq!(patience("24h"), Ok(Duration::from_secs(LONGEST)));
        for text in ["25h", "2d", "0s", "9999999h", "99999999999999999999h"] {
            assert!(patience(text).is_err_and(|why| !why.contains("3660d")), "{text}");
        }
    }
}
