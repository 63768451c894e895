//! `cargo xtask test`: all tests, those that need the kernel included.

use anyhow::bail;

use crate::{
    build_ebpf,
    process::{cargo, run as run_command},
    setup,
    workspace::Workspace,
};

#[derive(clap::Args, Default)]
pub(crate) struct Options {
    /// Only tests whose names hold this
    filter: Option<String>,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> anyhow::Result<()> {
    if !nix::unistd::geteuid().is_root() {
        bail!("the tests load XDP programs and make network namespaces: run them as root");
    }
    setup::everything(workspace)?;
    build_ebpf::build(workspace)?;
    // The tests of the lab run the binary as a user would.
    run_command(cargo(workspace).args(["build", "--package=portguard"]))?;
    let mut tests = cargo(workspace);
    tests.args(["test", "--workspace", "--exclude=portguard-ebpf", "--features=portguard-tests/kernel"]);
    tests.args(&options.filter);
    tests.env("PORTGUARD", workspace.target().join("debug/portguard"));
    run_command(&mut tests)
}
