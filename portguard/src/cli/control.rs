//! What verbs that ask the daemon have in common.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::bail;

use super::{ExitStatus, surroundings::ssh_session};
use crate::{
    daemon::{RUNTIME_DIR, Reply, Request, ask},
    lint::SshSession,
};

/// Where the daemon is.
#[derive(Debug, clap::Args)]
pub struct ControlArgs {
    /// The directory of the daemon's control socket
    #[arg(long, value_name = "DIR", default_value = RUNTIME_DIR)]
    runtime_dir: PathBuf,
}

impl ControlArgs {
    pub(super) fn directory(&self) -> &Path {
        &self.runtime_dir
    }
}

/// The options of verbs that put another site in force.
#[derive(Debug, clap::Args)]
pub struct ChangeArgs {
    /// Put it in force even if it ends the SSH session that this is asked from
    #[arg(long)]
    despite_ssh: bool,
    #[command(flatten)]
    pub(super) control: ControlArgs,
}

impl ChangeArgs {
    /// The SSH session that asks, and whether it may end.
    pub(super) fn asker(&self) -> (Option<SshSession>, bool) {
        (ssh_session(), self.despite_ssh)
    }
}

/// Asks for a change and shows what came of it.
pub(super) fn change(
    control: &ControlArgs,
    request: Request,
    out: &mut dyn Write,
) -> anyhow::Result<ExitStatus> {
    let Reply::Done(said) = ask(control.directory(), request)? else {
        bail!("portguard answered another question than the one that was asked");
    };
    writeln!(out, "{said}")?;
    Ok(ExitStatus::Success)
}
