//! What no compiler checks: which room may use what, that every crate has the workspace's lints, how long files are.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};

use crate::workspace::Workspace;

/// The longest a source file may be.
const MAX_LINES: usize = 600;
/// Rooms that never touch the operating system.
const PURE: [&str; 7] = ["policy", "site", "matrix", "compile", "reading", "explain", "observe"];
/// What touches it.
const SYSTEM: [&str; 9] = [
    "std::fs",
    "std::process",
    "std::env",
    "TcpStream",
    "UdpSocket",
    "tokio::",
    "nix::",
    "libc::",
    "rtnetlink::",
];
/// The only room that knows aya.
const KERNEL: &str = "datapath";

pub(crate) fn check(workspace: &Workspace) -> anyhow::Result<()> {
    let mut faults = Vec::new();
    for manifest in manifests(workspace)? {
        let text = read(&manifest)?;
        if !text.contains("[lints]\nworkspace = true") {
            faults.push(format!("{}: no `[lints] workspace = true`", manifest.display()));
        }
    }
    let mut sources = Vec::new();
    for directory in ["portguard", "portguard-common", "portguard-ebpf", "xtask", "tests"] {
        collect(&workspace.root().join(directory), &mut sources)?;
    }
    let rooms = workspace.root().join("portguard/src");
    for path in sources {
        let text = read(&path)?;
        let lines = text.lines().count();
        if lines > MAX_LINES {
            faults.push(format!("{}: {lines} lines; the most is {MAX_LINES}", path.display()));
        }
        if let Ok(inside) = path.strip_prefix(&rooms) {
            let room = inside.iter().next().and_then(|room| room.to_str()).unwrap_or_default();
            faults.extend(
                strangers(room, &text).map(|(line, what)| format!("{}:{line}: {what}", path.display())),
            );
        }
    }
    if faults.is_empty() { Ok(()) } else { bail!("{}", faults.join("\n")) }
}

/// The lines of a room's source that use what it may not, and what that is.
fn strangers<'a>(room: &'a str, text: &'a str) -> impl Iterator<Item = (usize, String)> + 'a {
    (1..).zip(text.lines()).filter(|(_, line)| !line.trim_start().starts_with("//")).filter_map(
        move |(number, line)| {
            if room != KERNEL && (line.contains("aya::") || line.contains("use aya")) {
                return Some((number, format!("only `{KERNEL}` may use aya")));
            }
            let system = SYSTEM.into_iter().find(|name| PURE.contains(&room) && line.contains(name))?;
            Some((number, format!("`{room}` may not use `{system}`")))
        },
    )
}

fn manifests(workspace: &Workspace) -> anyhow::Result<Vec<PathBuf>> {
    let mut manifests = Vec::new();
    for entry in fs::read_dir(workspace.root())? {
        let manifest = entry?.path().join("Cargo.toml");
        if manifest.exists() {
            manifests.push(manifest);
        }
    }
    Ok(manifests)
}

fn collect(directory: &Path, sources: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(directory).with_context(|| format!("reading {}", directory.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, sources)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push(path);
        }
    }
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::strangers;

    #[test]
    fn a_pure_room_may_not_touch_the_system_and_says_where() {
        let text = "use std::fmt;\nuse std::fs;\n";
        let found: Vec<_> = strangers("compile", text).collect();
        assert_eq!(found, [(2, "`compile` may not use `std::fs`".to_owned())]);
        assert_eq!(strangers("cli", text).count(), 0);
    }

    #[test]
    fn aya_is_for_the_datapath_alone() {
        let text = "    aya::Ebpf::load(&[]);\n// aya::Ebpf in a comment\n";
        assert_eq!(strangers("daemon", text).count(), 1);
        assert_eq!(strangers("datapath", text).count(), 0);
    }
}
