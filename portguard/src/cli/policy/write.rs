//! Where a policy that was written goes: to standard output, or to a file that is not there yet.

use std::{
    fs::OpenOptions,
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};

/// Where to write.
#[derive(Debug, clap::Args)]
pub(super) struct Destination {
    /// Write to this file; without it, to standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file if it is there
    #[arg(long, requires = "output")]
    force: bool,
}

impl Destination {
    /// The file that is written to, if it is one.
    pub(super) fn path(&self) -> Option<&Path> {
        self.output.as_deref()
    }

    /// Writes `text`; what is there already stays untouched unless it may be replaced.
    pub(super) fn write(&self, text: &str, out: &mut dyn Write) -> anyhow::Result<()> {
        let Some(path) = &self.output else { return Ok(out.write_all(text.as_bytes())?) };
        let mut options = OpenOptions::new();
        options.write(true);
        if self.force {
            options.create(true).truncate(true)
        } else {
            options.create_new(true)
        };
        let mut file = match options.open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                bail!("{} is there already: choose another name, or replace it with --force", path.display())
            }
            Err(error) => return Err(error).with_context(|| format!("cannot write {}", path.display())),
        };
        file.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))
    }
}
