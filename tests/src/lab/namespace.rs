//! One network namespace.

use std::{fs::File, panic, path::Path, thread};

use anyhow::Context as _;
use nix::{
    sched::{CloneFlags, setns},
    unistd::Pid,
};

use super::{Id, command::ip};

/// Where `ip netns` keeps its namespaces.
pub(super) const DIRECTORY: &str = "/run/netns";

/// A namespace by its name.
#[derive(Clone, Debug)]
pub(super) struct Namespace {
    name: String,
}

impl Namespace {
    /// The namespace of host `host` in lab `id`.
    pub(super) fn of(id: Id, host: &str) -> Self {
        Self { name: format!("{id}-{host}") }
    }

    /// The namespace with this name.
    pub(super) fn named(name: String) -> Self {
        Self { name }
    }

    /// Makes it.
    pub(super) fn add(id: Id, host: &str) -> anyhow::Result<Self> {
        let namespace = Self::of(id, host);
        ip(&["netns", "add", &namespace.name], "")
            .context("the lab needs network namespaces (the kernel's CONFIG_NET_NS and leave to mount)")?;
        Ok(namespace)
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Runs `ip` in it, with lines that are a command each.
    pub(super) fn ip(&self, lines: &str) -> anyhow::Result<()> {
        ip(&["-netns", &self.name, "-batch", "-"], lines).map(drop)
    }

    /// Runs `work` on a thread of its own inside the namespace.
    ///
    /// What `work` spawns stays within, and keeps the mounts it has: unlike `ip netns exec`, which hides the BPF file
    /// system.
    pub(super) fn within<T: Send>(&self, work: impl FnOnce() -> T + Send) -> anyhow::Result<T> {
        let path = Path::new(DIRECTORY).join(&self.name);
        thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let namespace =
                    File::open(&path).with_context(|| format!("there is no {}", path.display()))?;
                setns(namespace, CloneFlags::CLONE_NEWNET)
                    .with_context(|| format!("cannot enter {}", path.display()))?;
                Ok(work())
            });
            thread.join().unwrap_or_else(|payload| panic::resume_unwind(payload))
        })
    }

    /// The processes within.
    pub(super) fn processes(&self) -> anyhow::Result<Vec<Pid>> {
        let pids = ip(&["netns", "pids", &self.name], "")?;
        Ok(pids.lines().filter_map(|line| line.trim().parse().ok()).map(Pid::from_raw).collect())
    }

    /// Takes its name away; it is gone with the last process within.
    pub(super) fn delete(&self) -> anyhow::Result<()> {
        match ip(&["netns", "delete", &self.name], "") {
            // Somebody else who sweeps was faster.
            Err(_) if !Path::new(DIRECTORY).join(&self.name).exists() => Ok(()),
            other => other.map(drop),
        }
    }
}
