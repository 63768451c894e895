//! PortGuard's development commands: `cargo xtask COMMAND`. One module a command, each with its own options.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a development command says what it does")]

mod bench;
mod build;
mod build_ebpf;
mod ci;
mod conventions;
mod demo;
mod fuzz;
mod kernels;
mod package;
mod process;
mod setup;
mod test;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

use workspace::Workspace;

/// PortGuard's development commands
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
enum Command {
    /// Install what the other commands need: the BPF linker, rust-src, and Debian packages for demo and tests
    Setup(setup::Options),
    /// Build the eBPF object
    BuildEbpf(build_ebpf::Options),
    /// Build the release binary, with the eBPF object in it
    Build,
    /// Run all tests; needs root and a kernel that loads XDP
    Test(test::Options),
    /// Show PortGuard at work between network namespaces, with real servers
    Demo(demo::Options),
    /// Measure what a verdict costs
    Bench(bench::Options),
    /// Fuzz the readers of policies, sites and pages, and the verdict
    Fuzz(fuzz::Options),
    /// Make what is handed out: a static binary, a Debian package, a directory for a container image; and try it
    Package,
    /// Try PortGuard on other kernels of Debian's, each in a machine of qemu's; they are fetched and not installed
    Kernels(kernels::Options),
    /// Check what no compiler does: which room uses what, lints in every crate, the length of files
    Conventions,
    /// Everything that must hold before a change goes in
    Ci,
}

fn main() -> ExitCode {
    match run(Command::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    let workspace = Workspace::find()?;
    match command {
        Command::Setup(options) => setup::run(&workspace, &options),
        Command::BuildEbpf(options) => build_ebpf::run(&workspace, &options),
        Command::Build => build::run(&workspace),
        Command::Test(options) => test::run(&workspace, &options),
        Command::Demo(options) => demo::run(&workspace, &options),
        Command::Bench(options) => bench::run(&workspace, &options),
        Command::Fuzz(options) => fuzz::run(&workspace, &options),
        Command::Kernels(options) => kernels::run(&workspace, &options),
        Command::Package => package::run(&workspace),
        Command::Conventions => conventions::run(&workspace),
        Command::Ci => ci::run(&workspace),
    }
}
