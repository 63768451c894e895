//! The `portguard` binary.

use std::{io, process::ExitCode};

use clap::Parser;
use portguard::cli::{Cli, finish};

fn main() -> ExitCode {
    let cli = Cli::parse();
    finish(cli.run(&mut io::stdout().lock()))
}
