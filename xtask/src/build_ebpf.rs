//! `cargo xtask build-ebpf`: the eBPF object.

use std::{fs, path::PathBuf, process::Command};

use anyhow::Context as _;

use crate::{
    process::{cargo, run as run_command},
    setup,
    workspace::Workspace,
};

pub(crate) const TARGET: &str = "bpfel-unknown-none";
/// BTF for map definitions and source lines; version 3 of the instruction set (Linux 5.1) for 32-bit operations; loads
/// as they are written, which the kernel allows on every machine with native XDP.
const FLAGS: [&str; 4] = [
    "-Clink-arg=--btf",
    "-Cdebuginfo=2",
    "-Ctarget-cpu=v3",
    "-Ctarget-feature=+allows-misaligned-mem-access",
];

/// Installs the linker if need be, builds, and says the size.
pub(crate) fn run(workspace: &Workspace) -> anyhow::Result<()> {
    setup::for_building(workspace)?;
    build(workspace)
}

/// Builds; the linker must be there.
pub(crate) fn build(workspace: &Workspace) -> anyhow::Result<()> {
    println!("build-ebpf: building for {TARGET}");
    run_command(command(workspace, "build").arg("--release"))?;
    let built = target_dir(workspace).join(TARGET).join("release/portguard-ebpf");
    let object = workspace.ebpf_object();
    let bytes = fs::read(&built).with_context(|| format!("reading {}", built.display()))?;
    // Written only when it differs, so that what embeds it is not built again for nothing.
    if fs::read(&object).ok().as_ref() != Some(&bytes) {
        fs::create_dir_all(object.parent().context("the object lies in a directory")?)?;
        fs::write(&object, &bytes).with_context(|| format!("writing {}", object.display()))?;
    }
    println!(
        "build-ebpf: {}, {} KiB with BTF and source lines",
        object.display(),
        bytes.len().div_ceil(1024)
    );
    Ok(())
}

/// A cargo command on the eBPF crate. Its own target directory, so that flags for BPF don't disturb builds for the host.
pub(crate) fn command(workspace: &Workspace, verb: &str) -> Command {
    let mut command = cargo(workspace);
    command
        .args([verb, "--package=portguard-ebpf", "--target", TARGET, "-Zbuild-std=core", "--target-dir"])
        .arg(target_dir(workspace))
        // The pinned stable compiler may use what only nightly ones may otherwise: -Zbuild-std, and inline assembly for
        // BPF in aya-ebpf.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\x1f"))
        .env("CARGO_TARGET_BPFEL_UNKNOWN_NONE_LINKER", workspace.bpf_linker());
    command
}

fn target_dir(workspace: &Workspace) -> PathBuf {
    workspace.target().join("ebpf-build")
}
