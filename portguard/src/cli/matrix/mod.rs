//! `portguard matrix`: who may reach what, and which line of which document says so.

mod csv;
mod json;
mod text;

use std::{io::Write, path::PathBuf};

use clap::ValueEnum;

use super::{ExitStatus, NameArgs, load_and_tell};
use crate::matrix::{Filter, PortFilter, port_rows, rows_kept};
use text::Style;

const EXAMPLE: &str = "\
Examples:
  portguard matrix --site site.toml --format markdown
  portguard matrix --site site.toml --port 8086/tcp --port 53
  portguard matrix --site site.toml --product cache --group apps
  portguard matrix --site site.toml --by port

What is shown has one of the ports, one of the groups and one of the products, of those that are named. By port it shows \
what all rules for a port add up to, whichever product they belong to. Rules that are switched off are left out. Outbound \
rules stand below the inbound ones; they are enforced where the site judges what leaves (`outbound`), and the heading says so.";

/// The options of `matrix`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The site file
    #[arg(long, value_name = "FILE")]
    site: PathBuf,
    #[command(flatten)]
    names: NameArgs,
    /// Only rules for this port: 8086, 8086/tcp, icmp, ip/47; can be given several times
    #[arg(long = "port", value_name = "PORT")]
    ports: Vec<PortFilter>,
    /// Only rules that name this group; can be given several times
    #[arg(long = "group", value_name = "NAME")]
    groups: Vec<String>,
    /// Only rules of this product; can be given several times
    #[arg(long = "product", value_name = "NAME")]
    products: Vec<String>,
    /// What makes a row
    #[arg(long, value_enum, default_value_t = By::Rule)]
    by: By,
    /// How to show it
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum By {
    /// A rule
    Rule,
    /// Ports that the same rules name, with what those add up to
    Port,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For a terminal; long lists of addresses are shortened
    Table,
    /// For a document; long lists of addresses are shortened
    Markdown,
    /// For a spreadsheet; complete, one line for each role of a rule
    Csv,
    /// For a program; complete
    Json,
}

/// Shows the site's matrix.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<ExitStatus> {
    let matrix = load_and_tell(&args.site, &args.names)?.matrix;
    let filter = Filter::new(&matrix, &args.ports, &args.groups, &args.products)?;
    match args.by {
        By::Rule => {
            let rows = rows_kept(&matrix, &filter);
            match args.format {
                Format::Table => text::write_rules(&matrix, &rows, Style::Table, out)?,
                Format::Markdown => text::write_rules(&matrix, &rows, Style::Markdown, out)?,
                Format::Csv => csv::write_rules(&matrix, &rows, out)?,
                Format::Json => json::write_rules(&matrix, &rows, out)?,
            }
        }
        By::Port => {
            let rows = port_rows(&matrix, &filter);
            match args.format {
                Format::Table => text::write_ports(&matrix, &rows, Style::Table, out)?,
                Format::Markdown => text::write_ports(&matrix, &rows, Style::Markdown, out)?,
                Format::Csv => csv::write_ports(&rows, out)?,
                Format::Json => json::write_ports(&matrix, &rows, out)?,
            }
        }
    }
    Ok(ExitStatus::Success)
}
