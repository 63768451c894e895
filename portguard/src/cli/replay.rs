//! `portguard replay`: what the filter would do with a capture.

use std::{
    fs::File,
    io::{self, BufWriter, IsTerminal as _, Read, Write},
    net::IpAddr,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};

use super::{ExitStatus, NameArgs, exit::tell, load_and_tell};
use crate::{
    compile::Node,
    datapath::{DatapathError, embedded},
    matrix::{Interface, Matrix},
    reading::did_you_mean,
    replay::{Capture, Engine, KernelRuns, Replay, Scene},
};

const EXAMPLE: &str = "\
Examples:
  portguard replay yesterday.pcap --site site.toml --node 10.20.0.1 --node 2001:db8:20::1
  portguard replay trunk.pcapng --site site.toml --interface eth1 --format text
  tcpdump -i eth0 -c 1000 -w - | portguard replay - --site site.toml
  portguard replay attack.pcap --site site.toml --engine kernel

Reads pcap and pcapng with Ethernet frames. Each packet is answered by a line of JSON on standard output: index (from 1, as \
Wireshark counts), verdict (pass, drop or skipped), reason, and the policy and rule that it rests on, null where there is \
none; then line, from and to. The verdict is that of mode enforce. Standard error sums up by rule and source, and says what \
the capture left open.

Give the node's addresses with --node where the capture holds both directions: packets from them are judged as ones that \
leave where the site judges these, else skipped (reason outbound), and what answers them passes as a reply. A packet of which less was captured than the verdict needs is skipped, \
too (reason truncated).

Exit code 0 whatever the verdicts. Of a capture that is cut off or damaged, the packets before that place are answered, and \
the exit code is 2.";

/// The options of `replay`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The capture, pcap or pcapng; `-` is standard input
    #[arg(value_name = "FILE")]
    capture: PathBuf,
    /// The site file
    #[arg(long, value_name = "FILE")]
    site: PathBuf,
    #[command(flatten)]
    names: NameArgs,
    /// The interface of the site that the packets came in by; needed where the site's interfaces differ
    #[arg(long, value_name = "NAME")]
    interface: Option<String>,
    /// An address of the node; packets from it are outbound. Once for each address
    #[arg(long, value_name = "ADDRESS")]
    node: Vec<IpAddr>,
    /// Who judges
    #[arg(long, value_enum, default_value_t = EngineName::Native)]
    engine: EngineName,
    /// How to show the answers
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum EngineName {
    /// The program, loaded into this machine's kernel and run over each packet; needs root. The native verdict must be the
    /// same
    Kernel,
    /// The same verdict function in this process; needs no privilege
    Native,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people, a line for each packet
    Text,
    /// For a program, a line of JSON for each packet
    Json,
}

/// Judges every packet of the capture.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<ExitStatus> {
    let matrix = load_and_tell(&args.site, &args.names)?.matrix;
    let interface = interface(&matrix, args.interface.as_deref())?;
    let scene = Scene::new(matrix, interface, Node::new(args.node.clone()))?;
    let progress = ProgressBar::hidden();
    let file = open(&args.capture, &progress)?;
    let name = name(&args.capture);
    let engine = match args.engine {
        EngineName::Native => Engine::Native,
        EngineName::Kernel => {
            let object = embedded().ok_or(DatapathError::NoObject)?;
            Engine::Kernel(Box::new(KernelRuns::load(object, scene.image())?))
        }
    };
    let mut capture = Capture::open(file).with_context(|| format!("cannot read {name}"))?;
    let mut replay = Replay::new(&scene, engine);
    let judged = judge_all(&mut capture, &mut replay, args.format, out);
    progress.finish_and_clear();
    let (summary, compared) = replay.finish();
    // Nobody who reads the answers to their end is left without what they came to, and without what was wrong at the end.
    if !matches!(&judged, Err(error) if error.is::<io::Error>()) {
        tell(&summary.to_string());
    }
    judged.map_err(|error| {
        let unwritten = error.is::<io::Error>();
        error.context(if unwritten {
            "cannot write the answers".to_owned()
        } else {
            format!("{name} was not read to its end")
        })
    })?;
    compared?;
    Ok(ExitStatus::Success)
}

fn judge_all(
    capture: &mut Capture<'_>,
    replay: &mut Replay<'_>,
    format: Format,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 16, out);
    let mut answer = || -> anyhow::Result<()> {
        while let Some(packet) = capture.next_packet()? {
            let line = replay.judge(&packet)?;
            match format {
                Format::Text => writeln!(out, "{line}")?,
                Format::Json => {
                    serde_json::to_writer(&mut out, &line).map_err(io::Error::from)?;
                    out.write_all(b"\n")?;
                }
            }
        }
        Ok(())
    };
    let answered = answer();
    out.flush()?;
    answered
}

/// The interface that was named, or the only kind there is.
fn interface(matrix: &Matrix, name: Option<&str>) -> anyhow::Result<Interface> {
    let names = || matrix.interfaces.iter().map(|interface| interface.name.as_str());
    if let Some(name) = name {
        return match matrix.interface_for(name) {
            Some(interface) => Ok(interface.clone()),
            None => {
                bail!("the site has no interface `{name}`; {}", did_you_mean(name, "interfaces", names()))
            }
        };
    }
    let (first, others) =
        matrix.interfaces.split_first().expect("a site that holds together has an interface");
    if others.iter().any(|other| (other.zone, other.dhcp) != (first.zone, first.dhcp)) {
        bail!(
            "the site's interfaces differ: say by which the packets came in, with --interface ({})",
            names().collect::<Vec<_>>().join(", ")
        );
    }
    Ok(first.clone())
}

fn name(path: &Path) -> String {
    if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() }
}

/// Opens the capture. What is read of it moves `progress`, which is shown where it is in nobody's way.
fn open(path: &Path, progress: &ProgressBar) -> anyhow::Result<Box<dyn Read>> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    let cannot = || format!("cannot read {}", path.display());
    let file = File::open(path).with_context(cannot)?;
    let length = file.metadata().with_context(cannot)?.len();
    if io::stderr().is_terminal() && !io::stdout().is_terminal() {
        progress.set_length(length);
        progress.set_draw_target(indicatif::ProgressDrawTarget::stderr());
        progress.set_style(
            ProgressStyle::with_template("{wide_bar} {bytes} of {total_bytes}, {eta} left")
                .expect("the template is a constant"),
        );
    }
    Ok(Box::new(progress.wrap_read(file)))
}
