//! `cargo xtask build`: the one file to deploy.

use std::path::PathBuf;

use crate::{
    build_ebpf,
    process::{cargo, run as run_command},
    workspace::Workspace,
};

pub(crate) fn run(workspace: &Workspace) -> anyhow::Result<()> {
    let binary = release(workspace)?;
    println!("build: {}", binary.display());
    Ok(())
}

/// Builds the release binary and says where it is.
pub(crate) fn release(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    build_ebpf::run(workspace)?;
    run_command(cargo(workspace).args(["build", "--release", "--package=portguard"]))?;
    Ok(workspace.target().join("release/portguard"))
}
