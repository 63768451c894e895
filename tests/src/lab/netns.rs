//! Named network namespaces, made and removed with `ip netns`.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::{self, Command},
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

use anyhow::{Context as _, bail};
use nix::{
    sched::{CloneFlags, setns},
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// Where `ip netns` keeps its names.
const DIRECTORY: &str = "/run/netns";
/// What the names of the lab's namespaces begin with, before the process's number.
const PREFIX: &str = "portguard-";

/// A network namespace; dropping it ends what runs in it and removes it.
#[derive(Debug)]
pub(super) struct Namespace {
    name: String,
}

impl Namespace {
    pub(super) fn new(role: &str) -> anyhow::Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{number}-{role}", process::id());
        ip(&["netns", "add", &name]).context("making a network namespace (it needs root)")?;
        Ok(Self { name })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// `ip` with these arguments, in the namespace.
    pub(super) fn ip(&self, arguments: &[&str]) -> anyhow::Result<()> {
        ip(&[&["-n", self.name.as_str()], arguments].concat())
    }

    /// A command that will run in the namespace.
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]);
        command
    }

    /// Runs `work` on a thread of its own inside the namespace.
    pub(super) fn within<T: Send>(&self, work: impl FnOnce() -> T + Send) -> anyhow::Result<T> {
        let file = File::open(self.path()).with_context(|| format!("opening namespace {}", self.name))?;
        thread::scope(|scope| {
            let thread = scope.spawn(move || {
                setns(file, CloneFlags::CLONE_NEWNET).context("entering a network namespace")?;
                Ok(work())
            });
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    fn path(&self) -> PathBuf {
        PathBuf::from(DIRECTORY).join(&self.name)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        remove(&self.name);
    }
}

/// Removes what this process has made, for a handler that ends it before anything is dropped.
pub fn sweep_own() -> anyhow::Result<()> {
    let own = format!("{PREFIX}{}-", process::id());
    names()?.iter().filter(|name| name.starts_with(&own)).for_each(|name| remove(name));
    Ok(())
}

/// Removes what processes have left behind that are gone.
pub fn sweep_dead() -> anyhow::Result<()> {
    for name in names()? {
        let maker = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
        if maker.is_some_and(|maker| !PathBuf::from(format!("/proc/{maker}")).exists()) {
            remove(&name);
        }
    }
    Ok(())
}

fn names() -> anyhow::Result<Vec<String>> {
    let entries = match fs::read_dir(DIRECTORY) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).context("listing network namespaces"),
    };
    Ok(entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect())
}

/// Ends what runs in a namespace and removes it. Called while a test may be panicking, so it tells nobody.
fn remove(name: &str) {
    if let Ok(output) = Command::new("ip").args(["netns", "pids", name]).output() {
        let pids = String::from_utf8_lossy(&output.stdout);
        for pid in pids.lines().filter_map(|line| line.trim().parse().ok()) {
            let _: nix::Result<()> = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
    let _: anyhow::Result<()> = ip(&["netns", "delete", name]);
}

fn ip(arguments: &[&str]) -> anyhow::Result<()> {
    let output = Command::new("ip").args(arguments).output().context("starting ip (of iproute2)")?;
    if !output.status.success() {
        bail!("ip {} failed: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
