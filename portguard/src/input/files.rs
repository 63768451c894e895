//! Where the texts of files come from: the disk, or what was kept of it.

use std::{cell::RefCell, collections::BTreeMap, fs::File, io, path::Path, path::PathBuf};

use super::text_of;

/// Files by their paths.
pub(super) trait Files {
    /// The text of a file of bearable size that holds UTF-8.
    fn read(&self, path: &Path) -> io::Result<String>;

    /// The same of a regular file: what nobody writes to the end would keep a reader waiting for ever.
    fn read_regular(&self, path: &Path) -> io::Result<String>;
}

/// The files of this machine.
pub(super) struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<String> {
        text_of(File::open(path)?)
    }

    fn read_regular(&self, path: &Path) -> io::Result<String> {
        if !path.metadata()?.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        self.read(path)
    }
}

/// The files of this machine, of which each that is read is kept.
#[derive(Default)]
pub(super) struct Kept(RefCell<BTreeMap<PathBuf, String>>);

impl Kept {
    /// All that was read.
    pub(super) fn into_texts(self) -> BTreeMap<PathBuf, String> {
        self.0.into_inner()
    }

    fn keep(&self, path: &Path, text: io::Result<String>) -> io::Result<String> {
        if let Ok(text) = &text {
            self.0.borrow_mut().insert(path.to_owned(), text.clone());
        }
        text
    }
}

impl Files for Kept {
    fn read(&self, path: &Path) -> io::Result<String> {
        self.keep(path, Disk.read(path))
    }

    fn read_regular(&self, path: &Path) -> io::Result<String> {
        self.keep(path, Disk.read_regular(path))
    }
}

impl Files for BTreeMap<PathBuf, String> {
    fn read(&self, path: &Path) -> io::Result<String> {
        self.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn read_regular(&self, path: &Path) -> io::Result<String> {
        self.read(path)
    }
}
