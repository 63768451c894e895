//! `portguard export`: a site in the words of another firewall.

use std::{io::Write, path::PathBuf};

use clap::ValueEnum;

use super::{ExitStatus, NameArgs, load_and_tell};
use crate::export::nft;

const EXAMPLE: &str = "\
Examples:
  portguard export nft --site site.toml > portguard.nft
  nft --check --file portguard.nft && nft --file portguard.nft

For nodes where eBPF can't run. It gives the verdicts of PortGuard's programs by port, zone and source or destination, with a \
counter for each rule and group; in mode observe it counts and drops nothing. What nftables does differently stands at the head of the \
ruleset. Needs no privilege; the same site gives the same text.";

/// The options of `export`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The firewall to write for
    #[arg(value_enum, value_name = "FIREWALL")]
    firewall: Firewall,
    /// The site file
    #[arg(long, value_name = "FILE")]
    site: PathBuf,
    #[command(flatten)]
    names: NameArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Firewall {
    /// nftables: a ruleset for `nft -f`
    Nft,
}

/// Writes the ruleset.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<ExitStatus> {
    let matrix = load_and_tell(&args.site, &args.names)?.matrix;
    match args.firewall {
        Firewall::Nft => out.write_all(nft::ruleset(&matrix)?.as_bytes())?,
    }
    Ok(ExitStatus::Success)
}
