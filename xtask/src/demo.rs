//! `cargo xtask demo`: PortGuard at work.

use crate::{build, process::run as run_command, setup, workspace::Workspace};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Passed to the demo
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> anyhow::Result<()> {
    setup::everything(workspace)?;
    let binary = build::release(workspace)?;
    let mut demo = workspace.cargo("run");
    demo.args(["--quiet", "--release", "--package=portguard-tests", "--bin=demo", "--", "--report"]);
    demo.arg(workspace.target().join("demo-report.html"));
    run_command(demo.args(&options.arguments).env("PORTGUARD", binary))
}
