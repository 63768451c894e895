//! `portguard explain`: what becomes of a packet, and why.

use std::{io::Write, net::IpAddr, path::PathBuf};

use anyhow::Context as _;
use clap::ValueEnum;

use super::{ExitStatus, load};
use crate::{
    compile::{NodeAddresses, compile},
    explain::{Destination, Explanation, Question},
    matrix::{Matrix, ZoneId},
};

const EXAMPLE: &str = "\
Examples:
  portguard explain --site site.toml --from 10.20.0.7 --to 8088/tcp
  portguard explain --site site.toml --from 2001:db8::7 --to icmp --format json

Asks about the first packet of a connection. Exit code 0 when it passes, 1 when it drops.";

/// The options of `explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The site file
    #[arg(long, value_name = "FILE")]
    site: PathBuf,
    /// Where the packet comes from
    #[arg(long, value_name = "ADDRESS")]
    from: IpAddr,
    /// What it wants: 8086/tcp, 53/udp, icmp, icmp/8 (a type), ip/47 (a protocol)
    #[arg(long, value_name = "PORT/PROTOCOL")]
    to: Destination,
    /// The zone of the interface that it comes in by; needed where the site has several
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// How to show the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For a program
    Json,
}

/// Answers the question.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<ExitStatus> {
    let matrix = load(&args.site)?.matrix;
    let zone = zone(&matrix, args.zone.as_deref())?;
    let image = compile(&matrix, &NodeAddresses::default())?;
    let explanation = Explanation::new(&Question { from: args.from, to: args.to }, zone, &matrix, &image);
    match args.format {
        Format::Text => write!(out, "{explanation}")?,
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, &explanation)?;
            writeln!(out)?;
        }
    }
    Ok(if explanation.drops() { ExitStatus::AnswerIsNo } else { ExitStatus::Success })
}

fn zone(matrix: &Matrix, name: Option<&str>) -> anyhow::Result<ZoneId> {
    let names = || matrix.zones.iter().map(|zone| zone.name.as_str()).collect::<Vec<_>>().join(", ");
    match name {
        Some(name) => {
            let position = matrix.zones.iter().position(|zone| zone.name == name);
            let position =
                position.with_context(|| format!("the site has no zone `{name}`; it has: {}", names()))?;
            Ok(ZoneId::new(position))
        }
        None if matrix.zones.len() == 1 => Ok(ZoneId::new(0)),
        None => anyhow::bail!(
            "the site has several zones: say by which the packet comes in, with --zone ({})",
            names()
        ),
    }
}
