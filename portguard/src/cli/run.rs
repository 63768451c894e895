//! `portguard run`: the daemon, in the foreground.

use std::{fs, io::Write, path::PathBuf};

use anyhow::Context as _;

use super::{
    ExitStatus,
    exit::{stderr_colour, tell},
    load, logging,
    surroundings::surroundings,
};
use crate::daemon::{Daemon, Options, RUNTIME_DIR, Status};

const EXAMPLE: &str = "\
Example:
  portguard run --site /etc/portguard/site.toml

Needs root. Prints a line that begins with `ready` once the interfaces are guarded, and takes the filter off at SIGINT or
SIGTERM. Where anything is wrong it says so, changes nothing and ends with exit code 2.";

/// The options of `run`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The site file
    #[arg(long, value_name = "FILE")]
    site: PathBuf,
    /// An eBPF object to load instead of the one in this binary
    #[arg(long, value_name = "FILE")]
    ebpf_object: Option<PathBuf>,
    /// The directory for the control socket
    #[arg(long, value_name = "DIR", default_value = RUNTIME_DIR)]
    runtime_dir: PathBuf,
    #[command(flatten)]
    log: logging::LogArgs,
}

/// Guards the node until it is told to stop.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<ExitStatus> {
    let loaded = load(&args.site)?;
    let findings = loaded.lint(&surroundings());
    tell(&loaded.report(findings.warnings).render(stderr_colour()));
    let matrix = loaded.matrix;
    let object = args
        .ebpf_object
        .as_ref()
        .map(|path| fs::read(path).with_context(|| format!("cannot read the eBPF object {}", path.display())))
        .transpose()?;
    logging::begin(args.log)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let daemon = Daemon::start(matrix, Options { object, runtime_dir: args.runtime_dir.clone() }).await?;
        writeln!(out, "{}", ready(&daemon.status()))?;
        out.flush()?;
        let report = daemon.serve().await?;
        write!(out, "stopped: the interfaces are not guarded any more\n\n{report}")?;
        Ok(ExitStatus::Success)
    })
}

fn ready(status: &Status) -> String {
    let Status { mode, posture, digest, interfaces, rules } = status;
    let interfaces: Vec<String> =
        interfaces.iter().map(|interface| format!("{} ({})", interface.name, interface.attached)).collect();
    format!(
        "ready: guarding {}, mode {mode}, posture {posture}, {rules} rules, image {}",
        interfaces.join(", "),
        &digest[..12]
    )
}
