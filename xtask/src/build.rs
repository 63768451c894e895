//! `cargo xtask build`: the one file to deploy.

use std::path::PathBuf;

use crate::{build_ebpf, process::run as run_command, setup, workspace::Workspace};

pub(crate) fn run(workspace: &Workspace) -> anyhow::Result<()> {
    setup::for_building(workspace)?;
    let binary = release(workspace)?;
    println!("build: {}", binary.display());
    Ok(())
}

/// Builds the release binary and says where it is; what building needs must be there.
pub(crate) fn release(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    build_ebpf::build(workspace)?;
    run_command(workspace.cargo("build").args(["--release", "--package=portguard"]))?;
    workspace.binary("release", "portguard")
}
