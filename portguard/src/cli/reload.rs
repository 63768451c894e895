//! `portguard reload`: the site file as it is now comes in force.

use std::io::Write;

use super::{
    ExitStatus,
    control::{ChangeArgs, change},
};
use crate::daemon::Request;

const EXAMPLE: &str = "\
Example:
  portguard check --site /etc/portguard/site.toml && portguard reload

Needs root. A site file that cannot be put in force changes nothing; it is told why, with exit code 2, and what was in force is so
still. So does SIGHUP, which tells it in the log. In mode `enforce`, a site that would end the SSH session that it is asked from
is refused.";

/// The options of `reload`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    #[command(flatten)]
    change: ChangeArgs,
}

/// Asks the daemon and shows what came of it.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<ExitStatus> {
    let (session, despite_ssh) = args.change.asker();
    change(&args.change.control, Request::Reload { session, despite_ssh }, out)
}
