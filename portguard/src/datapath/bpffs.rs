//! The BPF file system, and the directory in it that holds PortGuard's pins.
//!
//! What is pinned there outlives the process: links keep the program on its interfaces, maps keep the counts. One process
//! at a time holds the directory, by a lock that goes with the process.
//!
//! ```text
//! portguard/
//!     links/INDEX                 an XDP link, by its interface's number
//!     tcx/INDEX                   the same of a tcx link
//!     egress/INDEX                the same of a tcx link where packets leave
//!     clsact/INDEX/               no link: the interface has a filter in clsact
//!            INDEX/qdisc/         which had none before
//!     generations/NUMBER/about    what the generation is; pinned last, so that without it the rest is half-made
//!                        program, tcx, egress, counters, interfaces
//!     ledger/NUMBER               the counts of generations up to this number, whose own maps are gone
//! ```

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
    mount::{MsFlags, mount},
    sys::{
        stat::{major, minor},
        statfs::{BPF_FS_MAGIC, statfs},
    },
    unistd::geteuid,
};

use super::DatapathError;
use crate::matrix::Hook;

/// The directory of the pins, below the BPF file system.
const DIRECTORY: &str = "portguard";
const XDP_LINKS: &str = "links";
const TCX_LINKS: &str = "tcx";
const EGRESS_LINKS: &str = "egress";
const CLSACT_FILTERS: &str = "clsact";
const OWN_QDISC: &str = "qdisc";
const GENERATIONS: &str = "generations";
const LEDGER: &str = "ledger";

/// The directory of the pins, held.
#[derive(Debug)]
pub(super) struct PinDirectory {
    path: PathBuf,
    /// None where it is only looked at.
    _lock: Option<Flock<File>>,
}

impl PinDirectory {
    /// Holds the directory in the BPF file system `bpffs`; mounts that, and makes the directory, where they are not.
    pub(super) fn open(bpffs: &Path) -> Result<Self, DatapathError> {
        if !is_bpffs(bpffs) {
            mount_bpffs(bpffs)?;
        }
        let path = bpffs.join(DIRECTORY);
        make(&path)?;
        let directory = Self::lock(path)?;
        for part in [XDP_LINKS, TCX_LINKS, EGRESS_LINKS, CLSACT_FILTERS, GENERATIONS, LEDGER] {
            make(&directory.path.join(part))?;
        }
        Ok(directory)
    }

    /// Holds the directory if there is one.
    pub(super) fn find(bpffs: &Path) -> Result<Option<Self>, DatapathError> {
        let path = bpffs.join(DIRECTORY);
        match is_there(bpffs, &path) {
            Ok(true) => Self::lock(path).map(Some),
            Ok(false) => Ok(None),
            Err(source) => Err(closed(&path, source)),
        }
    }

    /// Looks at the directory if there is one, whoever holds it.
    pub(super) fn look(bpffs: &Path) -> Option<Self> {
        let path = bpffs.join(DIRECTORY);
        // What may not be looked at is there.
        let there = is_there(bpffs, &path).unwrap_or(true);
        there.then_some(Self { path, _lock: None })
    }

    fn lock(path: PathBuf) -> Result<Self, DatapathError> {
        // Opened before it is judged: to whom it is closed, as it should be, need not see who made it.
        let file = File::open(&path).map_err(|source| closed(&path, source))?;
        let metadata = file.metadata().map_err(|source| refused(&path, source))?;
        if metadata.uid() != geteuid().as_raw() || metadata.mode() & 0o077 != 0 {
            return Err(DatapathError::NotOurs { path });
        }
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => Ok(Self { path, _lock: Some(lock) }),
            Err((_, Errno::EWOULDBLOCK)) => Err(DatapathError::Held { path }),
            Err((_, errno)) => Err(refused(&path, errno.into())),
        }
    }

    /// Where a link of `hook` is pinned, by its interface's number; of a filter a directory, which says that it is there.
    pub(super) fn link(&self, hook: Hook, index: u32) -> PathBuf {
        self.links_of(hook).join(index.to_string())
    }

    /// The interfaces that links of `hook` are pinned for, ascending.
    pub(super) fn links(&self, hook: Hook) -> Result<Vec<u32>, DatapathError> {
        numbers(&self.links_of(hook))
    }

    fn links_of(&self, hook: Hook) -> PathBuf {
        self.path.join(match hook {
            Hook::Xdp => XDP_LINKS,
            Hook::Tcx => TCX_LINKS,
            Hook::Egress => EGRESS_LINKS,
            Hook::Clsact => CLSACT_FILTERS,
        })
    }

    /// What says that the clsact of an interface was made for the filter in it.
    pub(super) fn own_qdisc(&self, index: u32) -> PathBuf {
        self.link(Hook::Clsact, index).join(OWN_QDISC)
    }

    /// A generation's directory.
    pub(super) fn generation(&self, number: u64) -> PathBuf {
        self.path.join(GENERATIONS).join(number.to_string())
    }

    /// The numbers of the generations, ascending.
    pub(super) fn generations(&self) -> Result<Vec<u64>, DatapathError> {
        numbers(&self.path.join(GENERATIONS))
    }

    /// Where the counts of the generations up to `number` are.
    pub(super) fn ledger(&self, number: u64) -> PathBuf {
        self.path.join(LEDGER).join(number.to_string())
    }

    /// The ledgers' numbers, ascending. The last one counts.
    pub(super) fn ledgers(&self) -> Result<Vec<u64>, DatapathError> {
        numbers(&self.path.join(LEDGER))
    }

    /// Removes all that is pinned: links first, so that the interfaces are free before anything else goes.
    pub(super) fn remove(self) -> Result<(), DatapathError> {
        for hook in Hook::ALL {
            remove_tree(&self.links_of(hook))?;
        }
        remove_tree(&self.path)
    }
}

