//! A package is tried before it is handed out: in a root of its own, with nothing of this machine's changed.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use anyhow::{Context as _, ensure};
use object::{Object as _, read::elf::ElfFile64};

use crate::process::output;

/// What must be there, and with which mode.
const INSTALLED: [(&str, u32); 10] = [
    ("usr/bin/portguard", 0o755),
    ("usr/lib/systemd/system/portguard.service", 0o644),
    ("usr/lib/sysusers.d/portguard.conf", 0o644),
    ("usr/share/portguard/policies/redis-enterprise.toml", 0o644),
    ("usr/share/man/man1/portguard.1.gz", 0o644),
    ("usr/share/bash-completion/completions/portguard", 0o644),
    ("usr/share/zsh/vendor-completions/_portguard", 0o644),
    ("usr/share/fish/vendor_completions.d/portguard.fish", 0o644),
    ("usr/share/doc/portguard/copyright", 0o644),
    (SITE, 0o644),
];
const SITE: &str = "etc/portguard/site.toml";

/// A binary that asks for no interpreter loads no library.
pub(super) fn is_static(binary: &[u8]) -> anyhow::Result<()> {
    let elf: ElfFile64<'_> = ElfFile64::parse(binary).context("not an ELF file")?;
    ensure!(elf.section_by_name(".interp").is_none(), "it is linked to libraries of this machine");
    let imported = elf.imports()?;
    ensure!(imported.is_empty(), "it imports {} symbols", imported.len());
    Ok(())
}

/// Installs the package into `root`, runs what it installed, takes it off, and asks lintian.
pub(super) fn package(package: &Path, root: &Path) -> anyhow::Result<()> {
    prepare(root)?;
    dpkg(root, "--install", package)?;
    for (name, mode) in INSTALLED {
        let file = fs::metadata(root.join(name)).with_context(|| format!("/{name} is not installed"))?;
        let found = file.permissions().mode() & 0o7777;
        ensure!(found == mode, "/{name} has mode {found:o}, not {mode:o}");
    }
    let groups = fs::read_to_string(root.join("etc/group")).context("the group is not made")?;
    ensure!(groups.lines().any(|line| line.starts_with("portguard:")), "there is no group portguard");
    runs(root)?;
    fs::write(root.join(SITE), "# The administrator's own.\n")?;
    dpkg(root, "--remove", Path::new("portguard"))?;
    ensure!(!root.join("usr/bin/portguard").exists(), "the binary is still there");
    ensure!(root.join(SITE).exists(), "what the administrator wrote must outlive the package");
    dpkg(root, "--purge", Path::new("portguard"))?;
    ensure!(!root.join(SITE).exists(), "the site file outlives the purge");
    output(
        Command::new("lintian").args(["--fail-on", "error,warning", "--tag-display-limit", "0"]).arg(package),
    )?;
    println!("package: installed, ran, was removed and purged; lintian has nothing to say");
    Ok(())
}

/// The installed binary says its version and judges the installed site file, and it is the observing one.
fn runs(root: &Path) -> anyhow::Result<()> {
    let installed = || Command::new(root.join("usr/bin/portguard"));
    let version = output(installed().arg("--version"))?;
    ensure!(version.trim() == concat!("portguard ", env!("CARGO_PKG_VERSION")), "it says {version:?}");
    let mut check = installed();
    check.args(["check", "--deny-warnings", "--local-ports", "32768-60999", "--site"]).arg(root.join(SITE));
    let said = output(&mut check)?;
    ensure!(
        said.contains("observe: what would be dropped is counted"),
        "a package must drop nothing: {said}"
    );
    Ok(())
}

/// A root that dpkg can install into.
fn prepare(root: &Path) -> anyhow::Result<()> {
    for directory in ["var/lib/dpkg/updates", "var/lib/dpkg/info", "etc"] {
        fs::create_dir_all(root.join(directory))?;
    }
    for file in ["var/lib/dpkg/status", "var/lib/dpkg/available"] {
        fs::write(root.join(file), "")?;
    }
    Ok(())
}

/// `dpkg` on the throw-away root. Its scripts run with the programs of this machine and are told, by `DPKG_ROOT`, to
/// change nothing but the root.
fn dpkg(root: &Path, what: &str, argument: &Path) -> anyhow::Result<()> {
    let mut dpkg = Command::new("dpkg");
    dpkg.arg(format!("--root={}", root.display()));
    dpkg.args(["--force-script-chrootless", "--force-depends", "--force-not-root", what]);
    output(dpkg.arg(argument)).map(drop)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::is_static;

    #[test]
    fn this_program_is_no_static_binary_and_a_text_is_none_at_all() {
        let own = fs::read(std::env::current_exe().unwrap()).unwrap();
        let error = is_static(&own).unwrap_err();
        assert_eq!(error.to_string(), "it is linked to libraries of this machine");
        assert_eq!(is_static(b"#!/bin/sh\n").unwrap_err().to_string(), "not an ELF file");
    }
}
