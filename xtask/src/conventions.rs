//! `cargo xtask conventions`: what no compiler checks. Which room may use what, that every crate has the workspace's
//! lints, how long files are, that the tests which a document names as proofs are there.

mod paths;
mod proofs;
mod rooms;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};

use crate::workspace::Workspace;

/// The longest a source file may be.
const MAX_LINES: usize = 600;

pub(crate) fn run(workspace: &Workspace) -> anyhow::Result<()> {
    let root = workspace.root();
    let mut files = Vec::new();
    collect(root, &mut files)?;
    let mut faults = Vec::new();
    for path in &files {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let path = path.strip_prefix(root).context("what is in the root is below it")?;
        for (line, fault) in judge(path, &text) {
            faults.push(format!("{}:{line}: {fault}", path.display()));
        }
    }
    let document = fs::read_to_string(root.join(proofs::DOCUMENT))
        .with_context(|| format!("cannot read {}", proofs::DOCUMENT))?;
    for (line, fault) in proofs::missing(root, &document) {
        faults.push(format!("{}:{line}: {fault}", proofs::DOCUMENT));
    }
    ensure!(faults.is_empty(), "not as agreed:\n{}", faults.join("\n"));
    println!("conventions: kept by {} manifests and sources", files.len());
    Ok(())
}

/// What is wrong with a file, by line.
fn judge(path: &Path, text: &str) -> Vec<(usize, String)> {
    if path.ends_with("Cargo.toml") {
        let is_crate = text.lines().any(|line| line == "[package]");
        let fault = "no `[lints]` with `workspace = true`".to_owned();
        return if is_crate && !has_workspace_lints(text) { vec![(1, fault)] } else { Vec::new() };
    }
    let mut faults = Vec::new();
    let lines = text.lines().count();
    if lines > MAX_LINES {
        faults.push((lines, format!("{lines} lines; the most is {MAX_LINES}")));
    }
    if let Some(room) = room(path) {
        faults.extend(rooms::strangers(room, text));
    }
    faults
}

fn has_workspace_lints(manifest: &str) -> bool {
    let lines = manifest.lines().map(str::trim).skip_while(|line| *line != "[lints]").skip(1);
    lines.take_while(|line| !line.starts_with('[')).any(|line| line == "workspace = true")
}

/// The room of the library that a source is in; what lies beside the rooms may use all of them.
fn room(path: &Path) -> Option<&str> {
    let inside = path.strip_prefix("portguard/src").ok()?;
    let room = inside.parent()?.iter().next()?;
    room.to_str()
}

/// Manifests and sources; what cargo or git keep is not ours.
fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let entries = fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))?;
    for entry in entries {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if entry.file_type()?.is_dir() {
            if name != "target" && !name.starts_with('.') {
                collect(&path, files)?;
            }
        } else if name == "Cargo.toml" || path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::judge;

    fn faults(path: &str, text: &str) -> usize {
        judge(Path::new(path), text).len()
    }

    #[test]
    fn a_crate_without_the_workspaces_lints_is_told() {
        assert_eq!(faults("x/Cargo.toml", "[package]\nname = \"x\"\n\n[lints]\nworkspace = true\n"), 0);
        assert_eq!(
            faults("x/Cargo.toml", "[package]\nname = \"x\"\n\n[lints]\n[lints.rust]\nworkspace = true\n"),
            1
        );
        assert_eq!(faults("x/Cargo.toml", "[package]\nversion.workspace = true\n"), 1);
        assert_eq!(faults("Cargo.toml", "[workspace]\n"), 0);
    }

    #[test]
    fn a_file_that_is_too_long_is_told() {
        assert_eq!(faults("tests/src/lib.rs", &"\n".repeat(600)), 0);
        assert_eq!(faults("tests/src/lib.rs", &"\n".repeat(601)), 1);
    }

    #[test]
    fn rooms_are_directories_of_the_library() {
        assert_eq!(faults("portguard/src/compile/mod.rs", "use std::fs;"), 1);
        assert_eq!(faults("portguard/src/compile/deep/inside.rs", "use std::fs;"), 1);
        assert_eq!(faults("portguard/src/input.rs", "use std::fs;"), 0);
        assert_eq!(faults("tests/src/compile/mod.rs", "use std::fs;"), 0);
    }
}
