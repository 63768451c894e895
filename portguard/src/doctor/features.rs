//! What the kernel can, by trying it. Nothing is tried on an interface of this node.

use super::{Capabilities, Check, State};
use crate::{
    compile::Image,
    datapath::probe::{self, Probe},
    matrix::{Attach, OutboundAttach},
};

pub(super) fn checks(capabilities: &Capabilities, image: Option<&Image>) -> Vec<Check> {
    let told = |subject, needed_for, works: &str, probe, remedy| {
        told(capabilities, Check::fine(subject, needed_for, works), probe, remedy)
    };
    let program = match image {
        Some(image) => ("it loads, with the tables of this site", probe::program_of(image)),
        None => ("it loads, with tables of the smallest size", probe::program()),
    };
    let mut checks = vec![
        told(
            "XDP programs",
            "everything",
            "the kernel takes them",
            probe::xdp(),
            "take a kernel with CONFIG_BPF_SYSCALL=y and CONFIG_BPF_JIT=y; in a container, allow the system call bpf",
        ),
        told(
            "socket look-up",
            "answers to connections that the node opens itself",
            "bpf_skc_lookup_tcp is there",
            probe::socket_lookup(),
            "take Linux 5.2 or newer with CONFIG_INET=y",
        ),
        told(
            "per-CPU arrays",
            "counters",
            "the kernel takes them",
            probe::per_cpu_arrays(),
            "take Linux 4.6 or newer",
        ),
        told(
            "PortGuard's program",
            "everything; it needs read-only maps, tables as large as the site, and frames in several buffers (xdp.frags)",
            program.0,
            program.1,
            "take Linux 6.12 or newer; if this is one, please report it with the text above",
        ),
        told(
            "links for XDP",
            "a filter that outlives the process and that nobody takes off unseen",
            "a program was attached by a link, in a network made for it",
            probe::xdp_link(),
            "take Linux 5.9 or newer; portguard does not use the older way of attaching",
        ),
    ];
    checks.extend(of_tc(capabilities, image));
    checks
}

/// Those of tc: clsact only where a site would use it.
fn of_tc(capabilities: &Capabilities, image: Option<&Image>) -> Vec<Check> {
    let told = |subject, needed_for, works: &str, probe, remedy| {
        told(capabilities, Check::fine(subject, needed_for, works), probe, remedy)
    };
    let outbound = image.and_then(Image::outbound);
    let asks_for_tcx = outbound == Some(OutboundAttach::Tcx)
        || image.is_some_and(|image| image.interfaces().iter().any(|it| it.attach == Attach::Tcx));
    let mut tcx = told(
        "tcx",
        "interfaces with attach = \"tcx\", and what leaves",
        "a program was attached by it, in a network made for it",
        probe::tcx(),
        "take Linux 6.6 or newer with CONFIG_NET_XGRESS=y, or leave attach = \"tcx\" and outbound_attach = \"tcx\" out",
    );
    let lacks_tcx = tcx.state == State::Missing;
    if lacks_tcx && !asks_for_tcx {
        tcx.state = State::Notice;
    }
    let mut checks = vec![tcx];
    if outbound == Some(OutboundAttach::Clsact) || (lacks_tcx && outbound == Some(OutboundAttach::Auto)) {
        checks.push(told(
            "clsact",
            "what leaves, where the kernel has no tcx or the site says clsact",
            "a program was attached in it, in a network made for it",
            probe::clsact(),
            "take a kernel with CONFIG_NET_SCH_INGRESS and CONFIG_NET_CLS_BPF, or one with tcx (Linux 6.6 or newer)",
        ));
    }
    checks
}

/// The check after its probe.
pub(super) fn told(capabilities: &Capabilities, check: Check, probe: Probe, remedy: &str) -> Check {
    let not = |found: String| Check { found, ..check.clone() };
    match probe {
        Probe::Works => check,
        Probe::Refused(why) => not(why).but(State::Missing, remedy),
        Probe::NotTried(why) => not(format!("not tried: {why}")).but(State::Unseen, "use a binary with its program"),
        Probe::NotPermitted if capabilities.bpf() && capabilities.net_admin() && capabilities.sys_admin() => {
            not("the kernel does not permit it, although the capabilities are there".to_owned()).but(
                State::Missing,
                "look for a seccomp filter or a security module that forbids the system call bpf (SystemCallFilter= of a unit, \
                 SELinux)",
            )
        }
        Probe::NotPermitted => {
            not("this process may not try".to_owned()).but(State::Unseen, "run as root to have it tried")
        }
    }
}
