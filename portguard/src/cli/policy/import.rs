//! `portguard policy import`: a draft of a policy from a vendor's page.

use std::{io::Write, path::PathBuf};

use anyhow::Context as _;

use super::{new::file_name, write::Destination};
use crate::{
    cli::{ExitStatus, exit::tell},
    input::read_document,
    policy::{Draft, PolicyName, import},
};

const EXAMPLE: &str = "\
Example:
  portguard policy import my-product.md --output my-product.toml

Reads tables, in Markdown or HTML, whose headings or cells say that a column holds ports, list items that begin with
ports, and headings that are ports. What the page does not say is chosen, marked as inferred, and commented with `Look:`.
What could not be read is listed on standard error. Exit code 1 if no port was found.";

/// The options of `policy import`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    /// The vendor's page, in Markdown
    #[arg(value_name = "FILE.md")]
    page: PathBuf,
    /// What sites will call the policy; without it, the page's file name without its ending
    #[arg(long)]
    name: Option<PolicyName>,
    #[command(flatten)]
    destination: Destination,
}

/// Writes the draft, and says what is in it and what is not.
pub(super) fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<ExitStatus> {
    let text = read_document(&args.page)?;
    let name = if let Some(name) = &args.name {
        name.clone()
    } else {
        let stem = args.page.file_stem().unwrap_or_default().to_string_lossy();
        stem.parse().with_context(|| format!("`{stem}` cannot name a policy: choose a name with --name"))?
    };
    let page = args.page.display();
    let draft =
        import(&text, &file_name(&args.page), &name).with_context(|| format!("cannot read {page}"))?;
    let Some(policy) = &draft.text else {
        tell(&format!(
            "{page}: nothing to draft: no port in {}, and no list item or heading begins with one\n",
            counted(draft.tables, "table")
        ));
        tell_unread(&draft);
        return Ok(ExitStatus::AnswerIsNo);
    };
    args.destination.write(policy, out)?;
    tell(&format!(
        "{page}: {} from {} and from lists; {} with something that the document does not say (`Look:`)\n",
        counted(draft.rules, "rule"),
        counted(draft.tables, "table"),
        draft.doubtful,
    ));
    tell_unread(&draft);
    Ok(ExitStatus::Success)
}

fn counted(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

fn tell_unread(draft: &Draft) {
    if !draft.unread.is_empty() {
        tell(&format!("not read, {}:\n", counted(draft.unread.len(), "place")));
    }
    for place in &draft.unread {
        tell(&format!("  {place}\n"));
    }
}
