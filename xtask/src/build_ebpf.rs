//! `cargo xtask build-ebpf`: the eBPF object.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;
use object::{
    Object as _, ObjectSection as _, SectionKind,
    build::elf::{Builder, SectionData},
    elf::SHT_STRTAB,
};

use crate::{process::run as run_command, setup, workspace::Workspace};

const TARGET: &str = "bpfel-unknown-none";
/// BTF for map definitions and source lines; version 3 of the instruction set (Linux 5.1) for 32-bit operations; loads
/// as they are written, which the kernel allows on every machine with native XDP.
const FLAGS: [&str; 4] = [
    "-Clink-arg=--btf",
    "-Cdebuginfo=2",
    "-Ctarget-cpu=v3",
    "-Ctarget-feature=+allows-misaligned-mem-access",
];
/// The width of a BPF instruction.
const INSTRUCTION_BYTES: u64 = 8;

#[derive(clap::Args, Default)]
pub(crate) struct Options {
    /// Build the one that logs what becomes of each packet, too: for `portguard run --ebpf-object`
    #[arg(long)]
    log: bool,
}

/// Installs the linker if need be, builds, and says the size.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> anyhow::Result<()> {
    setup::for_building(workspace)?;
    build(workspace)?;
    if options.log { build_logging(workspace) } else { Ok(()) }
}

/// Builds the object that is embedded; the linker must be there.
pub(crate) fn build(workspace: &Workspace) -> anyhow::Result<()> {
    build_as(workspace, &[], &workspace.ebpf_object())
}

/// Builds the one that says what becomes of each packet, beside that.
pub(crate) fn build_logging(workspace: &Workspace) -> anyhow::Result<()> {
    build_as(workspace, &["--features=log"], &workspace.logging_ebpf_object())
}

fn build_as(workspace: &Workspace, features: &[&str], path: &Path) -> anyhow::Result<()> {
    println!("build-ebpf: building for {TARGET}");
    run_command(command(workspace, "build").arg("--release").args(features))?;
    let built = target_dir(workspace).join(TARGET).join("release/portguard-ebpf");
    let bytes = fs::read(&built).with_context(|| format!("cannot read {}", built.display()))?;
    let bytes = without_dwarf(&bytes).with_context(|| format!("cannot strip {}", built.display()))?;
    let change = place(&bytes, path).with_context(|| format!("cannot write {}", path.display()))?;
    println!("build-ebpf: {}, {}, {change}", path.display(), size(&bytes)?);
    Ok(())
}

/// A cargo command on the eBPF crate. Its own target directory, so that flags for BPF don't disturb builds for the host.
pub(crate) fn command(workspace: &Workspace, verb: &str) -> Command {
    let mut command = workspace.cargo(verb);
    command
        .args(["--package=portguard-ebpf", "--target", TARGET, "-Zbuild-std=core", "--target-dir"])
        .arg(target_dir(workspace))
        // The pinned stable compiler may use what only nightly ones may otherwise: -Zbuild-std, and inline assembly for
        // BPF in aya-ebpf.
        .env("RUSTC_BOOTSTRAP", "1")
        // The host's programs are made small.
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "3")
        // It wins over flags for the host, in the environment or in a configuration: those mean another machine.
        .env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\x1f"))
        .env("CARGO_TARGET_BPFEL_UNKNOWN_NONE_LINKER", workspace.bpf_linker());
    command
}

fn target_dir(workspace: &Workspace) -> PathBuf {
    workspace.target().join("ebpf-build")
}

/// Writes the object only when it differs, so that what embeds it is not built again for nothing, and in one step, so
/// that nobody embeds half of it.
fn place(bytes: &[u8], path: &Path) -> anyhow::Result<&'static str> {
    if fs::read(path).is_ok_and(|present| present == bytes) {
        return Ok("unchanged");
    }
    fs::create_dir_all(path.parent().context("the object lies in a directory")?)?;
    let new = path.with_extension("o.new");
    fs::write(&new, bytes)?;
    fs::rename(&new, path)?;
    Ok("new")
}

/// The object without what only debuggers read: most of it, and each daemon would read it all at its start. The kernel's own (BTF, and
/// with it the source lines) stays.
fn without_dwarf(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut object = Builder::read(bytes)?;
    let is_dwarf = |name: &[u8]| {
        let name = name.strip_prefix(b".rel").unwrap_or(name);
        name.starts_with(b".debug_")
    };
    for section in object.sections.iter_mut().filter(|section| is_dwarf(&section.name)) {
        section.delete = true;
    }
    object.delete_orphans();
    // LLVM has one table for the names of sections and symbols, the writer has two.
    let names = object.sections.add();
    names.name = b".shstrtab"[..].into();
    names.sh_type = SHT_STRTAB;
    names.data = SectionData::SectionString;
    let mut stripped = Vec::new();
    object.write(&mut stripped)?;
    Ok(stripped)
}

/// The size of the object in words: of the file, and of what the kernel will run.
fn size(bytes: &[u8]) -> anyhow::Result<String> {
    let object = object::File::parse(bytes).context("what the linker wrote is no object file")?;
    let code: Vec<String> = object
        .sections()
        .filter(|section| section.kind() == SectionKind::Text && section.size() > 0)
        .map(|section| {
            format!(
                "{} instructions in {}",
                section.size() / INSTRUCTION_BYTES,
                section.name().unwrap_or("?")
            )
        })
        .collect();
    Ok(format!("{} KiB with BTF and source lines, {}", bytes.len().div_ceil(1024), code.join(", ")))
}
