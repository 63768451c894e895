//! `portguard doctor`: what this kernel and machine lack.

use std::{io::Write, path::PathBuf};

use super::{ExitStatus, NameArgs, format::Format, load, surroundings::local_ports};
use crate::{
    compile::{Node, compile},
    doctor::{Capabilities, Guarded, Machine, examine},
};

const EXAMPLE: &str = "\
Examples:
  portguard doctor
  portguard doctor --site /etc/portguard/site.toml --format json

Tries what the kernel can and changes nothing; run it as root to have everything tried. Exit code 0 when nothing that is \
needed is known to be missing, 1 when something is.";

/// The options of `doctor`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The site that is to be guarded: its interfaces, its ports and the size of its tables are looked at, too
    #[arg(long, value_name = "FILE")]
    site: Option<PathBuf>,
    /// How to show it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Examines and tells.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<ExitStatus> {
    let read = |site| load(site, &NameArgs::default());
    let matrix = args.site.as_deref().map(read).transpose()?.map(|loaded| loaded.matrix);
    let image = matrix.as_ref().map(|matrix| compile(matrix, &Node::default())).transpose()?;
    let guarded = matrix.as_ref().zip(image.as_ref());
    let guarded = guarded.map(|(matrix, image)| Guarded { matrix, image, local_ports: local_ports() });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let examination =
        runtime.block_on(examine(&Machine::this(), &Capabilities::of_this_process(), guarded.as_ref()));
    args.format.show(&examination, ToString::to_string, out)?;
    Ok(if examination.can_guard { ExitStatus::Success } else { ExitStatus::AnswerIsNo })
}
