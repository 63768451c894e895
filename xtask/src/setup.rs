//! `cargo xtask setup`: what the other commands need. Says what it does; does nothing twice.

mod packages;

use std::{fs, path::Path, process::Command};

use anyhow::Context as _;

use crate::{
    package::Architecture,
    process::{output, run as run_command},
    workspace::Workspace,
};

/// It reads the bitcode that rustc writes, so the two move together (docs/decisions/0001-one-toolchain.md).
const BPF_LINKER: &str = "0.10.3";

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only what building needs, not the Debian packages of demo, tests and `kernels`
    #[arg(long)]
    build_only: bool,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> anyhow::Result<()> {
    if options.build_only {
        return for_building(workspace);
    }
    everything(workspace)?;
    for_kernels(workspace)
}

/// What building needs.
pub(crate) fn for_building(workspace: &Workspace) -> anyhow::Result<()> {
    components(workspace)?;
    bpf_linker(workspace)
}

/// What a package needs: a C library to link statically, and the programs that make and judge it.
pub(crate) fn for_packaging(workspace: &Workspace) -> anyhow::Result<()> {
    for_building(workspace)?;
    static_target(workspace)?;
    packages::install(&packages::PACKAGING)
}

/// What trying other kernels needs: what runs them, and a C library to link statically.
pub(crate) fn for_kernels(workspace: &Workspace) -> anyhow::Result<()> {
    for_building(workspace)?;
    static_target(workspace)?;
    packages::install(&packages::KERNELS)
}

/// What building, the demo and the tests need.
pub(crate) fn everything(workspace: &Workspace) -> anyhow::Result<()> {
    for_building(workspace)?;
    packages::install(&packages::TESTING)
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
        run_command(Command::new("rustup").args(["component", "add", component, "--toolchain", &toolchain]))
            .with_context(|| format!("the toolchain at {} lacks {component}", sysroot.display()))?;
    }
    Ok(())
}

fn static_target(workspace: &Workspace) -> anyhow::Result<()> {
    let triple = Architecture::native()?.triple;
    let library = output(
        Command::new("rustc")
            .args(["--print=target-libdir", "--target", triple])
            .current_dir(workspace.root()),
    )?;
    if Path::new(library.trim()).exists() {
        println!("setup: target {triple} is there");
        return Ok(());
    }
    let toolchain = workspace.toolchain()?;
    println!("setup: adding target {triple} to toolchain {toolchain}");
    run_command(Command::new("rustup").args(["target", "add", triple, "--toolchain", &toolchain]))
}

fn bpf_linker(workspace: &Workspace) -> anyhow::Result<()> {
    if has_version(&workspace.bpf_linker(), BPF_LINKER) {
        println!("setup: bpf-linker {BPF_LINKER} is there");
        return Ok(());
    }
    println!("setup: building bpf-linker {BPF_LINKER} (one to two minutes)");
    let tools = workspace.target().join("tools");
    let build = tools.join("build");
    let mut install = workspace.cargo("install");
    install.args(["bpf-linker", "--version", BPF_LINKER, "--locked", "--force"]);
    install.arg("--root").arg(&tools).arg("--target-dir").arg(&build);
    run_command(&mut install)?;
    fs::remove_dir_all(&build).with_context(|| format!("cannot remove {}", build.display()))
}

/// A program that is not there, or does not run here, has no version: it is built again.
fn has_version(program: &Path, version: &str) -> bool {
    output(Command::new(program).arg("--version"))
        .is_ok_and(|said| said.split_whitespace().next_back() == Some(version))
}
