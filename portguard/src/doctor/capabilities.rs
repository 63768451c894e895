//! What this process may do.

use caps::{CapSet, Capability, CapsHashSet};

use super::{Check, State};

/// The capabilities in effect, and whose process it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    effective: CapsHashSet,
    is_root: bool,
}

impl Capabilities {
    /// Those of this process.
    pub fn of_this_process() -> Self {
        let effective = caps::read(None, CapSet::Effective).unwrap_or_default();
        Self::new(effective, nix::unistd::geteuid().is_root())
    }

    /// These, of a process of root or of somebody else.
    pub fn new(effective: CapsHashSet, is_root: bool) -> Self {
        Self { effective, is_root }
    }

    /// Whether it may load programs and make maps.
    pub(super) fn bpf(&self) -> bool {
        // It stood for CAP_BPF before Linux 5.8, and does still.
        self.effective.contains(&Capability::CAP_BPF) || self.sys_admin()
    }

    /// Whether it may attach to interfaces.
    pub(super) fn net_admin(&self) -> bool {
        self.effective.contains(&Capability::CAP_NET_ADMIN)
    }

    /// Whether it may load programs whose pointers move by what is in a packet.
    pub(super) fn perfmon(&self) -> bool {
        self.effective.contains(&Capability::CAP_PERFMON) || self.sys_admin()
    }

    /// Whether it may mount, and make networks to try things in.
    pub(super) fn sys_admin(&self) -> bool {
        self.effective.contains(&Capability::CAP_SYS_ADMIN)
    }

    /// Whether this is an ordinary user's process, which says nothing about what the service may do.
    pub(super) fn is_ordinary(&self) -> bool {
        !(self.is_root || self.bpf() || self.net_admin())
    }
}

pub(super) fn checks(capabilities: &Capabilities) -> Vec<Check> {
    let check = |subject, needed_for, present: bool| {
        if present {
            return Check::fine(subject, needed_for, "this process has it");
        }
        let check = Check::fine(subject, needed_for, "this process has it not");
        if capabilities.is_ordinary() {
            check.but(State::Unseen, "run as root to see what the service may do")
        } else {
            check.but(
                State::Missing,
                "give it: CapabilityBoundingSet and AmbientCapabilities of a unit, securityContext.capabilities.add of a \
                 container",
            )
        }
    };
    vec![
        check("CAP_BPF", "loading the program and making its maps", capabilities.bpf()),
        check(
            "CAP_PERFMON",
            "the verifier to let the program move pointers by lengths that stand in a packet",
            capabilities.perfmon(),
        ),
        check("CAP_NET_ADMIN", "putting the program on interfaces", capabilities.net_admin()),
    ]
}
