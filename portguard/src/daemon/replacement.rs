//! A file's next text, written beside it: it takes the file's place in one step, or nothing is left of it.

use std::{
    fs::{self, File, Metadata, Permissions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown},
    path::{Path, PathBuf},
};

/// What is to take a file's place. Dropping it takes it away.
#[derive(Debug)]
pub(super) struct Replacement {
    path: PathBuf,
    new: PathBuf,
}

impl Replacement {
    /// Writes `text`, which is to be the file `path` and for its owner alone.
    pub(super) fn private(path: &Path, text: &[u8]) -> io::Result<Self> {
        Self::write(path, text, |_| Ok(()))
    }

    /// Writes `text`, which is to take the place of the file `path` that there is, with its owner, its group and its mode.
    pub(super) fn alike(path: &Path, text: &[u8]) -> io::Result<Self> {
        // Through a link to the file that it stands for, so that the link stays.
        let path = fs::canonicalize(path)?;
        let before = fs::metadata(&path)?;
        Self::write(&path, text, |file| make_alike(file, &before, &path))
    }

    fn write(path: &Path, text: &[u8], prepare: impl FnOnce(&File) -> io::Result<()>) -> io::Result<Self> {
        let mut name = std::ffi::OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        name.push(".new");
        let new = path.with_file_name(name);
        // Left by a process that was killed.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(&new)?;
        let replacement = Self { path: path.to_owned(), new };
        file.write_all(text)?;
        prepare(&file)?;
        file.sync_all()?;
        Ok(replacement)
    }

    /// Puts it in the file's place.
    pub(super) fn take_place(self) -> io::Result<()> {
        fs::rename(&self.new, &self.path)
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        match fs::remove_file(&self.new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, path = %self.new.display(), "what was written in vain cannot be removed");
            }
            // It has taken its place, or is gone.
            _ => {}
        }
    }
}

/// Gives `file` owner, group and mode of the one that there was. Where the group cannot be given, nobody reads it who could
/// not before.
fn make_alike(file: &File, before: &Metadata, path: &Path) -> io::Result<()> {
    let now = file.metadata()?;
    if now.uid() != before.uid() {
        fchown(file, Some(before.uid()), None)?;
    }
    let mut mode = before.mode() & 0o777;
    if now.gid() != before.gid()
        && let Err(error) = fchown(file, None, Some(before.gid()))
    {
        mode = without_group(mode);
        let group = before.gid();
        tracing::warn!(%error, "{} cannot stay in group {group}, and gets mode {mode:o}", path.display());
    }
    file.set_permissions(Permissions::from_mode(mode))
}

/// The mode for a file whose group is another one than it was: to all but its owner it gives what both group and others had.
fn without_group(mode: u32) -> u32 {
    let both = (mode >> 3) & mode & 0o7;
    mode & 0o700 | both << 3 | both
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_file_is_replaced_with_its_mode_and_behind_its_link_or_stays_as_it_is() {
        let directory = TempDir::new().unwrap();
        let [file, link] = ["site.toml", "link.toml"].map(|name| directory.path().join(name));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        symlink(&file, &link).unwrap();
        let replacement = Replacement::alike(&link, b"new").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "old", "nothing is replaced yet");
        replacement.take_place().unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        drop(Replacement::alike(&link, b"newer").unwrap());
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2, "nothing is left beside them");
    }

    #[test]
    fn a_file_whose_group_is_lost_is_read_by_nobody_who_could_not_read_it_before() {
        for (mode, then) in [(0o644, 0o644), (0o640, 0o600), (0o664, 0o644), (0o604, 0o600), (0o600, 0o600)] {
            assert_eq!(without_group(mode), then, "{mode:o}");
        }
    }
}
