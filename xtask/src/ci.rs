//! `cargo xtask ci`: everything that must hold before a change goes in.

use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::{
    bench, build_ebpf, conventions, fuzz, package, process::run as run_command, test, workspace::Workspace,
};

type Step = (&'static str, fn(&Workspace) -> anyhow::Result<()>);

const STEPS: [Step; 10] = [
    ("test", |workspace| test::run(workspace, &test::Options::default())),
    ("verifier", bench::verifier),
    ("format", |workspace| {
        run_command(workspace.cargo("fmt").args(["--all", "--check"]))?;
        run_command(workspace.cargo("fmt").args(["--manifest-path=fuzz/Cargo.toml", "--check"]))
    }),
    ("clippy", clippy),
    ("clippy, eBPF", |workspace| {
        let mut clippy = build_ebpf::command(workspace, "clippy");
        run_command(clippy.args(["--release", "--all-features", "--", "--deny=warnings"]))
    }),
    ("clippy, fuzz", fuzz::clippy),
    ("fuzz", fuzz::in_ci),
    ("package", package::in_ci),
    ("docs", docs),
    ("conventions", conventions::run),
];

pub(crate) fn run(workspace: &Workspace) -> anyhow::Result<()> {
    let mut results: Vec<(&str, Duration, anyhow::Result<()>)> = Vec::new();
    for (name, step) in STEPS {
        println!("ci: {name}");
        let start = Instant::now();
        let result = step(workspace);
        let duration = start.elapsed();
        match &result {
            Ok(()) => println!("ci: {name}: ok after {} s", duration.as_secs()),
            Err(error) => println!("ci: {name}: failed after {} s: {error:#}", duration.as_secs()),
        }
        results.push((name, duration, result));
    }
    println!();
    for (name, duration, result) in &results {
        println!(
            "{:<14} {:>4} s  {}",
            name,
            duration.as_secs(),
            if result.is_ok() { "ok" } else { "FAILED" }
        );
    }
    let failed = results.iter().filter(|(_, _, result)| result.is_err()).count();
    ensure!(failed == 0, "{failed} of {} steps failed", results.len());
    Ok(())
}

const HOST: [&str; 2] = ["--workspace", "--exclude=portguard-ebpf"];

fn clippy(workspace: &Workspace) -> anyhow::Result<()> {
    let mut clippy = workspace.cargo("clippy");
    clippy.args(HOST).args(["--all-targets", "--features=portguard-tests/kernel"]);
    run_command(clippy.args(["--", "--deny=warnings"]))
}

fn docs(workspace: &Workspace) -> anyhow::Result<()> {
    let mut docs = workspace.cargo("doc");
    docs.args(HOST).args(["--no-deps", "--document-private-items"]);
    run_command(docs.env("RUSTDOCFLAGS", "--deny=warnings"))
}
