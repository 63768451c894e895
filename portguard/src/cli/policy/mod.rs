//! `portguard policy`: the policies themselves, without a site. One file a verb.

mod check;
mod describe;
mod import;
mod list;
mod new;
mod show;
mod write;

use std::io::Write;

use clap::Subcommand;

use super::ExitStatus;

/// The options of `policy`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the policies that come with portguard
    List,
    /// Print a policy that comes with portguard, as an example to write one of your own
    Show(show::Args),
    /// Judge policy files, with every fault at once, and say what they hold
    Check(check::Args),
    /// Write a commented policy to begin with
    New(new::Args),
    /// Draft a policy from the tables and lists of a vendor's Markdown page
    Import(import::Args),
}

/// Runs the verb that was asked for.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<ExitStatus> {
    match &args.verb {
        Verb::List => list::run(out),
        Verb::Show(args) => show::run(args, out),
        Verb::Check(args) => check::run(args, out),
        Verb::New(args) => new::run(args, out),
        Verb::Import(args) => import::run(args, out),
    }
}
