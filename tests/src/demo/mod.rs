//! The demo: InfluxDB's and Redis's documents, kept by a real node among real peers.

mod attempts;
mod site;

use std::{path::Path, thread};

use anyhow::{Context as _, ensure};
use comfy_table::{ContentArrangement, Table, presets};

use crate::lab::{Guard, Lab, Stop, influxd, redis};
use attempts::{Attempt, Came, attempts};
pub use site::SITE;

/// What came of an attempt without PortGuard and with it.
struct Row<'a> {
    attempt: Attempt<'a>,
    without: Came,
    with: Came,
    explained: String,
}

impl Row<'_> {
    fn is_surprise(&self) -> bool {
        let expected = if self.attempt.admitted { Came::Through } else { Came::Nothing };
        self.without != Came::Through || self.with != expected || self.explained != expected.verdict()
    }
}

/// Builds the lab, runs everything, prints what happened. `Err` as well when anything came out differently than the
/// documents say. Ends early when `stop` is set.
pub fn run(stop: &Stop) -> anyhow::Result<()> {
    say("Building a lab: a node, a second node of its cluster, a client, a stranger.");
    let lab = Lab::interruptible(stop)?;
    say("Starting influxd (8086, 8088) and redis-server (endpoint 12000, shard 20001) on the node.");
    let _servers = (influxd(&lab.node)?, redis(&lab.node, 12_000)?, redis(&lab.node, 20_001)?);
    say("Trying everything without PortGuard.");
    let attempts = attempts(&lab, lab.directory());
    let without = try_all(&attempts)?;
    let guard = Guard::start(&lab.node, SITE)?;
    say(&format!("\n$ portguard run --site site.toml\n{}\n", guard.ready()));
    say("Trying the same with PortGuard.");
    let with = try_all(&attempts)?;
    let mut rows = Vec::new();
    for ((attempt, without), with) in attempts.into_iter().zip(without).zip(with) {
        let explained = explain(&guard, &attempt)?;
        rows.push(Row { attempt, without, with, explained });
    }
    say(&format!("\n{}", table(&rows)));
    let counters = guard.ask(&["counters"])?;
    ensure!(counters.status.success(), "portguard counters: {}", String::from_utf8_lossy(&counters.stderr));
    say(&format!("\n$ portguard counters\n{}", String::from_utf8_lossy(&counters.stdout)));
    guard.stop()?;
    let surprises = rows.iter().filter(|row| row.is_surprise()).count();
    ensure!(
        surprises == 0,
        "{surprises} of {} attempts came out differently than the documents say",
        rows.len()
    );
    say(&format!("All {} attempts came out as the documents say. Everything is cleaned up.", rows.len()));
    Ok(())
}

/// Makes all attempts side by side.
fn try_all(attempts: &[Attempt<'_>]) -> anyhow::Result<Vec<Came>> {
    thread::scope(|scope| {
        let threads: Vec<_> = attempts.iter().map(|attempt| scope.spawn(|| attempt.make())).collect();
        threads.into_iter().map(|thread| thread.join().expect("an attempt does not panic")).collect()
    })
}

/// What `portguard explain` says about the attempt: `pass` or `drop`.
fn explain(guard: &Guard, attempt: &Attempt<'_>) -> anyhow::Result<String> {
    let site = guard.directory().join("site.toml");
    let output = std::process::Command::new(crate::lab::binary()?)
        .args([
            "explain",
            "--format",
            "json",
            "--from",
            &attempt.source().to_string(),
            "--to",
            &attempt.port(),
        ])
        .args([Path::new("--site"), &site])
        .output()?;
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("portguard explain: {}", String::from_utf8_lossy(&output.stderr)))?;
    Ok(answer["verdict"].as_str().unwrap_or_default().to_owned())
}

fn table(rows: &[Row<'_>]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["from", "tries", "the document says", "without", "with PortGuard", ""]);
    for row in rows {
        table.add_row([
            row.attempt.from.name(),
            &row.attempt.name,
            &format!("{}: {}", if row.attempt.admitted { "yes" } else { "no" }, row.attempt.document),
            row.without.says(),
            row.with.says(),
            if row.is_surprise() { "SURPRISE" } else { "ok" },
        ]);
    }
    table
}

#[expect(clippy::print_stdout, reason = "showing is what a demo is for")]
fn say(text: &str) {
    println!("{text}");
}
