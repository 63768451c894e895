//! `portguard matrix`: who may reach what, and which line of which document says so.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    path::PathBuf,
};

use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};
use ipnet::IpNet;
use serde::Serialize;

use super::{ExitStatus, load};
use crate::{
    matrix::{Direction, Group, Interface, Matrix, Mode, PeerView, Posture, Row, rows},
    reading::short_prefix,
    site::ANY,
};

const EXAMPLE: &str = "\
Example:
  portguard matrix --site /etc/portguard/site.toml --format markdown

Rules that are switched off are left out. Outbound rules are shown as declared; they are not enforced.";

/// The options of `matrix`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The site file
    #[arg(long, value_name = "FILE")]
    site: PathBuf,
    /// How to show it
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For a terminal; long lists of addresses are shortened
    Table,
    /// For a document; long lists of addresses are shortened
    Markdown,
    /// For a program; complete
    Json,
}

/// Shows the site's matrix.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<ExitStatus> {
    let matrix = load(&args.site)?.matrix;
    match args.format {
        Format::Table => write_sections(&matrix, write_table, out)?,
        Format::Markdown => write_sections(&matrix, write_markdown, out)?,
        Format::Json => write_json(&matrix, out)?,
    }
    Ok(ExitStatus::Success)
}

const HEADER: [&str; 5] = ["Port", "Protocol", "Who may reach it", "For", "Rule"];
const ZONE: &str = "Zone";

type Lines = Vec<Vec<String>>;

/// Inbound rules, then the outbound ones, if there are any.
fn write_sections(
    matrix: &Matrix,
    write: fn(&[&str], &Lines, &mut dyn Write) -> io::Result<()>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (inbound, outbound): (Vec<Row>, Vec<Row>) =
        rows(matrix).into_iter().partition(|row| row.direction == Direction::In);
    let with_zones = matrix.zones.len() > 1;
    let mut header = HEADER.to_vec();
    if with_zones {
        header.insert(2, ZONE);
    }
    let lines = |rows: &[Row]| rows.iter().map(|row| cells(row, with_zones)).collect::<Lines>();
    write(&header, &lines(&inbound), out)?;
    let others = match matrix.posture {
        Posture::Pass => "open to everyone",
        Posture::Drop => "closed",
    };
    writeln!(out, "\nPorts that no rule names are {others}.")?;
    if !outbound.is_empty() {
        writeln!(out, "\nOutbound, declared and not enforced:\n")?;
        let mut header = header;
        *header.iter_mut().find(|name| **name == HEADER[2]).expect("the column is there") =
            "Whom the node reaches";
        write(&header, &lines(&outbound), out)?;
    }
    write_groups(matrix, out)
}

fn cells(row: &Row, with_zones: bool) -> Vec<String> {
    let peers: Vec<String> = row.peers.iter().map(|peer| peer_text(peer, row.direction)).collect();
    let description = match row.inferred.as_slice() {
        [] => row.description.clone(),
        inferred => format!("{} (inferred: {})", row.description, inferred.join(", ")),
    };
    let origin = format!("{}\n{}", row.rule_name(), row.place());
    let mut cells = vec![row.ports.clone(), row.protocol.clone(), peers.join("\n"), description, origin];
    if with_zones {
        cells.insert(2, row.zones.join(", "));
    }
    cells
}

/// `internal = nodes`; who is in the groups stands once, below the tables.
fn peer_text(peer: &PeerView, direction: Direction) -> String {
    match peer.groups.as_slice() {
        _ if peer.this_node => "this node only".to_owned(),
        [] if direction == Direction::Out => format!("{} (not bound)", peer.role),
        [] => format!("{} = nobody", peer.role),
        [only] if *only == peer.role => only.clone(),
        groups => format!("{} = {}", peer.role, groups.join(", ")),
    }
}

fn write_groups(matrix: &Matrix, out: &mut dyn Write) -> io::Result<()> {
    if matrix.groups.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nGroups:\n")?;
    for Group { name, prefixes } in &matrix.groups {
        writeln!(
            out,
            "- {name} = {}",
            if name == ANY { "any address".to_owned() } else { addresses_text(prefixes) }
        )?;
    }
    Ok(())
}

fn addresses_text(prefixes: &[IpNet]) -> String {
    const SHOWN: usize = 6;
    if prefixes.is_empty() {
        return "nobody".to_owned();
    }
    let mut shown: Vec<String> = prefixes.iter().take(SHOWN).map(short_prefix).collect();
    if prefixes.len() > SHOWN {
        shown.push(format!("{} more", prefixes.len() - SHOWN));
    }
    shown.join(", ")
}

fn write_table(header: &[&str], lines: &Lines, out: &mut dyn Write) -> io::Result<()> {
    const WIDTH: u16 = 130;
    let width = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).unwrap_or(WIDTH);
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(width).set_header(header).add_rows(lines);
    writeln!(out, "{table}")
}

fn write_markdown(header: &[&str], lines: &Lines, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "| {} |", header.join(" | "))?;
    writeln!(out, "|{}", " --- |".repeat(header.len()))?;
    for line in lines {
        let cells: Vec<String> =
            line.iter().map(|cell| cell.replace('|', "\\|").replace('\n', "<br>")).collect();
        writeln!(out, "| {} |", cells.join(" | "))?;
    }
    Ok(())
}

/// The matrix as a program reads it. Rules name groups; the groups' addresses stand once.
#[derive(Serialize)]
struct Document<'a> {
    mode: Mode,
    posture: Posture,
    interfaces: Vec<InterfaceView<'a>>,
    groups: BTreeMap<&'a str, &'a [IpNet]>,
    rules: Vec<Row>,
}

#[derive(Serialize)]
struct InterfaceView<'a> {
    name: &'a str,
    zone: &'a str,
    dhcp: bool,
}

fn write_json(matrix: &Matrix, out: &mut dyn Write) -> io::Result<()> {
    let interfaces = matrix.interfaces.iter().map(|interface| {
        let Interface { name, zone, attach: _, dhcp } = interface;
        InterfaceView { name, zone: &matrix.zone(*zone).name, dhcp: *dhcp }
    });
    let document = Document {
        mode: matrix.mode,
        posture: matrix.posture,
        interfaces: interfaces.collect(),
        groups: matrix.groups.iter().map(|group| (group.name.as_str(), group.prefixes.as_slice())).collect(),
        rules: rows(matrix),
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}
