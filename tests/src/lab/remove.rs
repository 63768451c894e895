//! Removing a lab: its processes, its namespaces, its directory. Finding them by name needs no list that could be lost.

use std::{
    env, fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    process,
    time::Duration,
};

use anyhow::{Context as _, bail};
use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{
    Id,
    namespace::{DIRECTORY, Namespace},
    wait::wait_until,
};
use crate::pinned::unmount;

/// How long a process may take to end by itself.
const GRACE: Duration = Duration::from_secs(3);

/// Every lab that has left a trace on this machine.
pub(super) fn present() -> anyhow::Result<Vec<Id>> {
    let mut ids = Vec::new();
    for directory in [Path::new(DIRECTORY), &env::temp_dir()] {
        ids.extend(names(directory)?.iter().filter_map(|name| Id::owning(name)));
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// Removes all of a lab; what is already gone is no error.
pub(super) fn lab(id: Id) -> anyhow::Result<()> {
    let namespaces: Vec<Namespace> = names(Path::new(DIRECTORY))?
        .into_iter()
        .filter(|name| Id::owning(name) == Some(id))
        .map(Namespace::named)
        .collect();
    end(&namespaces, Signal::SIGTERM, GRACE).or_else(|_| end(&namespaces, Signal::SIGKILL, GRACE))?;
    for namespace in &namespaces {
        namespace.delete()?;
    }
    let directory = id.directory();
    for mount in mounts_below(&directory)? {
        unmount(&mount);
    }
    match fs::remove_dir_all(&directory) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", directory.display()))
        }
        _ => Ok(()),
    }
}

/// Sends `signal` to each process in the namespaces and waits until there is none.
fn end(namespaces: &[Namespace], signal: Signal, patience: Duration) -> anyhow::Result<()> {
    for pid in processes(namespaces) {
        match kill(pid, signal) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(error) => bail!("cannot send {signal} to process {pid}: {error}"),
        }
    }
    if !wait_until(patience, || processes(namespaces).is_empty()) {
        bail!("{} processes do not end by {signal}", processes(namespaces).len());
    }
    Ok(())
}

/// The file systems that are mounted below `directory`, the BPF file systems of its daemons: what is pinned there goes with
/// them.
fn mounts_below(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let table =
        fs::read_to_string("/proc/self/mounts").context("cannot read which file systems are mounted")?;
    let paths = table.lines().filter_map(|line| line.split(' ').nth(1)).map(PathBuf::from);
    Ok(paths.filter(|path| path.starts_with(directory)).collect())
}

fn processes(namespaces: &[Namespace]) -> Vec<Pid> {
    let own = i32::try_from(process::id()).map(Pid::from_raw);
    // A namespace that is gone has no processes.
    let all = namespaces.iter().filter_map(|namespace| namespace.processes().ok()).flatten();
    all.filter(|pid| Ok(*pid) != own).collect()
}

fn names(directory: &Path) -> anyhow::Result<Vec<String>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.with_context(|| format!("cannot list {}", directory.display()))?,
    };
    let name =
        |entry: io::Result<fs::DirEntry>| entry.map(|entry| entry.file_name().to_string_lossy().into_owned());
    Ok(entries.map(name).collect::<io::Result<_>>()?)
}
