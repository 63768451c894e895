//! `portguard report`: what this node accepts and may connect to by which document, what it dropped, and how sure that is.

use std::{
    fs,
    io::Write,
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, bail};
use clap::ValueEnum;

use super::{
    ExitStatus, NameArgs, load_and_tell,
    record::RecordArgs,
    time::{Moment, moment},
};
use crate::{
    audit::{Reader, Span},
    compile::compile,
    daemon::{Reply, Request, site_in_force},
    datapath,
    matrix::Matrix,
    report::{About, Accepts, InForce, Origin, Report, html_page, markdown, write_csv},
};

const EXAMPLE: &str = "\
Examples:
  portguard report --since 30d --format html --output report.html
  portguard report --since 2026-10-01 --until 2026-11-01 --format csv > october.csv
  portguard report --state-dir /mnt/evidence --node db3 --site site.toml --verify

Needs to read the state directory, and works while the daemon writes there and when none runs. Times are in UTC; a period of more \
than three days begins with a whole day. What is in force is what the daemon says, else what the record says; what \
that lets in is what the daemon has kept in the state directory, or what --site says, held against the digest of what is in \
force. The daemon is not asked about a state directory that is not its own, unless --runtime-dir says where it is. The HTML page \
needs no network and no script. `docs/report.md` documents the names in JSON and CSV.";

/// The loudest of a day that a spreadsheet gets, as many as the record keeps of a day that is over.
const ROWS_OF_A_DAY: usize = 1024;
const DAY: u64 = 86_400;
/// A longer period begins with a whole day.
const LONG: u64 = 3 * DAY;

/// The options of `report`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// From when on: how far back (`24h`, `30d`), or a day or time in UTC (`2026-11-01`, `2026-11-01T06:00`)
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = moment)]
    since: Moment,
    /// Until when, in the same way; left out, until now
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Moment>,
    /// For whom
    #[arg(long, value_enum, default_value_t = Format::Md)]
    format: Format,
    #[command(flatten)]
    record: RecordArgs,
    /// Say what this site file lets in, not what the daemon has kept
    #[arg(long, value_name = "FILE")]
    site: Option<PathBuf>,
    #[command(flatten)]
    names: NameArgs,
    /// The node's name, where the record is another machine's
    #[arg(long, value_name = "NAME")]
    node: Option<String>,
    /// Hold the whole record against its seals now; else the report says what was found the last time
    #[arg(long)]
    verify: bool,
    /// Write to this file, not to standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One page for a browser or a printer
    Html,
    /// For a ticket
    Md,
    /// Drops by day, source and port, for a spreadsheet
    Csv,
    /// Everything, for a program
    Json,
}

/// Writes the report.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<ExitStatus> {
    let status = status(args)?;
    let now = now();
    let span = span(args, now)?;
    let reader = args.record.reader()?;
    let node = args.node.clone().unwrap_or_else(this_node);
    let text = match args.format {
        Format::Csv => {
            let mut text = Vec::new();
            write_csv(&node, &reader.drops_by_day(span, ROWS_OF_A_DAY)?, &mut text)?;
            text
        }
        format => {
            let about = About { node, portguard: env!("CARGO_PKG_VERSION").to_owned(), generated: now, span };
            let report = gather(args, &reader, about, status)?;
            match format {
                Format::Html => html_page(&report).into_bytes(),
                Format::Md | Format::Csv => markdown(&report).into_bytes(),
                Format::Json => [serde_json::to_vec_pretty(&report)?, b"\n".to_vec()].concat(),
            }
        }
    };
    match &args.output {
        Some(path) => fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?,
        None => out.write_all(&text)?,
    }
    Ok(ExitStatus::Success)
}

fn span(args: &Args, now: u64) -> anyhow::Result<Span> {
    let span = Span {
        since: args.since.seconds(now),
        until: args.until.map_or(now + 1, |until| until.seconds(now)),
    };
    if span.until <= span.since {
        bail!("the period ends before it begins: --since must be before --until, and before now");
    }
    // What is kept of whole days is read as such.
    let since = if span.until - span.since > LONG { span.since / DAY * DAY } else { span.since };
    Ok(Span { since, ..span })
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn gather(args: &Args, reader: &Reader, about: About, status: Option<InForce>) -> anyhow::Result<Report> {
    let verified = if args.verify { Some(reader.verify(None)?) } else { None };
    let site = site(args)?;
    let accepts = |in_force: &InForce| {
        let (matrix, origin) = site?;
        // Where the node cannot be asked there is no digest to compare.
        let node = datapath::node().ok();
        let digest =
            node.and_then(|node| compile(&matrix, &node).ok()).map(|image| image.digest().to_string());
        Some(Accepts::new(&matrix, digest, origin, in_force))
    };
    Ok(Report::new(reader, about, status, accepts, verified)?)
}

/// What is in force, as the daemon says, if there is one of this record.
fn status(args: &Args) -> anyhow::Result<Option<InForce>> {
    match args.record.ask(Request::Status)? {
        Some(Reply::Status(status)) => Ok(Some(InForce::of_daemon(&status))),
        Some(_) => bail!("portguard answered another question than the one that was asked"),
        None => Ok(None),
    }
}

fn site(args: &Args) -> anyhow::Result<Option<(Matrix, Origin)>> {
    if let Some(path) = &args.site {
        let matrix = load_and_tell(path, &args.names)?.matrix;
        return Ok(Some((matrix, Origin::File(path.display().to_string()))));
    }
    let kept = site_in_force(args.record.directory())?;
    Ok(kept.map(|loaded| (loaded.matrix, Origin::Kept)))
}

fn this_node() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if name.trim().is_empty() { "this node".to_owned() } else { name.trim().to_owned() }
}
