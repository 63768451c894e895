//! `portguard run` on a host of the lab, as a user would start it.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use anyhow::{Context as _, bail};
use nix::sys::signal::Signal;

use super::{Host, Process};

/// How long it may take to be ready, and to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running `portguard`; dropping it kills it.
#[derive(Debug)]
pub struct Guard {
    process: Process,
    ready: String,
    directory: PathBuf,
}

impl Guard {
    /// Starts `portguard run` with `site` on `host` and waits until it says that it is ready.
    pub fn start(host: &Host, site: &str) -> anyhow::Result<Self> {
        static GUARDS: AtomicU32 = AtomicU32::new(0);
        let number = GUARDS.fetch_add(1, Ordering::Relaxed);
        let directory = host.directory().join(format!("portguard-{number}"));
        fs::create_dir(&directory)?;
        let file = directory.join("site.toml");
        fs::write(&file, site)?;
        let mut command = Command::new(binary()?);
        command.env("RUST_BACKTRACE", "0").arg("run").arg("--site").arg(file);
        let mut process = host.spawn(command.arg("--runtime-dir").arg(&directory))?;
        let mut ready = None;
        process.wait_ready(PATIENCE, |process| {
            ready = ready_line(&process.stdout());
            Ok(ready.is_some())
        })?;
        Ok(Self { process, ready: ready.unwrap_or_default(), directory })
    }

    /// The line that it said when it was ready.
    pub fn ready(&self) -> &str {
        &self.ready
    }

    /// Where its site file and its control socket are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// `portguard` with these arguments, and the directory of this daemon's socket.
    pub fn ask(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        let mut command = Command::new(binary()?);
        command.args(arguments).arg("--runtime-dir").arg(&self.directory);
        command.output().context("starting portguard")
    }

    /// What it has counted.
    pub fn counters(&self) -> anyhow::Result<serde_json::Value> {
        let output = self.ask(&["counters", "--format", "json"])?;
        if !output.status.success() {
            bail!("portguard counters: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Sends SIGTERM, waits for the end, and gives what it said last.
    pub fn stop(self) -> anyhow::Result<String> {
        self.end(Signal::SIGTERM)
    }

    /// Sends `signal`, waits for the end, and gives what it said after it was ready.
    pub fn end(self, signal: Signal) -> anyhow::Result<String> {
        let Output { status, stdout, stderr } = self.process.end(signal, PATIENCE)?;
        if !status.success() {
            bail!("portguard run ended with {status}: {}", String::from_utf8_lossy(&stderr));
        }
        let said = String::from_utf8_lossy(&stdout);
        Ok(said.split_once('\n').map(|(_, rest)| rest.to_owned()).unwrap_or_default())
    }
}

/// The first line, once it is whole and says that all is ready.
fn ready_line(said: &str) -> Option<String> {
    let (line, _) = said.split_once('\n')?;
    line.starts_with("ready").then(|| line.to_owned())
}

/// The binary under test: what PORTGUARD names, else the one beside the running test's directory.
pub fn binary() -> anyhow::Result<PathBuf> {
    if let Some(path) = env::var_os("PORTGUARD") {
        return std::path::absolute(&path).with_context(|| format!("PORTGUARD is {}", path.display()));
    }
    let own = env::current_exe()?;
    let beside = own.ancestors().skip(1).take(2).map(|directory| directory.join("portguard"));
    beside
        .into_iter()
        .find(|path| path.is_file())
        .context("no portguard binary: set PORTGUARD, or run the tests with `cargo xtask test`")
}
