//! `cargo xtask test`: all tests, those that need the kernel included.

use std::{env, process::Command};

use anyhow::ensure;

use crate::{build_ebpf, process::run as run_command, setup, workspace::Workspace};

/// So many tests at a time: they wait more than they compute, and each lab has servers of its own, which must not starve.
const THREADS: &str = "4";

#[derive(clap::Args, Default)]
pub(crate) struct Options {
    /// Only tests whose names hold this
    filter: Option<String>,
    /// Passed to the test programs, as in `cargo xtask test lab -- --nocapture`
    #[arg(last = true)]
    arguments: Vec<String>,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> anyhow::Result<()> {
    ensure!(
        nix::unistd::geteuid().is_root(),
        "the tests load XDP programs and make network namespaces, which needs root; `cargo test` runs those that do not"
    );
    setup::everything(workspace)?;
    build_ebpf::build_logging(workspace)?;
    build_ebpf::build(workspace)?;
    // The tests of the lab run the binary as a user would; it is built with them.
    run_command(command(workspace).arg("--no-run"))?;
    let mut tests = command(workspace);
    tests.arg("--no-fail-fast").args(&options.filter).arg("--").args(&options.arguments);
    if env::var_os("RUST_TEST_THREADS").is_none() {
        tests.env("RUST_TEST_THREADS", THREADS);
    }
    run_command(tests.env("PORTGUARD", workspace.binary("debug", "portguard")?))
}

/// Builds the tests, with the binaries that they need, and runs them.
pub(crate) fn command(workspace: &Workspace) -> Command {
    let mut tests = workspace.cargo("test");
    tests.args(["--workspace", "--exclude=portguard-ebpf", "--features=portguard-tests/kernel"]);
    tests
}
