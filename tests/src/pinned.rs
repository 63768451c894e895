//! A loaded generation on its interfaces, pinned in a BPF file system of its own.

use std::path::Path;

use anyhow::Context as _;
use nix::mount::{MntFlags, umount2};
use portguard::datapath::{Filter, Link, Loaded, Present};
use tempfile::TempDir;

/// The filter; dropping this takes it off.
pub struct Pinned {
    filter: Option<Filter>,
    // After the filter, whose pins it holds.
    _bpffs: Bpffs,
}

/// A BPF file system of its own, which the datapath mounts.
struct Bpffs(TempDir);

impl Pinned {
    /// Gives the interfaces `links` to `loaded`.
    pub fn install(loaded: Loaded, links: &[Link]) -> anyhow::Result<Self> {
        let bpffs = Bpffs(TempDir::new().context("a directory to mount to")?);
        let present: Vec<Present> = links
            .iter()
            .map(|link| Present {
                name: link.name.clone(),
                index: link.index,
                program: link.program,
                ethernet: link.ethernet,
                master: None,
            })
            .collect();
        let (mut filter, _) = Filter::open(bpffs.0.path(), &present)?;
        filter.replace(loaded, links, String::new())?;
        Ok(Self { filter: Some(filter), _bpffs: bpffs })
    }

    /// Gives them to `loaded` instead, as a reload does.
    pub fn replace(&mut self, loaded: Loaded, links: &[Link]) -> anyhow::Result<()> {
        let filter = self.filter.as_mut().context("it was taken off")?;
        filter.replace(loaded, links, String::new())?;
        Ok(())
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // If that fails, the pins go with their file system.
        let _ = self.filter.take().map(Filter::detach);
    }
}

impl Drop for Bpffs {
    fn drop(&mut self) {
        unmount(self.0.path());
    }
}

/// Takes a mount away, with all that is pinned in it; what is none is left alone.
pub(crate) fn unmount(path: &Path) {
    // Not mounted is what is wanted.
    let _: nix::Result<()> = umount2(path, MntFlags::MNT_DETACH);
}
