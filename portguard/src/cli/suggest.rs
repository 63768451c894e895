//! `portguard suggest`: what a site may lack, by what was dropped or would have been.

use std::{
    fs,
    io::Write,
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, bail};

use super::{
    ExitStatus, NameArgs,
    format::Format,
    load_and_tell,
    record::RecordArgs,
    surroundings::local_ports,
    time::{Moment, moment},
};
use crate::{
    audit::{DropFilter, Order, Span},
    compile::compile,
    daemon::{Reply, Request, site_in_force},
    datapath,
    input::read_document,
    lint::LocalPorts,
    matrix::Matrix,
    observe::{Idle, UndocumentedRow},
    suggest::{Grounds, Suggestions, paste},
};

const EXAMPLE: &str = "\
Examples:
  portguard suggest --since 7d
  portguard suggest --site site.toml --output new.toml && portguard diff site.toml new.toml

Leave a node in mode observe for some days, then ask. Names sources that talk to documented ports and are in no group that plays a \
role there, and ports that are used and that no document names, as lines for the site file, with the evidence as comments. Of \
several roles it takes the one that opens the least. Neighbours become a prefix where every address of it was seen, unless \
--widen allows more. Scans, and what was seen too seldom, are told apart. Nothing is put in force: read it, and see with \
`portguard diff` what it opens.";

/// The options of `suggest`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// From when on: how far back (`24h`, `7d`), or a day or time in UTC (`2026-11-01`)
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = moment)]
    since: Moment,
    #[command(flatten)]
    record: RecordArgs,
    /// The site file that lacks it; left out, what the daemon has kept
    #[arg(long, value_name = "FILE")]
    site: Option<PathBuf>,
    #[command(flatten)]
    names: NameArgs,
    /// Let a prefix hold up to so many addresses that were not seen
    #[arg(long, value_name = "N", default_value_t = 0)]
    widen: u32,
    /// Write a copy of the site file with all of it pasted in
    #[arg(long, value_name = "FILE", requires = "site")]
    output: Option<PathBuf>,
    /// How to show it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Looks for what is missing, and shows it.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<ExitStatus> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let everything = DropFilter {
        span: Span { since: args.since.seconds(now), until: now + 1 },
        source: None,
        port: None,
        rule: None,
        reason: None,
        order: Order::Loudest,
        limit: usize::MAX,
    };
    let counted = counted(args)?;
    let drops = args.record.reader()?.drops(&everything)?;
    let matrix = site(args)?;
    let image = compile(&matrix, &datapath::node()?)?;
    let suggestions = Suggestions::new(&Grounds {
        matrix: &matrix,
        image: &image,
        drops: &drops,
        counted: &counted,
        ephemeral: local_ports().unwrap_or_else(LocalPorts::usual).range,
        widen: args.widen,
    });
    if let (Some(output), Some(site)) = (&args.output, &args.site) {
        if output == site {
            bail!("--output must be another file than the site: nothing is to be put in force unread");
        }
        let text = paste(&read_document(site)?, &suggestions)?;
        fs::write(output, text).with_context(|| format!("cannot write {}", output.display()))?;
    }
    args.format.show(&suggestions, ToString::to_string, out)?;
    Ok(ExitStatus::Success)
}

/// What the daemon has counted at undocumented ports, if there is one of this record.
fn counted(args: &Args) -> anyhow::Result<Vec<UndocumentedRow>> {
    match args.record.ask(Request::Counters { idle: Idle::Hide })? {
        Some(Reply::Counters(report)) => Ok(report.undocumented),
        Some(_) => bail!("portguard answered another question than the one that was asked"),
        None => Ok(Vec::new()),
    }
}

fn site(args: &Args) -> anyhow::Result<Matrix> {
    if let Some(path) = &args.site {
        return Ok(load_and_tell(path, &args.names)?.matrix);
    }
    match site_in_force(args.record.directory())? {
        Some(loaded) => Ok(loaded.matrix),
        None => bail!(
            "the daemon has kept no site in {}: name one with --site",
            args.record.directory().display()
        ),
    }
}
