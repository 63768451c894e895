//! Drops for a spreadsheet: a line for each day, direction, source and port (RFC 4180). The lines of a day come to what the kernel
//! counted.

use std::io::{self, Write};

use csv::Writer;

use super::words;
use crate::{
    audit::{DayOfDrops, DropRow},
    observe::Count,
};

/// What came later stands last, for those who count columns.
const HEADER: [&str; 16] = [
    "day",
    "told",
    "source",
    "zone",
    "port",
    "reason",
    "rules",
    "fate",
    "packets",
    "bytes",
    "first",
    "last",
    "node",
    "direction",
    "uid",
    "cgroup",
];

/// Writes `days` of the node `node`. What is told by no source is a line of its own for each reason.
pub fn write(node: &str, days: &[DayOfDrops], out: &mut dyn Write) -> io::Result<()> {
    // At once, so that a reader that goes away is an error of `out` and not of the CSV.
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(HEADER)?;
    for day in days {
        for row in &day.rows {
            write_row(&mut writer, node, &day.day, row)?;
        }
        write_rest(&mut writer, node, day)?;
    }
    out.write_all(&writer.into_inner().map_err(csv::IntoInnerError::into_error)?)
}

fn write_row(writer: &mut Writer<Vec<u8>>, node: &str, day: &str, row: &DropRow) -> csv::Result<()> {
    let DropRow { direction, source, zone, port, reason, rules, process, would, counted, first, last } = row;
    let process = process.as_ref();
    let cgroup = process.and_then(|process| process.cgroup.as_deref());
    writer.write_record([
        day,
        "by source",
        &source.map(|source| source.to_string()).unwrap_or_default(),
        &harmless(zone),
        &harmless(port),
        &harmless(reason),
        &harmless(&rules.join("; ")),
        fate(*would),
        &counted.packets.to_string(),
        &counted.bytes.to_string(),
        &words::moment(*first),
        &words::moment(*last),
        &harmless(node),
        direction.name(),
        &process.map(|process| process.uid.to_string()).unwrap_or_default(),
        &harmless(cgroup.unwrap_or_default()),
    ])
}

fn write_rest(writer: &mut Writer<Vec<u8>>, node: &str, day: &DayOfDrops) -> csv::Result<()> {
    for totals in &day.reasons {
        for (would, counted) in [(false, totals.dropped), (true, totals.would_drop)] {
            let told = day.rows.iter().filter(|row| {
                (row.direction, &row.reason, row.would) == (totals.direction, &totals.reason, would)
            });
            let rest = told.fold(counted, |rest, row| Count {
                packets: rest.packets.saturating_sub(row.counted.packets),
                bytes: rest.bytes.saturating_sub(row.counted.bytes),
            });
            if rest.packets == 0 {
                continue;
            }
            writer.write_record([
                &day.day,
                "by reason",
                "",
                "",
                "",
                &harmless(&totals.reason),
                "",
                fate(would),
                &rest.packets.to_string(),
                &rest.bytes.to_string(),
                "",
                "",
                &harmless(node),
                totals.direction.name(),
                "",
                "",
            ])?;
        }
    }
    Ok(())
}

fn fate(would: bool) -> &'static str {
    if would { "would drop" } else { "dropped" }
}

/// A cell that no spreadsheet takes for a formula: those begin with one of these.
fn harmless(text: &str) -> String {
    let text = words::visible(text);
    if text != "-" && text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text.into_owned()
    }
}
