//! `portguard policy new`: a commented policy to begin with.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use super::write::Destination;
use crate::{
    cli::{ExitStatus, exit::tell},
    policy::{PolicyName, skeleton},
};

const EXAMPLE: &str = "\
Example:
  portguard policy new --name my-product --document my-product.md --output my-product.toml

What it writes is sound, and shows each thing that a policy can say. Replace what it says by what your document says.";

/// The options of `policy new`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    /// What sites will call the policy
    #[arg(long)]
    name: PolicyName,
    /// The vendor's page, whose lines the rules will cite; without it, NAME.md
    #[arg(long, value_name = "FILE")]
    document: Option<PathBuf>,
    #[command(flatten)]
    destination: Destination,
}

/// Writes the skeleton.
pub(super) fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<ExitStatus> {
    let document = args.document.as_deref().map_or_else(|| format!("{}.md", args.name.as_str()), file_name);
    args.destination.write(&skeleton(&args.name, &document), out)?;
    if let Some(path) = args.destination.path() {
        let path = path.display();
        tell(&format!(
            "wrote {path}: replace what it says by what your document says, then ask `portguard policy check {path}`\n"
        ));
    }
    Ok(ExitStatus::Success)
}

/// The name that a policy gives for a document: where it lies is nobody else's affair.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
