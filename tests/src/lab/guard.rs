//! `portguard run` on a host of the lab, as a user would start it.

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Output, Stdio},
};

use anyhow::{Context as _, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;

use super::Host;

/// A running `portguard`; dropping it kills it.
#[derive(Debug)]
pub struct Guard {
    child: Child,
    stdout: BufReader<ChildStdout>,
    ready: String,
    directory: TempDir,
}

impl Guard {
    /// Starts `portguard run` with `site` on `host` and waits until it says that it is ready.
    pub fn start(host: &Host, site: &str) -> anyhow::Result<Self> {
        let directory = TempDir::new()?;
        fs::write(directory.path().join("site.toml"), site)?;
        let mut command = host.command("env");
        command
            .arg("RUST_BACKTRACE=0")
            .arg(binary()?)
            .arg("run")
            .arg("--site")
            .arg(directory.path().join("site.toml"));
        command.arg("--runtime-dir").arg(directory.path());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let mut stdout = BufReader::new(child.stdout.take().context("standard output is a pipe")?);
        let mut ready = String::new();
        stdout.read_line(&mut ready)?;
        if !ready.starts_with("ready") {
            let mut said = String::new();
            child.stderr.take().context("standard error is a pipe")?.read_to_string(&mut said)?;
            bail!("portguard run ended with {}: {said}", child.wait()?);
        }
        Ok(Self { child, stdout, ready: ready.trim_end().to_owned(), directory })
    }

    /// The line that it said when it was ready.
    pub fn ready(&self) -> &str {
        &self.ready
    }

    /// Where its site file and its control socket are.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// `portguard` with these arguments, and the directory of this daemon's socket.
    pub fn ask(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        let mut command = std::process::Command::new(binary()?);
        command.args(arguments).arg("--runtime-dir").arg(self.directory.path());
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
    pub fn stop(mut self) -> anyhow::Result<String> {
        kill(Pid::from_raw(i32::try_from(self.child.id())?), Signal::SIGTERM)?;
        let mut said = String::new();
        self.stdout.read_to_string(&mut said)?;
        let status = self.child.wait()?;
        if status.success() { Ok(said) } else { bail!("portguard run ended with {status}") }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Called while a test may be panicking; a daemon that has stopped already is no fault.
        let _: std::io::Result<()> = self.child.kill();
        let _: std::io::Result<std::process::ExitStatus> = self.child.wait();
    }
}

/// The binary under test: what PORTGUARD names, else the one beside the running test's directory.
pub fn binary() -> anyhow::Result<PathBuf> {
    if let Some(path) = env::var_os("PORTGUARD") {
        return Ok(path.into());
    }
    let own = env::current_exe()?;
    let beside = own.ancestors().skip(1).take(2).map(|directory| directory.join("portguard"));
    beside
        .into_iter()
        .find(|path| path.is_file())
        .context("no portguard binary: set PORTGUARD, or run the tests with `cargo xtask test`")
}
