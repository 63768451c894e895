//! Cgroups by the kernel's numbers for them: the inode numbers of their directories in the unified hierarchy.

use std::{
    collections::HashMap,
    fs,
    os::unix::fs::{DirEntryExt as _, MetadataExt as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use procfs::process::Process;

/// How long a look at all of them is the last one: what starts many cgroups must not make the daemon busy.
const PAUSE: Duration = Duration::from_secs(1);
/// The most of them that are looked at.
const MOST: usize = 1 << 16;

/// Those that were found. One that has gone is known still; no other gets its number.
#[derive(Debug, Default)]
pub(super) struct Cgroups {
    paths: HashMap<u64, String>,
    looked: Option<Instant>,
}

impl Cgroups {
    /// The path of the cgroup `number` below the mount, as `/system.slice/cron.service`; `None` where there is no such directory.
    pub(super) fn path(&mut self, number: u64) -> Option<&str> {
        if !self.paths.contains_key(&number) && self.looked.is_none_or(|looked| looked.elapsed() >= PAUSE) {
            self.looked = Some(Instant::now());
            self.paths.clear();
            for mount in mounts() {
                self.look(&mount);
            }
        }
        self.paths.get(&number).map(String::as_str)
    }

    fn look(&mut self, mount: &Path) {
        // What goes while it is looked at is not there.
        let Ok(root) = fs::metadata(mount) else { return };
        self.paths.entry(root.ino()).or_insert_with(|| "/".to_owned());
        let mut unread: Vec<PathBuf> = vec![mount.to_owned()];
        while let Some(directory) = unread.pop() {
            let Ok(entries) = fs::read_dir(&directory) else { continue };
            for entry in entries.filter_map(Result::ok) {
                if self.paths.len() >= MOST {
                    return;
                }
                if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    continue;
                }
                let path = entry.path();
                if let Ok(below) = path.strip_prefix(mount) {
                    self.paths.entry(entry.ino()).or_insert_with(|| format!("/{}", below.display()));
                }
                unread.push(path);
            }
        }
    }
}

/// Where the unified hierarchy is mounted.
fn mounts() -> Vec<PathBuf> {
    let mounts = Process::myself().and_then(|this| this.mountinfo());
    let mounts = mounts.into_iter().flatten().filter(|mount| mount.fs_type == "cgroup2");
    mounts.map(|mount| mount.mount_point).collect()
}
