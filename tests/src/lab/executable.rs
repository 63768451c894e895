//! Programs that a test makes, and starts.
//!
//! Another process writes them. A descriptor of our own that writes to a program would be inherited by whatever another test starts
//! at that moment, and until that has begun with its own program, the kernel refuses to start ours (`ETXTBSY`, execve(2)).

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};
use tempfile::NamedTempFile;

use super::binary;

/// A copy of the binary under test in `directory`, which everybody may start: the binary may lie where others may not look.
pub fn copied_binary(directory: &Path) -> anyhow::Result<PathBuf> {
    let copy = directory.join("portguard");
    install(&binary()?, &copy)?;
    Ok(copy)
}

/// A program that is `text`, which begins with its interpreter.
pub fn script(path: &Path, text: &str) -> anyhow::Result<()> {
    let source = NamedTempFile::new()?;
    std::fs::write(&source, text)?;
    install(source.path(), path)
}

fn install(source: &Path, target: &Path) -> anyhow::Result<()> {
    let status = Command::new("install")
        .args(["--mode=755", "--"])
        .args([source, target])
        .status()
        .context("starting install")?;
    ensure!(status.success(), "no {}: install ended with {status}", target.display());
    Ok(())
}
