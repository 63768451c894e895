//! `portguard detach`: the only thing that opens the node.

use std::{io::Write, path::PathBuf};

use anyhow::bail;

use super::{ExitStatus, control::ControlArgs};
use crate::daemon::{BPFFS, DaemonError, Reply, Request, ask, detach};

const EXAMPLE: &str = "\
Example:
  portguard detach

Needs root. Takes the filter off every interface, whether a daemon is running or not, and leaves nothing in the kernel. A daemon
that is running goes on without a filter until `portguard reload` or its next start puts it on again: to keep a node open, stop
the daemon first (`systemctl disable --now portguard`) and detach then.";

/// The options of `detach`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    #[command(flatten)]
    control: ControlArgs,
    /// The BPF file system
    #[arg(long, value_name = "DIR", default_value = BPFFS)]
    bpffs: PathBuf,
}

/// Asks the daemon to let go or, where there is none, removes the pins.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<ExitStatus> {
    let said = match ask(args.control.directory(), Request::Detach) {
        Ok(Reply::Done(said)) => said,
        Ok(_) => bail!("portguard answered another question than the one that was asked"),
        Err(DaemonError::NotRunning { .. }) if detach(&args.bpffs)? => {
            "the filter is off: nothing is guarded".to_owned()
        }
        Err(DaemonError::NotRunning { .. }) => format!(
            "there is no filter of portguard's in {}; one that was pinned elsewhere is found with --bpffs",
            args.bpffs.display()
        ),
        Err(error) => return Err(error.into()),
    };
    writeln!(out, "{said}")?;
    Ok(ExitStatus::Success)
}
