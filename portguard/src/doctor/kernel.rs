//! What the kernel says about itself and its BPF.

use std::io;

use super::{Check, Machine, State};

pub(super) fn checks(machine: &Machine) -> Vec<Check> {
    vec![release(machine), btf(machine), lockdown(machine), unprivileged(machine)]
}

fn release(machine: &Machine) -> Check {
    let needed_for = "to know what the other lines are about";
    match machine.read("/proc/sys/kernel/osrelease") {
        Ok(release) => Check::fine("kernel", needed_for, format!("Linux {release}")),
        Err(error) => {
            Check::fine("kernel", needed_for, format!("not told: {error}")).but(State::Unseen, "mount /proc")
        }
    }
}

fn btf(machine: &Machine) -> Check {
    let needed_for = "tools that look at maps and programs; the program itself is tried below";
    if machine.has("/sys/kernel/btf/vmlinux") {
        return Check::fine("BTF", needed_for, "/sys/kernel/btf/vmlinux is there");
    }
    Check::fine("BTF", needed_for, "no /sys/kernel/btf/vmlinux").but(
        State::Notice,
        "take a kernel with CONFIG_DEBUG_INFO_BTF=y, as distributions build them; in a container, mount /sys",
    )
}

/// Lockdown keeps programs from reading and writing kernel memory. PortGuard's does neither.
fn lockdown(machine: &Machine) -> Check {
    let needed_for = "nothing: no mode of it keeps an XDP program of this kind away";
    match machine.read("/sys/kernel/security/lockdown") {
        Ok(modes) => {
            let mode = modes.split(['[', ']']).nth(1).unwrap_or(&modes);
            Check::fine("lockdown", needed_for, format!("mode {mode}"))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Check::fine("lockdown", needed_for, "not in this kernel, or securityfs is not mounted")
        }
        Err(error) => Check::fine("lockdown", needed_for, format!("not told: {error}"))
            .but(State::Unseen, "run as root to see it"),
    }
}

fn unprivileged(machine: &Machine) -> Check {
    const SYSCTL: &str = "/proc/sys/kernel/unprivileged_bpf_disabled";
    let subject = "unprivileged BPF";
    let needed_for = "nobody but root to load programs beside this one";
    match machine.read(SYSCTL).as_deref() {
        Ok("1") => Check::fine(subject, needed_for, "off until the next boot"),
        Ok("2") => Check::fine(subject, needed_for, "off"),
        Ok(_) => Check::fine(subject, needed_for, "any user may load programs")
            .but(State::Notice, "sysctl kernel.unprivileged_bpf_disabled=2"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Check::fine(subject, needed_for, "the kernel has no such switch")
        }
        Err(error) => Check::fine(subject, needed_for, format!("not told: {error}"))
            .but(State::Unseen, "run as root to see it"),
    }
}
