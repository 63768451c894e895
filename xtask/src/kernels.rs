//! `cargo xtask kernels`: PortGuard on other kernels than this machine's. Debian's kernels are fetched and not installed;
//! each boots in a machine of qemu's, with no disk and no network, and runs tests of `tests/` there.

mod console;
mod guest;
mod image;
mod machine;

use std::{env, fs, path::PathBuf};

use anyhow::{Context as _, ensure};

use crate::{build_ebpf, package, setup, workspace::Workspace};

/// The kernels that PortGuard is said to work on, beside the one that the tests run on: Debian's packages for virtual
/// machines, the oldest first.
const KERNELS: [&str; 1] = ["linux-image-6.12-cloud-amd64"];

/// What is tried: tests by the file that they are in.
pub(crate) const CHECKS: [(&str, &[&str]); 6] = [
    ("five", &["five_products_are_guarded_over_a_kill_a_restart_and_a_reload_until_detach"]),
    ("doctor", &["a_kernel_that_runs_the_lab_has_what_is_needed_and_trying_leaves_nothing"]),
    (
        "packets",
        &[
            "large::headers_are_found_in_whichever_buffer_they_are",
            "ipv4::options_are_walked_and_the_port_is_behind_them",
            "ipv6::chains_are_walked_to_the_limit_and_drop_beyond",
            "replies::a_connection_of_our_own_is_answered_in_every_state",
            "transit::what_the_node_sends_on_passes_and_what_is_for_the_node_itself_follows_the_rules",
        ],
    ),
    ("tcx", &["counters_are_what_was_sent_over_generations_and_daemons"]),
    (
        "outbound",
        &[
            "what_is_served_is_served_while_outbound_is_enforced",
            "without_outbound_no_program_looks_at_what_leaves_and_after_detaching_none_does",
        ],
    ),
    ("clsact", &["a_documented_destination_is_reached_and_another_fails_at_once"]),
];

#[derive(clap::Args, Default)]
pub(crate) struct Options {
    /// Debian's kernel packages; without any, those of the kernels that PortGuard is said to work on
    packages: Vec<String>,
    /// A kernel package in a file, from whatever release
    #[arg(long, value_name = "FILE")]
    deb: Vec<PathBuf>,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> anyhow::Result<()> {
    ensure!(env::consts::ARCH == "x86_64", "kernels are tried on x86_64 only");
    setup::for_kernels(workspace)?;
    build_ebpf::build(workspace)?;
    let directory = workspace.target().join("kernels");
    fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
    let mut packages = options.deb.clone();
    let named: Vec<&str> = options.packages.iter().map(String::as_str).collect();
    let named = if named.is_empty() && packages.is_empty() { &KERNELS[..] } else { &named };
    for name in named {
        packages.push(image::fetch(name, &directory)?);
    }
    let guest = guest::Guest::new(workspace, &package::statically(workspace, &directory)?)?;
    let mut failed = Vec::new();
    for package in &packages {
        let kernel = image::Kernel::unpack(package, &directory.join("unpacked"))?;
        let initramfs = directory.join("initramfs");
        guest.pack(&kernel, &directory.join("root"), &initramfs)?;
        let log = directory.join(format!("{}.log", kernel.release()));
        println!("kernels: Linux {}, with its console in {}", kernel.release(), log.display());
        machine::boot(kernel.image(), &initramfs, &log)?;
        let said = fs::read(&log).with_context(|| format!("cannot read {}", log.display()))?;
        let faults = console::faults(&String::from_utf8_lossy(&said));
        for fault in &faults {
            println!("kernels: Linux {}: {fault}", kernel.release());
        }
        if faults.is_empty() {
            println!("kernels: Linux {}: all is well", kernel.release());
        } else {
            failed.push(kernel.release().to_owned());
        }
    }
    ensure!(failed.is_empty(), "not as on this kernel: Linux {}", failed.join(", Linux "));
    Ok(())
}
