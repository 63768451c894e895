//! `cargo xtask bench`: what a verdict costs, what a flood costs, what a generation takes to make, and what the record does.
//!
//! Every number is read beside its floor in the same round, and the median of the rounds counts: the machine is shared.

mod arena;
mod cold;
mod flood;
mod grace;
mod hot;
mod least;
mod leaving;
mod load;
mod packets;
mod prefixes;
mod record;
mod report;
mod site;
mod subject;
mod transit;
mod verifier;
mod xdp_filter;

use std::{
    env, fs,
    io::{self, Write as _},
    path::PathBuf,
};

use anyhow::Context as _;
use portguard::datapath::embedded;

pub use report::{Cell, Section};

/// What is measured
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// One packet, over and over: nanoseconds over a program that returns at once
    Hot,
    /// The same by a finer clock, beside programs that were written by hand for such a packet alone
    Least,
    /// Packets that all differ, from sources and to ports all over the tables
    Cold,
    /// A flood over a veth pair: packets a second, dropped and passed, beside nftables
    Flood,
    /// What the kernel's verifier goes through for each site; fails where that is more than a budget
    Verifier,
    /// From a site file to the interfaces: time and memory, from 10 to 1,000,000 prefixes
    Load,
    /// The audit store with ten million rows of drops: recording, sealing, asking
    Record,
}

/// What to measure, and where to write it
#[derive(Debug, clap::Parser)]
#[command(name = "cargo xtask bench", after_help = "Example: cargo xtask bench hot cold --json numbers.json")]
pub struct Options {
    /// What to measure; without any, `hot` with up to 10,000 sources, in less than a minute
    parts: Vec<Part>,
    /// Measure everything, up to 1,000,000 sources, with more rounds
    #[arg(long, conflicts_with = "parts")]
    all: bool,
    /// Where the numbers go as JSON [default: bench.json in the target directory]
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// How much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effort {
    /// In less than a minute.
    Quick,
    /// With a million sources and more rounds.
    Full,
}

/// Measures, and writes Markdown to standard output and JSON to a file.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let (parts, effort) = match (options.all, options.parts.as_slice()) {
        (true, _) => (<Part as clap::ValueEnum>::value_variants(), Effort::Full),
        (false, []) => (&[Part::Hot][..], Effort::Quick),
        (false, parts) => (parts, Effort::Full),
    };
    let object = object()?;
    let mut sections = Vec::new();
    for part in parts {
        let measured = match part {
            Part::Hot => hot::measure(&object, effort),
            Part::Least => least::measure(&object).map(|section| vec![section]),
            Part::Cold => cold::measure(&object),
            Part::Flood => flood::measure(&object),
            Part::Verifier => verifier::measure(&object),
            Part::Load => load::measure(&object),
            Part::Record => record::measure(),
        };
        for section in measured? {
            // Each as soon as it is there: all of them take minutes.
            writeln!(io::stdout(), "{}", section.to_markdown()).context("nobody reads the tables")?;
            sections.push(section);
        }
    }
    let json = match &options.json {
        Some(path) => path.clone(),
        None => default_json()?,
    };
    fs::write(&json, report::to_json(&sections)?)
        .with_context(|| format!("cannot write {}", json.display()))?;
    writeln!(io::stderr(), "The same as JSON: {}", json.display())?;
    Ok(())
}

/// In the target directory, which this binary lies in.
fn default_json() -> anyhow::Result<PathBuf> {
    let own = env::current_exe()?;
    let target =
        own.ancestors().nth(2).context("this binary lies in no target directory; use --json FILE")?;
    Ok(target.join("bench.json"))
}

fn object() -> anyhow::Result<Vec<u8>> {
    match env::var_os("PORTGUARD_EBPF_OBJECT").map(PathBuf::from) {
        Some(path) => fs::read(&path).with_context(|| format!("cannot read {}", path.display())),
        None => {
            embedded().map(<[u8]>::to_vec).context("built without the eBPF object: run `cargo xtask bench`")
        }
    }
}

/// The middle one of `values`.
fn median<T: Copy + PartialOrd>(mut values: Vec<T>) -> T {
    values.sort_unstable_by(|one, other| one.partial_cmp(other).expect("no measurement is NaN"));
    values[values.len() / 2]
}
