//! `portguard audit verify`: whether the record on this node is the one that was sealed.

use std::{fmt::Write as _, io::Write, path::PathBuf};

use super::{ExitStatus, format::Format};
use crate::{
    audit::{FILE, Reader, Verification},
    daemon::STATE_DIR,
};

const EXAMPLE: &str = "\
Examples:
  portguard audit verify
  portguard audit verify --head 5f2c...e1 --format json
  portguard audit verify --state-dir /mnt/evidence

Each day's records are sealed with a hash that is chained to the day before. Needs to read the file `audit.db` in the state \
directory, and no daemon. Who may write that file may also seal it anew: note the head's hash somewhere else, and give it back \
with --head. Exit code 0 where all is as it was sealed, 1 where it is not, with the day, the table and the hour or change.";

/// The verbs of `audit`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Hold the record against its seals: nothing changed, nothing missing, nothing added
    Verify(VerifyArgs),
}

/// The options of `audit verify`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
struct VerifyArgs {
    /// The directory that the record is in
    #[arg(long, value_name = "DIR", default_value = STATE_DIR)]
    state_dir: PathBuf,
    /// A head's hash that was noted before: it must be in the chain
    #[arg(long, value_name = "HASH")]
    head: Option<String>,
    /// How to show it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Runs the verb that was asked for.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<ExitStatus> {
    match &args.verb {
        Verb::Verify(args) => verify(args, out),
    }
}

fn verify(args: &VerifyArgs, out: &mut dyn Write) -> anyhow::Result<ExitStatus> {
    let found = Reader::open(&args.state_dir.join(FILE))?.verify(args.head.as_deref())?;
    args.format.show(&found, text, out)?;
    Ok(if found.is_whole() { ExitStatus::Success } else { ExitStatus::AnswerIsNo })
}

fn text(found: &Verification) -> String {
    let Verification { sealed, days, head, noted, unsealed, taken, faults } = found;
    let mut text = String::new();
    let mut line = |says: String| writeln!(text, "{says}").expect("writing to a string does not fail");
    let chain = if faults.is_empty() { "chain whole" } else { "NOT as they were sealed" };
    match days {
        Some((first, last)) => line(format!("{sealed} days sealed, {first} to {last}, {chain}")),
        None => line(format!("no day is sealed yet, {chain}")),
    }
    if let Some(head) = head {
        line(format!("head: {head}"));
    }
    if let Some(day) = noted {
        line(format!("the hash that was noted is that of {day}: up to then nothing was sealed anew"));
    }
    if *taken > 0 {
        line(format!("retention has shortened {taken} of them: what is left of those is as it was sealed"));
    }
    match unsealed.as_slice() {
        [] => {}
        [day] => line(format!("not sealed yet: {day}")),
        [first, .., last] => {
            line(format!("not sealed yet: {} days, {first} to {last}", unsealed.len()));
        }
    }
    for fault in faults {
        line(format!("FAULT {fault}"));
    }
    if !faults.is_empty() {
        line(REMEDY.to_owned());
    }
    text
}

const REMEDY: &str = "\
What to do: copy audit.db and the files beside it away before anything else is recorded, see who could write there (root, or a
failing disk: `dmesg`), and take what is named above from a backup or from where drops and log are shipped to. PortGuard goes on
recording, and never mends a sealed day.";
