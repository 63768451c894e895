//! The matrix as people read it: tables for a terminal or for a document.

use std::{
    collections::BTreeSet,
    io::{self, Write},
};

use comfy_table::{ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};
use ipnet::IpNet;

use crate::{
    matrix::{Direction, Group, Matrix, Outbound, PeerView, PortRow, Posture, Row},
    reading::short_prefix,
    site::ANY,
};

/// How a table is drawn.
#[derive(Clone, Copy, Debug)]
pub(super) enum Style {
    Table,
    Markdown,
}

/// A table: inbound or outbound.
struct Sheet {
    header: Vec<&'static str>,
    lines: Vec<Vec<String>>,
}

pub(super) fn write_rules(
    matrix: &Matrix,
    rows: &[Row],
    style: Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let sheet = |direction| {
        let header = ["Port", "Protocol", who(direction), "For", "Rule"];
        let rows = rows.iter().filter(|row| row.direction == direction);
        sheet(matrix, &header, rows.map(|row| (rule_cells(row), row.zones.as_slice())))
    };
    write_sheets(matrix, &sheet(Direction::In), &sheet(Direction::Out), style, out)?;
    let named = rows.iter().flat_map(|row| &row.peers).flat_map(|peer| &peer.groups);
    write_groups(matrix, &named.map(String::as_str).collect(), out)
}

pub(super) fn write_ports(
    matrix: &Matrix,
    rows: &[PortRow],
    style: Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let sheet = |direction| {
        let header = ["Port", "Protocol", who(direction), "Rules"];
        let rows = rows.iter().filter(|row| row.direction == direction);
        sheet(matrix, &header, rows.map(|row| (port_cells(row), row.zones.as_slice())))
    };
    write_sheets(matrix, &sheet(Direction::In), &sheet(Direction::Out), style, out)?;
    write_shared(rows, out)?;
    let named = rows.iter().flat_map(|row| &row.groups);
    write_groups(matrix, &named.map(String::as_str).collect(), out)
}

fn who(direction: Direction) -> &'static str {
    match direction {
        Direction::In => "Who may reach it",
        Direction::Out => "Whom the node reaches",
    }
}

/// A sheet of these cells; zones are a column of their own where the site has several.
fn sheet<'r>(
    matrix: &Matrix,
    header: &[&'static str],
    rows: impl Iterator<Item = (Vec<String>, &'r [String])>,
) -> Sheet {
    const ZONE_COLUMN: usize = 2;
    let with_zones = matrix.zones.len() > 1;
    let mut header = header.to_vec();
    if with_zones {
        header.insert(ZONE_COLUMN, "Zone");
    }
    let lines = rows.map(|(mut cells, zones)| {
        if with_zones {
            cells.insert(ZONE_COLUMN, zones.join(", "));
        }
        cells
    });
    Sheet { header, lines: lines.collect() }
}

fn rule_cells(row: &Row) -> Vec<String> {
    let peers: Vec<String> = row.peers.iter().map(|peer| peer_text(peer, row.direction)).collect();
    let description = match row.inferred.as_slice() {
        [] => row.description.clone(),
        inferred => format!("{} (inferred: {})", row.description, inferred.join(", ")),
    };
    let origin = format!("{}\n{}", row.rule_name(), row.place());
    vec![row.ports.clone(), row.protocol.clone(), peers.join("\n"), description, origin]
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

fn port_cells(row: &PortRow) -> Vec<String> {
    let who = match row.groups.as_slice() {
        _ if row.this_node => "this node only".to_owned(),
        [] => "nobody".to_owned(),
        groups => groups.join(", "),
    };
    vec![row.ports.clone(), row.space.to_string(), who, row.rules.join("\n")]
}

/// Inbound rows, then the outbound ones, if there are any.
fn write_sheets(
    matrix: &Matrix,
    inbound: &Sheet,
    outbound: &Sheet,
    style: Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    write_sheet(inbound, style, out)?;
    let failsafe = matrix.failsafe().map(|rule| {
        let groups = rule.groups();
        let names: Vec<&str> = groups.iter().map(|&id| matrix.group(id).name.as_str()).collect();
        format!(" but to failsafe groups: {}", names.join(", "))
    });
    let failsafe = failsafe.unwrap_or_default();
    let others = match matrix.posture {
        Posture::Pass => "open to everyone".to_owned(),
        Posture::Drop => format!("closed{failsafe}"),
    };
    writeln!(out, "\nPorts that no rule names are {others}.")?;
    match matrix.outbound {
        Some(Outbound { mode, posture, attach: _ }) => {
            let others = match posture {
                Posture::Pass => "leaves".to_owned(),
                Posture::Drop => format!("does not leave{failsafe}"),
            };
            writeln!(out, "\nOutbound, {mode}:\n")?;
            write_sheet(outbound, style, out)?;
            writeln!(out, "\nWhat no outbound rule names {others}.")
        }
        None if outbound.lines.is_empty() => Ok(()),
        None => {
            writeln!(out, "\nOutbound, declared and not enforced:\n")?;
            write_sheet(outbound, style, out)
        }
    }
}

fn write_sheet(Sheet { header, lines }: &Sheet, style: Style, out: &mut dyn Write) -> io::Result<()> {
    match style {
        _ if lines.is_empty() => writeln!(out, "No rule."),
        Style::Table => write_table(header, lines, out),
        Style::Markdown => write_markdown(header, lines, out),
    }
}

fn write_table(header: &[&str], lines: &[Vec<String>], out: &mut dyn Write) -> io::Result<()> {
    const WIDTH: u16 = 130;
    let width = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).unwrap_or(WIDTH);
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(width).set_header(header).add_rows(lines);
    writeln!(out, "{table}")
}

fn write_markdown(header: &[&str], lines: &[Vec<String>], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "| {} |", header.join(" | "))?;
    writeln!(out, "|{}", " --- |".repeat(header.len()))?;
    for line in lines {
        let cells: Vec<String> =
            line.iter().map(|cell| cell.replace('|', "\\|").replace('\n', "<br>")).collect();
        writeln!(out, "| {} |", cells.join(" | "))?;
    }
    Ok(())
}

/// What several products open is what none of their documents shows.
fn write_shared(rows: &[PortRow], out: &mut dyn Write) -> io::Result<()> {
    let is_shared =
        |row: &&PortRow| row.direction == Direction::In && row.products.len() > 1 && !row.this_node;
    let shared: Vec<&PortRow> = rows.iter().filter(is_shared).collect();
    if shared.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nPorts of several products, open to the peers of each:\n")?;
    for row in shared {
        let mut zones = String::new();
        if rows.iter().any(|other| other.zones != row.zones) {
            zones = format!(" in {}", row.zones.join(", "));
        }
        writeln!(out, "- {} {}{zones}: {}", row.space, row.ports, row.products.join(", "))?;
    }
    Ok(())
}

fn write_groups(matrix: &Matrix, named: &BTreeSet<&str>, out: &mut dyn Write) -> io::Result<()> {
    if named.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nGroups:\n")?;
    for Group { name, prefixes } in matrix.groups.iter().filter(|group| named.contains(group.name.as_str())) {
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
