//! `portguard policy show`: the text of a policy that comes with portguard.

use std::io::Write;

use anyhow::Context as _;

use crate::{
    cli::ExitStatus,
    policy::{BUILT_IN, built_in},
    reading::did_you_mean,
};

const EXAMPLE: &str = "\
Example:
  portguard policy show redis-enterprise > my-product.toml";

/// The options of `policy show`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    /// The policy's name, as `portguard policy list` has it
    name: String,
}

/// Prints the policy's file as it is.
pub(super) fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<ExitStatus> {
    let policy = built_in(&args.name).with_context(|| {
        let remedy = did_you_mean(&args.name, "policies", BUILT_IN.iter().map(|policy| policy.name));
        format!("no policy `{}` comes with portguard: {remedy}", args.name)
    })?;
    out.write_all(policy.text.as_bytes())?;
    Ok(ExitStatus::Success)
}
