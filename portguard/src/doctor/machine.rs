//! Where the kernel tells about itself: `/proc` and `/sys`, or a tree that stands for them.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// A machine, by what its files say.
#[derive(Clone, Debug)]
pub struct Machine {
    root: PathBuf,
}

impl Machine {
    /// The one that this process runs on.
    pub fn this() -> Self {
        Self::below(Path::new("/"))
    }

    /// The one whose `proc` and `sys` are in `root`.
    pub fn below(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Where this machine keeps `path`, which is written as from the root.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.path(path).exists()
    }

    /// A file's text without the newline at its end.
    pub(super) fn read(&self, path: &str) -> io::Result<String> {
        fs::read_to_string(self.path(path)).map(|text| text.trim_end().to_owned())
    }
}
