//! `portguard explain`: what becomes of a packet, and why.

use std::{
    io::{self, BufWriter, Write},
    net::IpAddr,
    path::{Path, PathBuf},
};

use anyhow::bail;
use clap::ValueEnum;

use super::{ExitStatus, NameArgs, exit::tell, load_and_tell};
use crate::{
    compile::{Image, Node, compile},
    explain::{Asked, Defaults, Destination, Explanation, Question, read_batch},
    input::{InputError, read_standard_input, read_text},
    matrix::{self, Matrix, ZoneId},
    reading::did_you_mean,
};

const EXAMPLE: &str = "\
Examples:
  portguard explain --site site.toml --from 10.20.0.7 --to 8088/tcp
  portguard explain --site site.toml --from 2001:db8::7 --to icmp --format json
  portguard explain --site site.toml --from 17.0.0.9 --to 2195/tcp --direction out
  portguard explain --site site.toml --from 10.20.0.7 --to 2113/tcp --interface eth1
  portguard explain --site site.toml --batch questions.csv

Asks about the first packet of a connection. Exit code 0 when it passes, 1 when it drops.

A file of questions has a header and the columns from, to, zone and direction; the last two may be empty or left out. \
Each row is answered by a line of JSON: from, to, verdict, reason, and the policy, rule and line that the verdict rests \
on, null where no rule names the port. Nothing is answered unless every row can be. Exit code 0 whatever the answers.";

/// The options of `explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The site file
    #[arg(long, value_name = "FILE")]
    site: PathBuf,
    #[command(flatten)]
    names: NameArgs,
    /// Where the packet comes from; with `--direction out`, where it goes to
    #[arg(long, value_name = "ADDRESS", required_unless_present = "batch")]
    from: Option<IpAddr>,
    /// What it wants: 8086/tcp, 53/udp, icmp, icmp/8 or icmpv6/128 (a type), ip/47 (a protocol)
    #[arg(long, value_name = "PORT/PROTOCOL", required_unless_present = "batch")]
    to: Option<Destination>,
    /// Answer every row of a CSV file; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["from", "to"])]
    batch: Option<PathBuf>,
    /// The zone of the interface that it comes in by; needed where the site has several
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// The interface itself, by the kernel's name, which says the zone
    #[arg(long, value_name = "NAME", conflicts_with = "zone")]
    interface: Option<String>,
    /// Who opens the connection
    #[arg(long, value_enum, default_value_t = Direction::In)]
    direction: Direction,
    /// How to show the answer; `--batch` always answers in JSON
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Direction {
    /// The other end connects to this node
    In,
    /// This node connects to the other end
    Out,
}

impl From<Direction> for matrix::Direction {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::In => Self::In,
            Direction::Out => Self::Out,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For a program
    Json,
}

/// Answers the question, or the questions.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<ExitStatus> {
    let matrix = load_and_tell(&args.site, &args.names)?.matrix;
    let zone = match &args.interface {
        Some(name) => Some(zone_of(&matrix, name)?),
        None => zone(&matrix, args.zone.as_deref())?,
    };
    let direction = args.direction.into();
    let image = compile(&matrix, &Node::default())?;
    match (&args.batch, args.from, args.to) {
        (Some(path), _, _) => answer_batch(path, Defaults { zone, direction }, &matrix, &image, out),
        (None, Some(from), Some(to)) => {
            let Some(zone) = zone else {
                bail!(
                    "the site has several zones: say by which the packet comes in, with --zone ({}) or --interface",
                    zone_names(&matrix).join(", ")
                )
            };
            let question = Question { from, to: to.of(from)?, zone, direction };
            answer(&Explanation::new(&question, &matrix, &image), args.format, out)
        }
        (None, _, _) => unreachable!("clap demands --from and --to, or --batch"),
    }
}

fn answer(explanation: &Explanation, format: Format, out: &mut dyn Write) -> anyhow::Result<ExitStatus> {
    match format {
        Format::Text => write!(out, "{explanation}")?,
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, explanation)?;
            writeln!(out)?;
        }
    }
    Ok(if explanation.drops() { ExitStatus::AnswerIsNo } else { ExitStatus::Success })
}

/// The most faults of a file that are shown: who has a thousand has one cause.
const FAULTS_SHOWN: usize = 50;

fn answer_batch(
    path: &Path,
    defaults: Defaults,
    matrix: &Matrix,
    image: &Image,
    out: &mut dyn Write,
) -> anyhow::Result<ExitStatus> {
    let piped = path == Path::new("-");
    let name = if piped { "standard input".to_owned() } else { path.display().to_string() };
    let text = if piped { read_standard_input() } else { read_text(path) };
    let text = text.map_err(|source| InputError::Unreadable { path: PathBuf::from(&name), source })?;
    let asked = match read_batch(&text, defaults, matrix) {
        Ok(asked) => asked,
        Err(faults) => {
            for fault in faults.iter().take(FAULTS_SHOWN) {
                tell(&format!("{name}: {fault}\n"));
            }
            let noun = if faults.len() == 1 { "fault" } else { "faults" };
            bail!("{} {noun} in {name}; nothing was answered", faults.len())
        }
    };
    write_answers(&asked, matrix, image, out)?;
    Ok(ExitStatus::Success)
}

fn write_answers(asked: &[Asked], matrix: &Matrix, image: &Image, out: &mut dyn Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    for asked in asked {
        serde_json::to_writer(&mut out, &asked.answer(matrix, image))?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

fn zone_names(matrix: &Matrix) -> Vec<&str> {
    matrix.zones.iter().map(|zone| zone.name.as_str()).collect()
}

/// The zone of an interface of the node.
fn zone_of(matrix: &Matrix, name: &str) -> anyhow::Result<ZoneId> {
    if let Some(interface) = matrix.interface_for(name) {
        return Ok(interface.zone);
    }
    let guarded = matrix.interfaces.iter().map(|interface| interface.name.as_str());
    bail!(
        "`{name}` is not guarded, and whatever comes in by it passes; {}",
        did_you_mean(name, "guarded interfaces", guarded)
    )
}

/// The zone that was named, or the only one there is.
fn zone(matrix: &Matrix, name: Option<&str>) -> anyhow::Result<Option<ZoneId>> {
    let names = zone_names(matrix);
    let Some(name) = name else { return Ok((names.len() == 1).then(|| ZoneId::new(0))) };
    match names.iter().position(|zone| *zone == name) {
        Some(position) => Ok(Some(ZoneId::new(position))),
        None => bail!("the site has no zone `{name}`; {}", did_you_mean(name, "zones", names)),
    }
}
