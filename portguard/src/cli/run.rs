//! `portguard run`: the daemon, in the foreground.

use std::{fs, io::Write, path::PathBuf};

use anyhow::Context as _;

use super::{ExitStatus, logging, surroundings::surroundings};
use crate::daemon::{BPFFS, Daemon, DaemonError, Options, RUNTIME_DIR, STATE_DIR};

const EXAMPLE: &str = "\
Example:
  portguard run --site /etc/portguard/site.toml

Needs root. Prints a line that begins with `ready` once the interfaces are guarded. SIGHUP puts the site file as it is then in
force. SIGINT and SIGTERM end the daemon and NOT the filter: that stays in the kernel, and the next start takes it over;
`portguard detach` takes it off. Where nothing is in force yet and anything is wrong, it says so, changes nothing and ends with
exit code 2.";

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
    /// The directory for what outlives a reboot: the site that was last in force
    #[arg(long, value_name = "DIR", default_value = STATE_DIR)]
    state_dir: PathBuf,
    /// The BPF file system, where links and counters are pinned; it is mounted if it is not
    #[arg(long, value_name = "DIR", default_value = BPFFS)]
    bpffs: PathBuf,
    #[command(flatten)]
    log: logging::LogArgs,
}

/// Guards the node until it is told to stop.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<ExitStatus> {
    let object = args
        .ebpf_object
        .as_ref()
        .map(|path| fs::read(path).with_context(|| format!("cannot read the eBPF object {}", path.display())))
        .transpose()?;
    logging::begin(args.log)?;
    let options = Options {
        site: args.site.clone(),
        object,
        runtime_dir: args.runtime_dir.clone(),
        state_dir: args.state_dir.clone(),
        bpffs: args.bpffs.clone(),
        surroundings: surroundings(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let daemon = Daemon::start(options).await.map_err(|error| match error {
            // Told in full, with every diagnostic.
            DaemonError::Site(faults) => anyhow::Error::from(*faults),
            other => other.into(),
        })?;
        writeln!(out, "ready: {}", daemon.status().line())?;
        out.flush()?;
        writeln!(out, "stopped: {}", daemon.serve().await?)?;
        Ok(ExitStatus::Success)
    })
}
