//! `cargo xtask bench`: what PortGuard costs.

use std::process::Command;

use crate::{build_ebpf, process::run as run_command, test, workspace::Workspace};

/// The bench reads its own arguments: `cargo xtask bench --help`.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Options {
    /// Passed to the bench
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// What the verifier goes through, and whether it is too much.
pub(crate) fn verifier(workspace: &Workspace) -> anyhow::Result<()> {
    build_ebpf::build(workspace)?;
    // As the tests are built, which need it too, so that nothing is built twice.
    run_command(test::command(workspace).args(["--quiet", "--no-run"]))?;
    run_command(Command::new(workspace.binary("debug", "bench")?).arg("verifier"))
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> anyhow::Result<()> {
    build_ebpf::run(workspace, &build_ebpf::Options::default())?;
    let mut bench = workspace.cargo("run");
    bench.args(["--quiet", "--release", "--package=portguard-tests", "--bin=bench", "--"]);
    run_command(bench.args(&options.arguments))
}
