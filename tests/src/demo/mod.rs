//! The demo: InfluxDB's and Redis's documents, kept by a real node among real peers.

mod attempts;
mod explained;
mod site;

use std::{
    io::{self, Write as _},
    path::Path,
    sync::Mutex,
    thread,
};

use anyhow::{Context as _, ensure};
use comfy_table::{ContentArrangement, Table, presets};

use crate::lab::{Guard, Lab, Stop, influxd, redis};
use attempts::{Attempt, Came, Round, attempts};
use explained::Explained;
pub use site::SITE;

/// An attempt, what came of it without PortGuard and with it, and what `portguard explain` says.
struct Tried<'a> {
    attempt: Attempt<'a>,
    without: Came,
    with: Came,
    explained: Explained,
}

impl Tried<'_> {
    fn is_surprise(&self) -> bool {
        let expected = if self.attempt.admitted { Came::Through } else { Came::Nothing };
        self.without != Came::Through
            || self.with != expected
            || self.explained.passes() != self.attempt.admitted
    }
}

/// Builds the lab, runs everything, prints what happened. `Err` as well when anything came out differently than the
/// documents say. Ends early, with the lab removed, when `stop` is set.
///
/// What was let in and dropped is written down in `report`, a page for a browser.
pub fn run(stop: &Stop, report: &Path) -> anyhow::Result<()> {
    let Sum { attempts, surprises } = show(stop, report)?;
    ensure!(surprises == 0, "{surprises} of {attempts} attempts came out differently than the documents say");
    say(&format!("All {attempts} attempts came out as the documents say. Everything is cleaned up."))?;
    say(&format!("The report: {}", report.display()))
}

struct Sum {
    attempts: usize,
    surprises: usize,
}

fn show(stop: &Stop, report: &Path) -> anyhow::Result<Sum> {
    say("Building a lab: a node, a second node of its cluster (peer), a client, a stranger.")?;
    let lab = Lab::interruptible(stop)?;
    say("Starting influxd (8086, 8088) and redis-server (endpoint 12000, shard 20001) on the node.")?;
    let _servers = (influxd(&lab.node)?, redis(&lab.node, 12_000)?, redis(&lab.node, 20_001)?);
    say("Trying everything without PortGuard.")?;
    let attempts = attempts(&lab);
    let without = try_all(&attempts, Round::Without)?;
    let guard = Guard::start(&lab.node, SITE)?;
    say(&format!("\n$ portguard run --site site.toml\n{}\n", guard.ready()))?;
    say("Trying the same with PortGuard.")?;
    let with = try_all(&attempts, Round::With)?;
    let mut tried = Vec::new();
    for ((attempt, without), with) in attempts.into_iter().zip(without).zip(with) {
        let explained = Explained::ask(&guard, &attempt)?;
        tried.push(Tried { attempt, without, with, explained });
    }
    say(&format!("\n{}", table(&tried)))?;
    for verb in ["counters", "drops"] {
        say(&format!("\n$ portguard {verb}\n{}", answer(&guard, &[verb])?))?;
    }
    let state = guard.directory().join("state");
    let (state, path) = (state.display().to_string(), report.display().to_string());
    let options = ["--format", "html", "--node", "demo", "--state-dir", &state, "--output", &path];
    answer(&guard, &[&["report", "--since", "1h"][..], &options].concat())?;
    guard.stop()?;
    let surprises = tried.iter().filter(|tried| tried.is_surprise()).count();
    Ok(Sum { attempts: tried.len(), surprises })
}

fn answer(guard: &Guard, arguments: &[&str]) -> anyhow::Result<String> {
    let output = guard.ask(arguments)?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "portguard {}: {said}", arguments.join(" "));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Makes all attempts side by side, but for those that must take turns.
fn try_all(attempts: &[Attempt<'_>], round: Round) -> anyhow::Result<Vec<Came>> {
    let turns = Mutex::new(());
    let make = |attempt: &Attempt<'_>| {
        let _turn = attempt.takes_turns(round).then(|| turns.lock());
        attempt.make(round)
    };
    thread::scope(|scope| {
        let threads: Vec<_> = attempts.iter().map(|attempt| scope.spawn(|| make(attempt))).collect();
        threads.into_iter().map(|thread| thread.join().expect("an attempt does not panic")).collect()
    })
}

/// A row for both address families.
fn table(tried: &[Tried<'_>]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["from", "tries", "the document says", "without", "with PortGuard", ""]);
    let (pairs, _) = tried.as_chunks::<2>();
    for [v4, v6] in pairs {
        let Tried { attempt, explained, .. } = v4;
        table.add_row([
            attempt.from.name(),
            &attempt.name(),
            &format!("{}: {explained}", if attempt.admitted { "yes" } else { "no" }),
            &both(&v4.without, &v6.without),
            &both(&v4.with, &v6.with),
            if v4.is_surprise() || v6.is_surprise() { "SURPRISE" } else { "ok" },
        ]);
    }
    table
}

/// What came of the attempts of both families, told apart where they differ.
fn both(v4: &Came, v6: &Came) -> String {
    if v4 == v6 { v4.says() } else { format!("IPv4: {}, IPv6: {}", v4.says(), v6.says()) }
}

fn say(text: &str) -> anyhow::Result<()> {
    writeln!(io::stdout(), "{text}").context("nobody reads what the demo shows")
}