/// Whether the BPF file system at `path` is one that process 1 does not see: it goes, with all that is pinned there, when the last
/// process ends that does. What cannot be found out is no: a container has a process 1 of its own, or none to look at.
pub fn goes_with_the_namespace(path: &Path) -> bool {
    let mounted = fs::metadata(path).ok().filter(|_| is_bpffs(path));
    let seen = fs::read_to_string("/proc/1/mountinfo");
    let (Some(mounted), Ok(seen)) = (mounted, seen) else { return false };
    let device = format!("{}:{}", major(mounted.dev()), minor(mounted.dev()));
    !seen.lines().any(|mount| mount.split(' ').nth(2) == Some(&device))
}

/// Removes a directory, or one pin, with all that is in it; what is not there is no error.
pub(super) fn remove_tree(path: &Path) -> Result<(), DatapathError> {
    let removed = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(refused(path, source)),
        _ => Ok(()),
    }
}

/// Makes a directory that is for its owner only, if it is not there.
pub(super) fn make(path: &Path) -> Result<(), DatapathError> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(source) if source.kind() != io::ErrorKind::AlreadyExists => Err(refused(path, source)),
        _ => Ok(()),
    }
}

fn is_bpffs(path: &Path) -> bool {
    statfs(path).is_ok_and(|found| found.filesystem_type() == BPF_FS_MAGIC)
}

/// Whether there is `path`, in a BPF file system at `bpffs`; an error where that may not be looked at.
fn is_there(bpffs: &Path, path: &Path) -> io::Result<bool> {
    match statfs(bpffs) {
        Ok(found) => Ok(found.filesystem_type() == BPF_FS_MAGIC && path.try_exists()?),
        Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

fn mount_bpffs(path: &Path) -> Result<(), DatapathError> {
    let error = |source: io::Error| match source.raw_os_error() {
        // Whoever may load programs and not mount is told what to mount.
        Some(libc::EPERM | libc::EACCES) if !geteuid().is_root() => DatapathError::NotPermitted,
        _ => DatapathError::NoBpffs { path: path.to_owned(), source },
    };
    fs::create_dir_all(path).map_err(error)?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("bpf"), path, Some("bpf"), flags, Some("mode=0700")).map_err(|errno| error(errno.into()))
}

/// The entries of a directory that are numbers. Others are not PortGuard's, and are left alone.
fn numbers<N: std::str::FromStr + Ord>(path: &Path) -> Result<Vec<N>, DatapathError> {
    let entries = match fs::read_dir(path) {
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|source| refused(path, source))?,
    };
    let mut numbers = Vec::new();
    for entry in entries {
        let name = entry.map_err(|source| refused(path, source))?.file_name();
        numbers.extend(name.to_str().and_then(|name| name.parse::<N>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

fn closed(path: &Path, source: io::Error) -> DatapathError {
    match source.kind() {
        io::ErrorKind::PermissionDenied => DatapathError::Closed { path: path.to_owned() },
        _ => refused(path, source),
    }
}

fn refused(path: &Path, source: io::Error) -> DatapathError {
    let path = path.to_owned();
    match source.raw_os_error() {
        Some(libc::EROFS) => DatapathError::ReadOnlyBpffs { path },
        Some(libc::EPERM | libc::EACCES) => DatapathError::NotPermitted,
        _ => DatapathError::Pins { path, source },
    }
}
