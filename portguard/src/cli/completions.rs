//! `portguard completions`: what a shell needs to complete this command line.

use std::io::Write;

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Cli, ExitStatus};

const EXAMPLE: &str = "\
Examples:
  portguard completions bash > /usr/share/bash-completion/completions/portguard
  portguard completions zsh > /usr/local/share/zsh/site-functions/_portguard
  portguard completions fish > /usr/share/fish/vendor_completions.d/portguard.fish";

/// The options of `completions`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Writes the shell's script.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<ExitStatus> {
    let mut command = Cli::command();
    let name = command.get_name().to_owned();
    // It panics where it cannot write, and a reader that goes away is no reason to.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    out.write_all(&script)?;
    Ok(ExitStatus::Success)
}
