//! `portguard suggest`: what a site may lack, by what was dropped or would have been.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, bail};

use super::{
    ExitStatus, NameArgs,
    format::Format,
    load_and_tell,
    surroundings::local_ports,
    time::{Moment, moment},
};
use crate::{
    audit::{DropFilter, FILE, Order, Reader, Span},
    compile::compile,
    daemon::{DaemonError, RUNTIME_DIR, Reply, Request, STATE_DIR, ask, site_in_force},
    datapath::node_addresses,
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
    /// The directory that the record is in
    #[arg(long, value_name = "DIR", default_value = STATE_DIR)]
    state_dir: PathBuf,
    /// The directory of the daemon's control socket
    #[arg(long, value_name = "DIR")]
    runtime_dir: Option<PathBuf>,
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
    let filter = |limit| DropFilter {
        span: Span { since: args.since.seconds(now), until: now + 1 },
        source: None,
        port: None,
        rule: None,
        reason: None,
        order: Order::Loudest,
        limit,
    };
    let counted = counted(args, filter(0))?;
    let drops = Reader::open(&args.state_dir.join(FILE))?.drops(&filter(usize::MAX))?;
    let matrix = site(args)?;
    let image = compile(&matrix, &node_addresses()?)?;
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

/// What the daemon has counted at undocumented ports, if it is that of this record, and answers. What it knows of drops is brought
/// into the record first.
fn counted(args: &Args, filter: DropFilter) -> anyhow::Result<Vec<UndocumentedRow>> {
    let directory = match &args.runtime_dir {
        Some(directory) => directory,
        None if args.state_dir == Path::new(STATE_DIR) => Path::new(RUNTIME_DIR),
        None => return Ok(Vec::new()),
    };
    let _: Result<Reply, DaemonError> = ask(directory, Request::Drops { filter });
    match ask(directory, Request::Counters { idle: Idle::Hide }) {
        Ok(Reply::Counters(report)) => Ok(report.undocumented),
        Ok(_) => bail!("portguard answered another question than the one that was asked"),
        Err(DaemonError::NotRunning { .. }) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

fn site(args: &Args) -> anyhow::Result<Matrix> {
    if let Some(path) = &args.site {
        return Ok(load_and_tell(path, &args.names)?.matrix);
    }
    match site_in_force(&args.state_dir)? {
        Some(loaded) => Ok(loaded.matrix),
        None => bail!("the daemon has kept no site in {}: name one with --site", args.state_dir.display()),
    }
}
