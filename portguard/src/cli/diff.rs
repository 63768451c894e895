//! `portguard diff`: what changes for whom from one site file to another.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use clap::ValueEnum;
use serde::Serialize;

use super::{ExitStatus, NameArgs, Rejected, tell_odd_answers};
use crate::{input::read_site, matrix::Diff};

const EXAMPLE: &str = "\
Examples:
  portguard diff /etc/portguard/site.toml new.toml
  portguard diff old.toml new.toml --format json

Compares who may reach what, not how the files say it: to rename a group or to split a prefix changes nothing. Exit code \
1 if anything is newly open, 0 if not.";

/// The options of `diff`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The site file as it was
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The site file as it will be
    #[arg(value_name = "NEW")]
    new: PathBuf,
    #[command(flatten)]
    names: NameArgs,
    /// How to show it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people; long lists are shortened
    Text,
    /// For a program; complete
    Json,
}

/// Compares the two sites.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<ExitStatus> {
    let diff = match (read_site(&args.old), read_site(&args.new)) {
        (Ok(mut old), Ok(mut new)) => {
            // One answer for both, lest a name that DNS answers differently each time be told as a change.
            let names = old.host_names().into_iter().chain(new.host_names()).collect();
            let answers = args.names.answers(&names)?;
            for loaded in [&mut old, &mut new] {
                loaded.answer(&answers);
                tell_odd_answers(loaded);
            }
            Diff::new(&old.matrix, &new.matrix)
        }
        (old, new) => {
            let faults = [old, new].into_iter().filter_map(Result::err).collect();
            return Err(Rejected { asked: 2, faults }.into());
        }
    };
    match args.format {
        Format::Text => write!(out, "{diff}")?,
        Format::Json => write_json(&diff, out)?,
    }
    Ok(if diff.opens() { ExitStatus::AnswerIsNo } else { ExitStatus::Success })
}

/// The difference as a program reads it.
#[derive(Serialize)]
struct Document<'a> {
    opens: bool,
    #[serde(flatten)]
    diff: &'a Diff,
}

fn write_json(diff: &Diff, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &Document { opens: diff.opens(), diff })?;
    writeln!(out)
}
