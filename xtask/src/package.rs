//! `cargo xtask package`: what is handed out. A static binary, a Debian package around it, and a directory to build a
//! container image from. Whatever is made is tried before it counts.

mod control;
mod tree;
mod verify;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail};

use crate::{
    build_ebpf,
    process::{output, run as run_command},
    setup,
    workspace::Workspace,
};

/// A machine that packages are made for.
#[derive(Clone, Copy)]
pub(crate) struct Architecture {
    /// The compiler's name for it, with a C library that can be linked statically.
    pub(crate) triple: &'static str,
    /// Debian's name for it.
    debian: &'static str,
}

impl Architecture {
    /// The one that this runs on.
    pub(crate) fn native() -> anyhow::Result<Self> {
        match env::consts::ARCH {
            "x86_64" => Ok(Self { triple: "x86_64-unknown-linux-musl", debian: "amd64" }),
            "aarch64" => Ok(Self { triple: "aarch64-unknown-linux-musl", debian: "arm64" }),
            other => bail!("packages are made for x86_64 and aarch64, not for {other}"),
        }
    }
}

/// How the binary is built.
#[derive(Clone, Copy)]
enum Build {
    /// As it is handed out.
    Release,
    /// Quickly, to see that all that is made of it can be made.
    Trial,
}

impl Build {
    /// The directory of what is made, and cargo's for what it builds.
    fn directories(self) -> (&'static str, &'static str) {
        match self {
            Self::Release => ("package", "release"),
            Self::Trial => ("package-trial", "debug"),
        }
    }
}

pub(crate) fn run(workspace: &Workspace) -> anyhow::Result<()> {
    make(workspace, Build::Release)
}

/// The same with a binary that is quickly built, and which nobody is to be given.
pub(crate) fn in_ci(workspace: &Workspace) -> anyhow::Result<()> {
    make(workspace, Build::Trial)
}

fn make(workspace: &Workspace, build: Build) -> anyhow::Result<()> {
    setup::for_packaging(workspace)?;
    let architecture = Architecture::native()?;
    build_ebpf::build(workspace)?;
    let directory = workspace.target().join(build.directories().0);
    // What an earlier run left must not be handed out.
    if directory.exists() {
        fs::remove_dir_all(&directory)?;
    }
    fs::create_dir_all(&directory)?;
    let binary = static_binary(workspace, build, architecture, &directory)?;
    let package = debian(workspace, architecture, &binary, &directory)?;
    let root = directory.join("try");
    verify::package(&package, &root)?;
    fs::remove_dir_all(root)?;
    container(workspace, &binary, &directory.join("container"))?;
    println!("package: {}", binary.display());
    println!("package: {}", package.display());
    println!("package: {}, for podman or docker build", directory.join("container").display());
    Ok(())
}

/// A binary as it is handed out for the machine that this runs on, but quickly built, in `directory`.
pub(crate) fn statically(workspace: &Workspace, directory: &Path) -> anyhow::Result<PathBuf> {
    static_binary(workspace, Build::Trial, Architecture::native()?, directory)
}

/// Builds the binary that needs nothing of the machine it runs on, and puts it into `directory` without what only a
/// debugger reads.
fn static_binary(
    workspace: &Workspace,
    build: Build,
    architecture: Architecture,
    directory: &Path,
) -> anyhow::Result<PathBuf> {
    let mut cargo = workspace.cargo("build");
    if matches!(build, Build::Release) {
        cargo.arg("--release");
    }
    run_command(cargo.args(["--package=portguard", "--target", architecture.triple]))?;
    let profile = build.directories().1;
    let linked = workspace.binary(&format!("{}/{profile}", architecture.triple), "portguard")?;
    let binary = directory.join("portguard");
    output(Command::new("strip").arg("-o").arg(&binary).arg(linked))?;
    verify::is_static(&fs::read(&binary)?).with_context(|| binary.display().to_string())?;
    Ok(binary)
}

/// Lays out the package's files and packs them. The same commit gives the same package.
fn debian(
    workspace: &Workspace,
    architecture: Architecture,
    binary: &Path,
    directory: &Path,
) -> anyhow::Result<PathBuf> {
    let commit = |format: &str| -> anyhow::Result<String> {
        let mut log = Command::new("git");
        log.args(["log", "-1", format]).current_dir(workspace.root());
        Ok(output(&mut log)?.trim().to_owned())
    };
    let released = control::Released {
        version: env!("CARGO_PKG_VERSION"),
        architecture: architecture.debian,
        date: commit("--format=%cD")?,
    };
    let root = directory.join("root");
    tree::lay_out(workspace.root(), binary, &released, &root)?;
    let package = directory.join(format!("portguard_{}_{}.deb", released.version, released.architecture));
    let mut pack = Command::new("dpkg-deb");
    pack.args(["--root-owner-group", "-Zxz", "--build"]).arg(&root).arg(&package);
    output(pack.env("SOURCE_DATE_EPOCH", commit("--format=%ct")?))?;
    fs::remove_dir_all(root)?;
    Ok(package)
}

/// A directory with all that `podman build` takes.
fn container(workspace: &Workspace, binary: &Path, directory: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(directory)?;
    fs::copy(workspace.root().join("deploy/Containerfile"), directory.join("Containerfile"))?;
    fs::copy(binary, directory.join("portguard"))?;
    Ok(())
}
