//! The Debian packages that the demo and the tests run.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use anyhow::{Context as _, bail};

use crate::process::output;

/// Servers and their clients, a scanner, namespaces, a look at the kernel, filters to compare with; libFuzzer is C++; judges
/// of units and of metrics.
pub(super) const TESTING: [&str; 17] = [
    "bpftool",
    "curl",
    "ethtool",
    "g++",
    "influxdb",
    "influxdb-client",
    "iproute2",
    "nftables",
    "nmap",
    "openssl",
    "prometheus",
    "python3-aiosmtpd",
    "redis-server",
    "redis-tools",
    "slapd",
    "systemd",
    "xdp-tools",
];

/// What makes a package and judges it; SQLite is C, and linked statically.
pub(super) const PACKAGING: [&str; 7] =
    ["binutils", "dpkg", "gzip", "lintian", "musl-tools", "systemd", "xz-utils"];

/// Machines that boot other kernels, and what is in their memory.
pub(super) const KERNELS: [&str; 9] = [
    "binutils",
    "bpftool",
    "busybox-static",
    "cpio",
    "dpkg",
    "iproute2",
    "musl-tools",
    "qemu-system-x86",
    "xz-utils",
];

/// Installs what is missing. Starts no service: the demo brings its own, in its own namespaces.
pub(super) fn install(wanted: &[&str]) -> anyhow::Result<()> {
    let missing: Vec<&str> = wanted.iter().copied().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        println!("setup: Debian packages are there: {}", wanted.join(" "));
        return Ok(());
    }
    let by_hand = format!("missing Debian packages; install them by hand: {}", missing.join(" "));
    if !Path::new("/usr/bin/apt-get").exists() {
        bail!("{by_hand} (no apt-get here)");
    }
    if !nix::unistd::geteuid().is_root() {
        bail!("{by_hand} (apt-get needs root)");
    }
    println!("setup: reading package lists");
    output(apt().arg("update")).with_context(|| by_hand.clone())?;
    println!("setup: installing Debian packages: {}", missing.join(" "));
    let _quiet = NoServices::declare(Path::new("/usr/sbin/policy-rc.d"))?;
    output(apt().args(["install", "--yes", "--no-install-recommends"]).args(&missing)).context(by_hand)?;
    Ok(())
}

fn apt() -> Command {
    let mut apt = Command::new("apt-get");
    apt.arg("--quiet=2").env("DEBIAN_FRONTEND", "noninteractive");
    apt
}

fn is_installed(package: &str) -> bool {
    output(Command::new("dpkg-query").args(["--show", "--showformat=${db:Status-Status}", package]))
        .is_ok_and(|status| status == "installed")
}

/// How a policy of ours is told from the machine's own.
const MARK: &str = "# cargo xtask setup: start no service while it installs.";

/// As long as it lives, installing a package starts no service: dpkg's scripts ask `policy-rc.d` first. A machine that
/// has such a policy (a container, mostly) keeps it.
struct NoServices<'a> {
    policy: &'a Path,
    ours: bool,
}

impl<'a> NoServices<'a> {
    fn declare(policy: &'a Path) -> anyhow::Result<Self> {
        let failed = || format!("cannot write {}", policy.display());
        if fs::read_to_string(policy).is_ok_and(|text| !text.contains(MARK)) {
            return Ok(Self { policy, ours: false });
        }
        // If this process is killed, the file stays; it forbids nothing then, and the next run takes it away.
        let process = std::process::id();
        let text = format!("#!/bin/sh\n{MARK}\nif kill -0 {process} 2>/dev/null; then exit 101; fi\n");
        fs::write(policy, text).with_context(failed)?;
        fs::set_permissions(policy, fs::Permissions::from_mode(0o755)).with_context(failed)?;
        Ok(Self { policy, ours: true })
    }
}

impl Drop for NoServices<'_> {
    fn drop(&mut self) {
        if self.ours && fs::remove_file(self.policy).is_err() {
            println!("setup: cannot remove {}; it forbids nothing from now on", self.policy.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, process::Command};

    use super::NoServices;

    #[test]
    fn services_are_forbidden_while_it_lives_and_a_policy_left_behind_is_taken_away() {
        let policy = std::env::temp_dir().join(format!("xtask-policy-{}", std::process::id()));
        for _ in 0..2 {
            let quiet = NoServices::declare(&policy).unwrap();
            assert_eq!(Command::new("sh").arg(&policy).status().unwrap().code(), Some(101));
            let text = fs::read_to_string(&policy).unwrap();
            drop(quiet);
            assert!(!policy.exists());
            fs::write(&policy, text).unwrap();
        }
        fs::remove_file(&policy).unwrap();
    }

    #[test]
    fn the_policy_of_the_machine_stays() {
        let policy = std::env::temp_dir().join(format!("xtask-own-policy-{}", std::process::id()));
        fs::write(&policy, "exit 0").unwrap();
        drop(NoServices::declare(&policy).unwrap());
        assert_eq!(fs::read_to_string(&policy).unwrap(), "exit 0");
        fs::remove_file(&policy).unwrap();
    }
}
