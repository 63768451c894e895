//! `portguard policy check`: is this policy sound, does its document bear it out, and what does it hold?

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::ensure;

use super::describe::describe;
use crate::{
    cli::{
        ExitStatus,
        exit::{stderr_colour, tell},
    },
    input::{InputError, read_document, read_policy_file},
    policy::unsupported,
};

const EXAMPLE: &str = "\
Examples:
  portguard policy check my-product.toml
  portguard policy check my-product.toml --document my-product.md

Exit code 2 with one diagnostic a fault, all faults at once, if a policy is wrong. With --document exit code 1 if a line
that the policy cites does not exist, is empty, or does not hold the ports of its rule.";

/// The options of `policy check`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    /// Policy files to judge
    #[arg(value_name = "FILE", required = true)]
    policies: Vec<PathBuf>,
    /// The vendor's page: look up the lines that the policy cites
    #[arg(long, value_name = "FILE")]
    document: Option<PathBuf>,
}

/// Judges each file and says what it holds.
pub(super) fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<ExitStatus> {
    let asked = args.policies.len();
    ensure!(
        args.document.is_none() || asked == 1,
        "--document is the page of one policy, and {asked} were given: ask about one at a time"
    );
    let document = args.document.as_deref().map(|path| Ok::<_, InputError>((path, read_document(path)?)));
    let document = document.transpose()?;
    let mut status = ExitStatus::Success;
    let mut refused = 0;
    for path in &args.policies {
        let policy = match read_policy_file(path) {
            Ok(policy) => policy,
            Err(error) if asked == 1 => return Err(error.into()),
            Err(error) => {
                tell(&error.render(stderr_colour()));
                refused += 1;
                continue;
            }
        };
        writeln!(out, "{}: sound", path.display())?;
        describe(&policy, out)?;
        if let Some((path, text)) = &document {
            let faults = unsupported(&policy, text);
            tell_citations(path, &faults.iter().map(ToString::to_string).collect::<Vec<_>>());
            if faults.is_empty() {
                writeln!(out, "  document    {} bears out every line that is cited", path.display())?;
            } else {
                writeln!(out, "  document    {} does not bear it out", path.display())?;
                status = ExitStatus::AnswerIsNo;
            }
        }
    }
    ensure!(refused == 0, "{refused} of {asked} policies cannot be used");
    Ok(status)
}

fn tell_citations(document: &Path, faults: &[String]) {
    for fault in faults {
        tell(&format!("{}: {fault}\n", document.display()));
    }
}
