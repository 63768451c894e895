//! `portguard run` on a host of the lab, as a user would start it.

use std::{
    env, fs,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use anyhow::{Context as _, bail};
use nix::sys::signal::Signal;

use super::{Host, Process, older_kernel};

/// The site file in a guard's directory.
const SITE: &str = "site.toml";
/// The BPF file system in a guard's directory.
const BPFFS: &str = "bpf";
/// How long it may take to be ready, and to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running `portguard`; dropping it kills it, which leaves its filter where it is.
#[derive(Debug)]
pub struct Guard {
    process: Process,
    ready: String,
    host: Host,
    directory: PathBuf,
}

impl Guard {
    /// Starts `portguard run` with `site` on `host` and waits until it says that it is ready.
    pub fn start(host: &Host, site: &str) -> anyhow::Result<Self> {
        Self::run(host, Self::prepare(host, site)?)
    }

    fn prepare(host: &Host, site: &str) -> anyhow::Result<PathBuf> {
        static GUARDS: AtomicU32 = AtomicU32::new(0);
        let number = GUARDS.fetch_add(1, Ordering::Relaxed);
        let directory = host.directory().join(format!("portguard-{number}"));
        fs::create_dir(&directory)?;
        fs::write(directory.join(SITE), site)?;
        Ok(directory)
    }

    /// The same with another eBPF object, and a log that leaves nothing out.
    pub fn start_with(host: &Host, site: &str, object: &Path) -> anyhow::Result<Self> {
        let directory = Self::prepare(host, site)?;
        let mut command = Command::new(binary()?);
        command.env("PORTGUARD_LOG", "debug").arg("run").arg("--ebpf-object").arg(object);
        Self::run_as(command, host, directory)
    }

    /// The same as a process of group `group` and no other, as a service manager starts it.
    pub fn start_in_group(group: u32, host: &Host, site: &str) -> anyhow::Result<Self> {
        let directory = Self::prepare(host, site)?;
        let mut command = Command::new(binary()?);
        // Other groups are given up where the user is said.
        command.arg("run").uid(0).gid(group);
        Self::run_as(command, host, directory)
    }

    /// The same on a kernel that has no tcx where packets leave, as far as it can see.
    pub fn start_without_tcx(host: &Host, site: &str) -> anyhow::Result<Self> {
        let directory = Self::prepare(host, site)?;
        let mut command = Command::new(binary()?);
        command.arg("run");
        older_kernel::asks(&mut command);
        Self::run_beside(command, host, directory, |process| older_kernel::answer(process.pid()))
    }

    /// The same with the mounts of `beside`, a process on the host.
    pub fn start_beside(beside: &Process, host: &Host, site: &str) -> anyhow::Result<Self> {
        let directory = Self::prepare(host, site)?;
        let mut command = beside.same_mounts(binary()?);
        command.arg("run");
        Self::run_as(command, host, directory)
    }

    /// Starts it again where one that has ended left its site file and its pins.
    pub fn again(host: &Host, directory: &Path) -> anyhow::Result<Self> {
        Self::run(host, directory.to_owned())
    }

    /// The same; `meanwhile` is done while it starts.
    pub fn again_while(
        host: &Host,
        directory: &Path,
        meanwhile: impl FnOnce(&Process) -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        let mut command = Command::new(binary()?);
        command.arg("run");
        Self::run_beside(command, host, directory.to_owned(), meanwhile)
    }

    fn run(host: &Host, directory: PathBuf) -> anyhow::Result<Self> {
        let mut command = Command::new(binary()?);
        command.arg("run");
        Self::run_as(command, host, directory)
    }

    fn run_as(command: Command, host: &Host, directory: PathBuf) -> anyhow::Result<Self> {
        Self::run_beside(command, host, directory, |_| Ok(()))
    }

    /// The same; `meanwhile` is done while it starts.
    fn run_beside(
        mut command: Command,
        host: &Host,
        directory: PathBuf,
        meanwhile: impl FnOnce(&Process) -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        command.env("RUST_BACKTRACE", "0").arg("--site").arg(directory.join(SITE));
        command.arg("--bpffs").arg(directory.join(BPFFS)).arg("--state-dir").arg(directory.join("state"));
        let mut process = host.spawn(command.arg("--runtime-dir").arg(&directory))?;
        meanwhile(&process)?;
        let mut ready = None;
        process.wait_ready(PATIENCE, |process| {
            ready = ready_line(&process.stdout());
            Ok(ready.is_some())
        })?;
        Ok(Self { process, ready: ready.unwrap_or_default(), host: host.clone(), directory })
    }

    /// The line that it said when it was ready.
    pub fn ready(&self) -> &str {
        &self.ready
    }

    /// Where its site file, its control socket and its BPF file system are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Its site file.
    pub fn site(&self) -> PathBuf {
        self.directory.join(SITE)
    }

    /// Where its pins are.
    pub fn pins(&self) -> PathBuf {
        self.directory.join(BPFFS).join("portguard")
    }

    /// What it has said to its log so far.
    pub fn log(&self) -> String {
        self.process.stderr()
    }

    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// `portguard` with these arguments, and the directory of this daemon's socket.
    pub fn ask(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        ask(&self.directory, arguments)
    }

    /// What it has counted.
    pub fn counters(&self) -> anyhow::Result<serde_json::Value> {
        self.json("counters")
    }

    /// What it says of itself.
    pub fn status(&self) -> anyhow::Result<serde_json::Value> {
        self.json("status")
    }

    fn json(&self, verb: &str) -> anyhow::Result<serde_json::Value> {
        let output = self.ask(&[verb, "--format", "json"])?;
        if output.status.code() == Some(2) {
            bail!("portguard {verb}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Puts another site in the place of its site file, as editors do, and asks for a reload.
    pub fn reload(&self, site: &str) -> anyhow::Result<Output> {
        let new = self.directory.join("site.toml.new");
        fs::write(&new, site)?;
        fs::rename(new, self.site())?;
        self.ask(&["reload"])
    }

    /// Kills it with SIGKILL, and starts it again.
    pub fn restart(self) -> anyhow::Result<Self> {
        let Self { process, host, directory, .. } = self;
        drop(process);
        Self::run(&host, directory)
    }

    /// Takes the filter off, ends the daemon, and gives what it said last.
    pub fn stop(self) -> anyhow::Result<String> {
        let detached = self.ask(&["detach"])?;
        if !detached.status.success() {
            bail!("portguard detach: {}", String::from_utf8_lossy(&detached.stderr));
        }
        self.end(Signal::SIGTERM)
    }

    /// Sends `signal`, waits for the end, and gives what it said after it was ready. The filter stays.
    pub fn end(self, signal: Signal) -> anyhow::Result<String> {
        let Output { status, stdout, stderr } = self.process.end(signal, PATIENCE)?;
        if !status.success() {
            bail!("portguard run ended with {status}: {}", String::from_utf8_lossy(&stderr));
        }
        let said = String::from_utf8_lossy(&stdout);
        Ok(said.split_once('\n').map(|(_, rest)| rest.to_owned()).unwrap_or_default())
    }
}

/// `portguard` with these arguments, and `directory` as that of its socket; of the verb `detach` also as that of its pins.
pub fn ask(directory: &Path, arguments: &[&str]) -> anyhow::Result<Output> {
    let mut command = Command::new(binary()?);
    command.args(arguments).arg("--runtime-dir").arg(directory);
    if arguments.first() == Some(&"detach") {
        command.arg("--bpffs").arg(directory.join(BPFFS));
    }
    command.output().context("starting portguard")
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
