//! The command line: one file a verb, each with its `Args` and its `run`. It talks to the rooms and holds no logic.
//!
//! Data goes to the writer that a verb is given (standard output), everything else to standard error. A verb answers
//! with an [`ExitStatus`]; an error, of whatever kind, is exit code 2.

pub mod apply;
pub mod audit;
pub mod check;
pub mod completions;
pub mod confirm;
pub mod control;
pub mod counters;
pub mod detach;
pub mod diff;
pub mod doctor;
pub mod drift;
pub mod drops;
mod exit;
pub mod explain;
pub mod export;
pub mod format;
pub mod init;
mod logging;
pub mod man;
pub mod matrix;
pub mod policy;
pub mod record;
pub mod reload;
pub mod replay;
pub mod report;
pub mod run;
mod site_file;
pub mod status;
pub mod suggest;
mod surroundings;
mod time;
pub mod top;
mod wanted;

use std::io::Write;

use clap::{Parser, Subcommand};

pub use exit::{ExitStatus, finish};
pub use site_file::{NameArgs, Rejected, load};
use site_file::{load_and_tell, tell_odd_answers};

const EXIT_CODES: &str = "\
Exit codes:
  0  fine
  1  the answer is no
  2  wrong usage or wrong input; nothing was changed

Data goes to standard output, everything else to standard error.";

/// A host firewall agent for clustered data systems: the documented port matrix, enforced on the NIC.
#[derive(Debug, Parser)]
#[command(name = "portguard", version, after_help = EXIT_CODES, max_term_width = 110)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Write a first site file, by asking or from flags
    Init(init::Args),
    /// Judge site files, with every fault at once, and say what they hold
    Check(check::Args),
    /// Show who may reach what: ports, addresses, and the line of the document that says so
    Matrix(matrix::Args),
    /// Show what changes for whom from one site file to another, and whether anything is newly open
    Diff(diff::Args),
    /// Ask what would become of a packet, and which line of which document says so
    Explain(explain::Args),
    /// Say what the filter would do with a capture, packet by packet
    Replay(replay::Args),
    /// Write a site as another firewall's ruleset, for where eBPF can't run
    Export(export::Args),
    /// Look at policies, judge them, and write one for a product of your own
    Policy(policy::Args),
    /// Examine this machine: what it lacks to be guarded, and what to do
    Doctor(doctor::Args),
    /// Guard this node's interfaces: the daemon, in the foreground
    Run(run::Args),
    /// Show what is in force on this node
    Status(status::Args),
    /// Put the site file as it is now in force
    Reload(reload::Args),
    /// Put another site in force, if need be until it is confirmed
    Apply(apply::Args),
    /// Keep what `apply --confirm` has put in force
    Confirm(confirm::ConfirmArgs),
    /// Go back to the site that was in force before
    Rollback(confirm::RollbackArgs),
    /// Take the filter off: nothing is guarded afterwards
    Detach(detach::Args),
    /// Hold what listens on this node against what its documents say
    Drift(drift::Args),
    /// Show who was dropped where, and follow drops as they happen
    Drops(drops::Args),
    /// Write down what was accepted and dropped, from whom, by which document, and how sure that is
    Report(report::Args),
    /// Say what the site may lack: who is kept from a documented port, which undocumented ports are used
    Suggest(suggest::Args),
    /// Show what the running portguard has counted
    Counters(counters::Args),
    /// Show what is dropped and passed, live
    Top(top::Args),
    /// Verify the record of what was dropped and what changed
    Audit(audit::Args),
    /// Write a shell's script that completes this command line
    Completions(completions::Args),
    /// Write the manual's pages, one for each verb
    Man(man::Args),
}

impl Cli {
    /// Runs the verb that was asked for.
    pub fn run(&self, out: &mut dyn Write) -> anyhow::Result<ExitStatus> {
        match &self.verb {
            Verb::Init(args) => init::run(args, out),
            Verb::Check(args) => check::run(args, out),
            Verb::Matrix(args) => matrix::run(args, out),
            Verb::Diff(args) => diff::run(args, out),
            Verb::Explain(args) => explain::run(args, out),
            Verb::Replay(args) => replay::run(args, out),
            Verb::Export(args) => export::run(args, out),
            Verb::Policy(args) => policy::run(args, out),
            Verb::Doctor(args) => doctor::run(args, out),
            Verb::Run(args) => run::run(args, out),
            Verb::Status(args) => status::run(args, out),
            Verb::Reload(args) => reload::run(args, out),
            Verb::Apply(args) => apply::run(args, out),
            Verb::Confirm(args) => confirm::confirm(args, out),
            Verb::Rollback(args) => confirm::rollback(args, out),
            Verb::Detach(args) => detach::run(args, out),
            Verb::Drift(args) => drift::run(args, out),
            Verb::Drops(args) => drops::run(args, out),
            Verb::Report(args) => report::run(args, out),
            Verb::Suggest(args) => suggest::run(args, out),
            Verb::Counters(args) => counters::run(args, out),
            Verb::Top(args) => top::run(args, out),
            Verb::Audit(args) => audit::run(args, out),
            Verb::Completions(args) => completions::run(args, out),
            Verb::Man(args) => man::run(args, out),
        }
    }
}
