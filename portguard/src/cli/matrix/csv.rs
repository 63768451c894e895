//! The matrix as a spreadsheet reads it. What is a list has spaces between its items.

use std::io::{self, Write};

use csv::Writer;
use ipnet::IpNet;

use crate::{
    matrix::{Direction, Matrix, PeerView, PortRow, Row},
    reading::short_prefix,
};

const RULE_HEADER: [&str; 17] = [
    "direction",
    "enforced",
    "protocol",
    "ports",
    "zones",
    "role",
    "groups",
    "addresses",
    "description",
    "product",
    "policy",
    "rule",
    "document",
    "section",
    "line",
    "says",
    "inferred",
];

const PORT_HEADER: [&str; 10] = [
    "direction",
    "enforced",
    "protocol",
    "ports",
    "zones",
    "this node only",
    "groups",
    "addresses",
    "products",
    "rules",
];

/// One line for each role of a rule.
pub(super) fn write_rules(matrix: &Matrix, rows: &[Row], out: &mut dyn Write) -> io::Result<()> {
    let mut writer = Writer::from_writer(Vec::new());
    writer.write_record(RULE_HEADER)?;
    for row in rows {
        for PeerView { role, this_node: _, groups } in &row.peers {
            let prefixes = matrix.groups.iter().filter(|group| groups.contains(&group.name));
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            writer.write_record([
                direction_text(row.direction).to_owned(),
                row.enforced.to_string(),
                row.protocol.clone(),
                row.ports.replace(',', ""),
                row.zones.join(" "),
                role.clone(),
                groups.join(" "),
                addresses_text(prefixes.flat_map(|group| &group.prefixes)),
                row.description.clone(),
                text(&row.product),
                text(&row.policy),
                row.rule.clone(),
                text(&row.document),
                text(&row.section),
                row.line.to_string(),
                text(&row.says),
                row.inferred.join(" "),
            ])?;
        }
    }
    finish(writer, out)
}

/// One line for each row.
pub(super) fn write_ports(rows: &[PortRow], out: &mut dyn Write) -> io::Result<()> {
    let mut writer = Writer::from_writer(Vec::new());
    writer.write_record(PORT_HEADER)?;
    for row in rows {
        writer.write_record([
            direction_text(row.direction).to_owned(),
            row.enforced.to_string(),
            row.space.to_string(),
            row.ports.replace(',', ""),
            row.zones.join(" "),
            row.this_node.to_string(),
            row.groups.join(" "),
            addresses_text(row.addresses.iter()),
            row.products.join(" "),
            row.rules.join("; "),
        ])?;
    }
    finish(writer, out)
}

/// All at once, so that a reader that goes away is an error of `out` and not of the CSV.
fn finish(writer: Writer<Vec<u8>>, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(&writer.into_inner().map_err(csv::IntoInnerError::into_error)?)
}

fn direction_text(direction: Direction) -> &'static str {
    match direction {
        Direction::In => "in",
        Direction::Out => "out",
    }
}

fn addresses_text<'p>(prefixes: impl Iterator<Item = &'p IpNet>) -> String {
    prefixes.map(short_prefix).collect::<Vec<_>>().join(" ")
}
