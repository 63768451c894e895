//! The file system where links and counters outlive the process.

use nix::unistd::{AccessFlags, access};
use procfs::process::MountInfo;

use super::{Capabilities, Check, Machine, State};

const PLACE: &str = "/sys/fs/bpf";

pub(super) fn check(machine: &Machine, capabilities: &Capabilities) -> Check {
    let check = |found: &str| Check::fine("bpffs", "links and counters that outlive the process", found);
    let mounts = match mounts(machine) {
        Ok(mounts) => mounts,
        Err(error) => return check(&format!("not told: {error}")).but(State::Unseen, "mount /proc"),
    };
    // Of several mounts at one place the last one is seen.
    let Some(mount) = mounts.iter().rev().find(|mount| mount.mount_point.as_os_str() == PLACE) else {
        return not_mounted(check(&format!("nothing is mounted at {PLACE}")), capabilities);
    };
    if mount.fs_type != "bpf" {
        return not_mounted(check(&format!("{} is mounted at {PLACE}", mount.fs_type)), capabilities);
    }
    if mount.mount_options.contains_key("ro") || mount.super_options.contains_key("ro") {
        return check("read-only").but(
            State::Missing,
            "a unit with ProtectKernelTunables=yes makes it so, and PrivateBPF=yes takes it away: use neither; else mount -o \
             remount,rw /sys/fs/bpf",
        );
    }
    match access(&machine.path(PLACE), AccessFlags::W_OK) {
        Ok(()) => check("mounted and writable"),
        Err(error) if capabilities.is_ordinary() => {
            check(&format!("mounted; not writable for this user ({error})"))
                .but(State::Unseen, "run as root to see it")
        }
        Err(error) => check(&format!("mounted; not writable ({error})"))
            .but(State::Missing, "see who owns it and what a security module says: ls -ldZ /sys/fs/bpf"),
    }
}

fn not_mounted(check: Check, capabilities: &Capabilities) -> Check {
    // A daemon that may mount does so itself.
    let state =
        if capabilities.sys_admin() || capabilities.is_ordinary() { State::Notice } else { State::Missing };
    check.but(
        state,
        "mount -t bpf bpf /sys/fs/bpf, or systemctl start sys-fs-bpf.mount; a container needs the host's, as a volume",
    )
}

/// The mounts that this process sees.
pub(super) fn mounts(machine: &Machine) -> Result<Vec<MountInfo>, String> {
    let text = machine.read("/proc/self/mountinfo").map_err(|error| error.to_string())?;
    text.lines().map(|line| MountInfo::from_line(line).map_err(|error| error.to_string())).collect()
}
