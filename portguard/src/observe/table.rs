//! Counters as tables for a terminal.

use std::{cmp::Reverse, fmt};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::{Count, Counted, CounterReport, UndocumentedRow, port_text};
use crate::compile::Target;

impl fmt::Display for CounterReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ports.is_empty() {
            writeln!(f, "No documented port has seen a packet yet.")?;
        } else {
            writeln!(f, "{}", ports(self))?;
        }
        if !self.undocumented.is_empty() {
            writeln!(f)?;
            writeln!(f, "{}", undocumented(self))?;
            let more = self.undocumented.len().saturating_sub(MOST_UNDOCUMENTED);
            if more > 0 {
                writeln!(f, "{more} more ports that no rule names: --format json has them all")?;
            }
        }
        writeln!(f)?;
        writeln!(f, "{}", reasons(self))?;
        let Counted { passed, dropped, .. } = self.totals();
        writeln!(f)?;
        writeln!(f, "passed: {} packets, {} bytes", passed.packets, passed.bytes)?;
        writeln!(f, "dropped: {} packets, {} bytes", dropped.packets, dropped.bytes)
    }
}

fn new_table<const N: usize>(header: [&str; N], numbers: &[usize]) -> Table {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(header);
    for &column in numbers {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn ports(report: &CounterReport) -> Table {
    let mut table = new_table(["ZONE", "PORT", "WHAT", "PACKETS", "BYTES"], &[3, 4]);
    for row in &report.ports {
        let mut add = |what: &str, Count { packets, bytes }: Count| {
            table.add_row([row.zone.as_str(), &row.port, what, &packets.to_string(), &bytes.to_string()]);
        };
        for rule in &row.rules {
            let former = if rule.in_force { "" } else { ", no longer in force" };
            add(&format!("passed by {}{former}", rule.rule), rule.passed);
        }
        // What failsafe groups alone are admitted to has no drops of its own: the reasons have them.
        if row.port != port_text(row.direction, Target::Other) {
            add("dropped", row.dropped);
        }
        if row.would_drop != Count::default() {
            add("would drop", row.would_drop);
        }
    }
    table
}

/// How many ports that no rule names are shown.
const MOST_UNDOCUMENTED: usize = 20;

/// Ports that no rule names, those with the most packets first.
fn undocumented(report: &CounterReport) -> Table {
    let mut table = new_table(["NO RULE NAMES", "PASSED", "DROPPED", "WOULD DROP"], &[1, 2, 3]);
    let packets = |row: &UndocumentedRow| row.counted.passed.packets + row.counted.refused().packets;
    let mut rows: Vec<&UndocumentedRow> = report.undocumented.iter().collect();
    rows.sort_by_key(|row| Reverse(packets(row)));
    for row in rows.into_iter().take(MOST_UNDOCUMENTED) {
        let Counted { passed, dropped, would_drop } = row.counted;
        let [passed, dropped, would_drop] =
            [passed, dropped, would_drop].map(|count: Count| count.packets.to_string());
        table.add_row([row.port.clone(), passed, dropped, would_drop]);
    }
    table
}

fn reasons(report: &CounterReport) -> Table {
    let mut table = new_table(["REASON", "ACTION", "PACKETS", "BYTES", "WOULD DROP", "MEANING"], &[2, 3, 4]);
    for row in &report.reasons {
        table.add_row([
            port_text(row.direction, &row.reason).as_str(),
            &row.action,
            &row.counted.packets.to_string(),
            &row.counted.bytes.to_string(),
            &row.would_drop.packets.to_string(),
            &row.says,
        ]);
    }
    table
}
