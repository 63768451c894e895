//! `portguard drift`: what listens on this node, held against what its documents say.

use std::{io::Write, path::PathBuf};

use super::{ExitStatus, NameArgs, format::Format, load, surroundings::local_ports};
use crate::{
    drift::{Drift, Silence},
    lint::LocalPorts,
    sockets::listeners,
};

const EXAMPLE: &str = "\
Examples:
  portguard drift --site /etc/portguard/site.toml
  portguard drift --site /etc/portguard/site.toml --allow-silent --format json

Changes nothing and needs no privilege; without root the processes of other users have no name. Looks at the sockets of the \
network namespace that it runs in. Exit code 0 when nothing is odd, 1 when listeners and documents differ.";

/// The options of `drift`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The site file
    #[arg(long, value_name = "FILE")]
    site: PathBuf,
    /// Documented ports where nobody listens are shown and are no drift: the node does not run everything
    #[arg(long)]
    allow_silent: bool,
    /// How to show it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Compares and tells.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<ExitStatus> {
    let matrix = load(&args.site, &NameArgs::default())?.matrix;
    let ephemeral = local_ports().unwrap_or_else(LocalPorts::usual).range;
    let drift = Drift::new(&matrix, &listeners()?, ephemeral);
    args.format.show(&drift, ToString::to_string, out)?;
    let silence = if args.allow_silent { Silence::IsAllowed } else { Silence::IsDrift };
    Ok(if drift.is_found(silence) { ExitStatus::AnswerIsNo } else { ExitStatus::Success })
}
