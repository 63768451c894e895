//! `portguard reload`: the site file as it is now comes in force.

use std::{io::Write, path::PathBuf};

use anyhow::bail;

use super::ExitStatus;
use crate::daemon::{RUNTIME_DIR, Reply, Request, ask};

const EXAMPLE: &str = "\
Example:
  portguard check --site /etc/portguard/site.toml && portguard reload

Needs root. A site file that cannot be put in force changes nothing; it is told why, with exit code 2, and what was in force is so
still. So does SIGHUP, which tells it in the log.";

/// The options of `reload`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The directory of the daemon's control socket
    #[arg(long, value_name = "DIR", default_value = RUNTIME_DIR)]
    runtime_dir: PathBuf,
}

/// Asks the daemon and shows what came of it.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<ExitStatus> {
    let Reply::Done(said) = ask(&args.runtime_dir, Request::Reload)? else {
        bail!("portguard answered another question than the one that was asked");
    };
    writeln!(out, "{said}")?;
    Ok(ExitStatus::Success)
}
