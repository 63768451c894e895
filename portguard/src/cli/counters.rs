//! `portguard counters`: what the running daemon has counted.

use std::io::Write;

use anyhow::bail;
use clap::ValueEnum;

use super::{ExitStatus, control::ControlArgs};
use crate::{
    daemon::{Reply, Request, ask},
    observe::Idle,
};

const EXAMPLE: &str = "\
Example:
  portguard counters --all

A packet to a documented port is counted with the rule that admitted it, or as dropped; every packet is counted under
exactly one reason.";

/// The options of `counters`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// Show ports and reasons that have counted nothing, too
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    control: ControlArgs,
    /// How to show them
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For a terminal
    Table,
    /// For a program
    Json,
}

/// Asks the daemon and shows the answer.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<ExitStatus> {
    let idle = if args.all { Idle::Show } else { Idle::Hide };
    let Reply::Counters(report) = ask(args.control.directory(), Request::Counters { idle })? else {
        bail!("portguard answered another question than the one that was asked");
    };
    match args.format {
        Format::Table => write!(out, "{report}")?,
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, &report)?;
            writeln!(out)?;
        }
    }
    Ok(ExitStatus::Success)
}
