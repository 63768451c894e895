//! `portguard confirm` and `portguard rollback`.

use std::io::Write;

use super::{
    ExitStatus,
    control::{ControlArgs, change},
};
use crate::daemon::Request;

const CONFIRM: &str = "\
Example:
  portguard confirm

Needs root. Keeps what `portguard apply --confirm` has put in force: the site file gets its text.";

const ROLLBACK: &str = "\
Example:
  portguard rollback

Needs root. Takes back what waits to be confirmed or, where nothing does, what was last put in force. The site file stays as it is;
`portguard reload` puts it in force again.";

/// The options of `confirm`.
#[derive(Debug, clap::Args)]
#[command(after_help = CONFIRM)]
pub struct ConfirmArgs {
    #[command(flatten)]
    control: ControlArgs,
}

/// The options of `rollback`.
#[derive(Debug, clap::Args)]
#[command(after_help = ROLLBACK)]
pub struct RollbackArgs {
    #[command(flatten)]
    control: ControlArgs,
}

/// Asks the daemon and shows what came of it.
pub fn confirm(args: &ConfirmArgs, out: &mut dyn Write) -> anyhow::Result<ExitStatus> {
    change(&args.control, Request::Confirm, out)
}

/// The same.
pub fn rollback(args: &RollbackArgs, out: &mut dyn Write) -> anyhow::Result<ExitStatus> {
    change(&args.control, Request::Rollback, out)
}
