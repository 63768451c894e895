//! `portguard man`: the manual's pages, one for the program and one for each verb.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::{Command, CommandFactory};
use clap_mangen::Man;

use super::{Cli, ExitStatus};

const EXAMPLE: &str = "\
Example:
  portguard man --output /usr/local/share/man/man1

The names of the files that it wrote go to standard output.";

/// The options of `man`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The directory to write to; it is made if it is not there
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
}

/// Writes the pages.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<ExitStatus> {
    let cannot = |path: &Path| format!("cannot write {}", path.display());
    fs::create_dir_all(&args.output).with_context(|| cannot(&args.output))?;
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    collect(command, &mut pages);
    for page in pages {
        let page =
            Man::new(page).manual("PortGuard").source(concat!("portguard ", env!("CARGO_PKG_VERSION")));
        let path = args.output.join(page.get_filename());
        let mut text = Vec::new();
        page.render(&mut text)?;
        fs::write(&path, text).with_context(|| cannot(&path))?;
        writeln!(out, "{}", path.display())?;
    }
    Ok(ExitStatus::Success)
}

/// `command` and all that is below it.
fn collect(command: Command, pages: &mut Vec<Command>) {
    let below: Vec<Command> = command.get_subcommands().cloned().collect();
    pages.push(command);
    for command in below {
        collect(command, pages);
    }
}
