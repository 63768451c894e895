//! `cargo xtask fuzz`: the readers of policies, sites and pages, and the verdict, under libFuzzer.
//!
//! The layout is that of cargo-fuzz, and what it would do is done here: the pinned stable compiler has the coverage that
//! libFuzzer needs, and what is fuzzed has no unsafe code that would want a sanitizer (docs/decisions/0006-fuzzing.md).

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context as _, ensure};
use clap::ValueEnum;

use crate::{
    process::{output, run as run_command},
    workspace::Workspace,
};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// What to fuzz; without it, one after the other
    target: Option<Target>,
    /// For how long, each
    #[arg(long, default_value_t = 60)]
    seconds: u32,
}

/// A fuzz target.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Target {
    /// Policy files
    Policy,
    /// Site files
    Site,
    /// Vendors' Markdown pages
    Page,
    /// Ports, addresses, destinations, names
    Words,
    /// The verdict, on frames and tables
    Verdict,
}

impl Target {
    fn name(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Site => "site",
            Self::Page => "page",
            Self::Words => "words",
            Self::Verdict => "verdict",
        }
    }

    /// What it begins with, beside `fuzz/seeds`: the files that the tests read.
    fn seeds(self) -> &'static [&'static str] {
        match self {
            Self::Policy => &[
                "policies",
                "portguard/tests/policies",
                "portguard/tests/invalid-policies",
                "portguard/src/policy",
            ],
            Self::Site => &["portguard/tests/sites", "portguard/tests/invalid"],
            Self::Page => &["portguard/tests/documents"],
            Self::Words | Self::Verdict => &[],
        }
    }

    /// The words that its files are made of.
    fn dictionary(self) -> Option<&'static str> {
        match self {
            Self::Policy | Self::Site => Some("fuzz/dictionaries/toml.dict"),
            Self::Page => Some("fuzz/dictionaries/markdown.dict"),
            Self::Words | Self::Verdict => None,
        }
    }
}

/// What CI spends on each target, after the seeds.
const SECONDS_IN_CI: u32 = 6;
/// No input may take longer. A debug assertion or a busy machine costs tenfold, not a thousandfold.
const SECONDS_PER_INPUT: u32 = 10;
/// The most memory of a run. The targets themselves check what a reader takes for its input; this is the corpus' and
/// libFuzzer's own, too.
const MEGABYTES: u32 = 1024;
/// The longest input that is made up: a page or a policy is shorter.
const BYTES: u32 = 16_384;

/// Coverage as libFuzzer wants it, and what a debug build checks.
const FLAGS: [&str; 9] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-sanitizer-coverage-stack-depth",
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
    "--cfg=fuzzing",
    "-Ccodegen-units=1",
];

pub(crate) fn run(workspace: &Workspace, options: &Options) -> anyhow::Result<()> {
    let targets = options.target.map_or(Target::value_variants().to_vec(), |target| vec![target]);
    let programs = build(workspace)?;
    for target in targets {
        fuzz(workspace, &programs, target, options.seconds)?;
    }
    Ok(())
}

/// All targets, for a few seconds each.
pub(crate) fn in_ci(workspace: &Workspace) -> anyhow::Result<()> {
    run(workspace, &Options { target: None, seconds: SECONDS_IN_CI })
}

fn directory(workspace: &Workspace) -> PathBuf {
    workspace.target().join("fuzz")
}

/// Builds the targets and says where they are.
fn build(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let host = host(workspace)?;
    println!("fuzz: building");
    run_command(&mut command(workspace, &host))?;
    Ok(directory(workspace).join(host).join("release"))
}

/// Checks the code of the targets with clippy, warnings being errors. Among what the workspace's own check has left, most of
/// which is the same: nothing has to be built as it is for fuzzing.
pub(crate) fn clippy(workspace: &Workspace) -> anyhow::Result<()> {
    let mut clippy = workspace.cargo("clippy");
    clippy.args(["--manifest-path=fuzz/Cargo.toml", "--locked", "--target-dir"]).arg(workspace.target());
    run_command(clippy.args(["--", "--deny=warnings"]))
}

/// A cargo command on the fuzz workspace. With a target given, flags do not reach build scripts, which have no
/// libFuzzer to report to.
fn command(workspace: &Workspace, host: &str) -> Command {
    let mut command = workspace.cargo("build");
    command.args([
        "--manifest-path=fuzz/Cargo.toml",
        "--release",
        "--locked",
        "--target",
        host,
        "--target-dir",
    ]);
    command.arg(directory(workspace)).env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\x1f"));
    command
}

fn host(workspace: &Workspace) -> anyhow::Result<String> {
    let said = output(Command::new("rustc").arg("-vV").current_dir(workspace.root()))?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("`rustc -vV` names no host")
}

fn fuzz(workspace: &Workspace, programs: &Path, target: Target, seconds: u32) -> anyhow::Result<()> {
    let name = target.name();
    let root = workspace.root();
    // What it finds out goes here, and the next run begins with it; what makes it fail, there.
    let (corpus, failures) =
        (directory(workspace).join("corpus").join(name), directory(workspace).join("failures"));
    for directory in [&corpus, &failures] {
        fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    }
    let mut command = Command::new(programs.join(name));
    command.current_dir(root).arg(&corpus).arg(Path::new("fuzz/seeds").join(name)).args(target.seeds());
    if let Some(dictionary) = target.dictionary() {
        command.arg(format!("-dict={dictionary}"));
    }
    command.arg(format!("-artifact_prefix={}/{name}-", failures.display()));
    command.arg(format!("-max_total_time={seconds}")).arg(format!("-timeout={SECONDS_PER_INPUT}"));
    command.arg(format!("-rss_limit_mb={MEGABYTES}")).arg(format!("-max_len={BYTES}"));
    println!("fuzz: {name}, {seconds} s");
    let start = Instant::now();
    // It writes to standard error, a screen a second; what it says matters if it fails, and its last line else.
    let output = command.output().with_context(|| format!("cannot start the fuzz target {name}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{said}\n{name} fails: the input is in {}; mend what it found, and keep the input in fuzz/seeds/{name}",
        failures.display()
    );
    let done = said.lines().rev().find(|line| line.starts_with("Done ")).unwrap_or("Done");
    println!("fuzz: {name}: {done}, {} s with the seeds", start.elapsed().as_secs());
    Ok(())
}
