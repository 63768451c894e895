//! `cargo xtask setup`: what the other commands need. Says what it does; does nothing twice.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, bail};

use crate::{
    process::{cargo, output, run as run_command},
    workspace::Workspace,
};

/// It reads the bitcode that rustc writes, so the two move together (docs/decisions/0001-one-toolchain.md).
const BPF_LINKER: &str = "0.10.3";
/// What the demo and the tests run: servers and their clients, a scanner, namespaces and a look at the kernel.
const PACKAGES: [&str; 7] =
    ["bpftool", "influxdb", "influxdb-client", "iproute2", "nmap", "redis-server", "redis-tools"];
/// While this file exists and says so, installing a Debian package starts no service.
const POLICY: &str = "/usr/sbin/policy-rc.d";

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only what building needs, not the Debian packages of demo and tests
    #[arg(long)]
    build_only: bool,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> anyhow::Result<()> {
    for_building(workspace)?;
    if options.build_only { Ok(()) } else { packages() }
}

/// What building needs.
pub(crate) fn for_building(workspace: &Workspace) -> anyhow::Result<()> {
    components(workspace)?;
    bpf_linker(workspace)
}

/// What building, the demo and the tests need.
pub(crate) fn everything(workspace: &Workspace) -> anyhow::Result<()> {
    for_building(workspace)?;
    packages()
}

fn components(workspace: &Workspace) -> anyhow::Result<()> {
    let sysroot = output(Command::new("rustc").arg("--print=sysroot").current_dir(workspace.root()))?;
    let sysroot = Path::new(sysroot.trim());
    let wanted = [
        ("rust-src", sysroot.join("lib/rustlib/src/rust/library/core/src/lib.rs")),
        ("clippy", sysroot.join("bin/cargo-clippy")),
        ("rustfmt", sysroot.join("bin/cargo-fmt")),
    ];
    for (component, file) in wanted {
        if file.exists() {
            println!("setup: {component} is there");
            continue;
        }
        let toolchain = workspace.toolchain()?;
        println!("setup: adding {component} to toolchain {toolchain}");
        run_command(Command::new("rustup").args(["component", "add", component, "--toolchain", &toolchain]))?;
    }
    Ok(())
}

fn bpf_linker(workspace: &Workspace) -> anyhow::Result<()> {
    let linker = workspace.bpf_linker();
    let version = linker.exists().then(|| output(Command::new(&linker).arg("--version"))).transpose()?;
    if version.is_some_and(|version| version.trim().ends_with(BPF_LINKER)) {
        println!("setup: bpf-linker {BPF_LINKER} is there");
        return Ok(());
    }
    println!("setup: building bpf-linker {BPF_LINKER} (about a minute)");
    let tools = workspace.target().join("tools");
    let mut install = cargo(workspace);
    install
        .args(["install", "bpf-linker", "--version", BPF_LINKER, "--locked", "--force", "--root"])
        .arg(&tools);
    run_command(install.env("CARGO_TARGET_DIR", tools.join("build")))?;
    fs::remove_dir_all(tools.join("build")).context("removing what the linker was built from")
}

fn packages() -> anyhow::Result<()> {
    let missing: Vec<&str> = PACKAGES.into_iter().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        println!("setup: Debian packages are there: {}", PACKAGES.join(" "));
        return Ok(());
    }
    let names = missing.join(" ");
    if !nix::unistd::geteuid().is_root() {
        bail!("these packages are missing and installing them needs root: apt-get install {names}");
    }
    println!("setup: installing Debian packages: {names}");
    let apt = || {
        let mut apt = Command::new("apt-get");
        apt.arg("--quiet=2").env("DEBIAN_FRONTEND", "noninteractive");
        apt
    };
    output(apt().arg("update")).with_context(|| format!("no package lists; install by hand: {names}"))?;
    let quiet = NoServices::new()?;
    output(apt().args(["install", "--yes", "--no-install-recommends"]).args(&missing))
        .with_context(|| format!("not all packages could be installed; install by hand: {names}"))?;
    drop(quiet);
    Ok(())
}

fn is_installed(package: &str) -> bool {
    output(Command::new("dpkg-query").args(["--show", "--showformat=${db:Status-Status}", package]))
        .is_ok_and(|status| status == "installed")
}

/// As long as it lives, installing starts no service: the demo brings its own, in its own namespaces.
struct NoServices {
    ours: bool,
}

impl NoServices {
    fn new() -> anyhow::Result<Self> {
        use std::os::unix::fs::PermissionsExt as _;
        if Path::new(POLICY).exists() {
            return Ok(Self { ours: false });
        }
        fs::write(POLICY, "#!/bin/sh\nexit 101\n").with_context(|| format!("writing {POLICY}"))?;
        fs::set_permissions(POLICY, fs::Permissions::from_mode(0o755))
            .with_context(|| format!("writing {POLICY}"))?;
        Ok(Self { ours: true })
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if self.ours && fs::remove_file(POLICY).is_err() {
            println!("setup: {POLICY} could not be removed; remove it, or no service will start");
        }
    }
}
