//! What can go wrong between an image and a NIC, in the words of the person who must mend it.

use std::{
    error::Error as _,
    io,
    path::{Path, PathBuf},
};

use thiserror::Error;

use super::clsact;

/// Why a generation cannot be loaded, attached or read.
#[derive(Debug, Error)]
pub enum DatapathError {
    /// The binary was built without the eBPF object and none was given.
    #[error(
        "this binary was built without its eBPF program; build it with `cargo xtask build`, or give the object with \
         --ebpf-object FILE"
    )]
    NoObject,
    /// The process may not load programs.
    #[error(
        "loading an XDP program needs root, or the capabilities CAP_BPF and CAP_NET_ADMIN (and CAP_PERFMON); run \
         portguard as root"
    )]
    NotPermitted,
    /// An interface went away while it was looked at.
    #[error("the network interface `{interface}` is gone")]
    Vanished {
        /// Which.
        interface: String,
    },
    /// Whether the node is a router can't be read.
    #[error("cannot read {}, whether this node sends on what comes in for others", path.display())]
    Forwarding {
        /// The setting.
        path: PathBuf,
        /// The kernel's answer.
        source: io::Error,
    },
    /// There is no BPF file system, and it can't be mounted.
    #[error(
        "there is no BPF file system at {}, and it cannot be mounted ({source}); what guards the node is pinned there, so \
         that it outlives this process: mount it with `mount -t bpf bpf {}`, or give another place with --bpffs",
        path.display(),
        path.display()
    )]
    NoBpffs {
        /// Where it was looked for.
        path: PathBuf,
        /// The kernel's answer.
        source: io::Error,
    },
    /// The BPF file system is read-only.
    #[error(
        "the BPF file system is read-only for this process: {} cannot be changed; under systemd, ProtectKernelTunables=yes \
         and PrivateBPF=yes do that: leave them out of the unit",
        path.display()
    )]
    ReadOnlyBpffs {
        /// What was to be changed.
        path: PathBuf,
    },
    /// The pins are not for this user.
    #[error("{} may not be opened by this user: what guards the node is root's; run portguard as root", path.display())]
    Closed {
        /// The directory.
        path: PathBuf,
    },
    /// The directory of the pins belongs to somebody else.
    #[error(
        "{} does not belong to this user alone, so that what is pinned there may be somebody else's; see who made it, and \
         remove it, or make it this user's with mode 0700",
        path.display()
    )]
    NotOurs {
        /// The directory.
        path: PathBuf,
    },
    /// Another process holds the pins.
    #[error("another portguard holds {}: one at a time guards a node", path.display())]
    Held {
        /// The directory.
        path: PathBuf,
    },
    /// A directory of pins can't be read or changed.
    #[error("cannot access {}", path.display())]
    Pins {
        /// What.
        path: PathBuf,
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
    /// Something can't be pinned.
    #[error("cannot pin {}", path.display())]
    Pin {
        /// Where.
        path: PathBuf,
        /// The kernel's answer.
        #[source]
        source: Box<aya::pin::PinError>,
    },
    /// A pinned map can't be used, or a new one not made.
    #[error("cannot use the map of {}", path.display())]
    PinnedMap {
        /// The pin.
        path: PathBuf,
        /// The kernel's answer.
        #[source]
        source: Box<aya::maps::MapError>,
    },
    /// A pinned program can't be used.
    #[error("cannot use the program of {}", path.display())]
    PinnedProgram {
        /// The pin.
        path: PathBuf,
        /// The kernel's answer.
        #[source]
        source: Box<aya::programs::ProgramError>,
    },
    /// A pinned link can't be used.
    #[error("cannot use the link of {}", path.display())]
    PinnedLink {
        /// The pin.
        path: PathBuf,
        /// The kernel's answer.
        #[source]
        source: Box<aya::programs::links::LinkError>,
    },
    /// A link does not tell about itself.
    #[error("cannot ask about the link on interface `{interface}`")]
    Link {
        /// Where.
        interface: String,
        /// The kernel's answer.
        #[source]
        source: Box<aya::programs::links::LinkError>,
    },
    /// A link's interface is gone.
    #[error("the interface of a link is gone")]
    Defunct,
    /// A pinned link is of another kind.
    #[error(
        "a pinned link is not one of an XDP or tcx program; was something else pinned among portguard's links?"
    )]
    ForeignLink,
    /// A pinned record is not what was written.
    #[error("{} does not hold what portguard writes there", path.display())]
    Garbled {
        /// The pin.
        path: PathBuf,
    },
    /// Another version's pins.
    #[error(
        "{} was written by another version of portguard (format {found}, this one knows {known})",
        path.display()
    )]
    OtherVersion {
        /// The pin.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// This version's.
        known: u32,
    },
    /// A link can't be given to another generation.
    #[error("generation {generation} cannot take over an interface")]
    Update {
        /// Which.
        generation: u64,
        /// The kernel's answer.
        #[source]
        source: Box<aya::programs::ProgramError>,
    },
    /// Something failed, and going back failed too.
    #[error("{first}; and the interfaces could not all be given back to the generation before ({second})")]
    Undo {
        /// What failed first.
        first: Box<DatapathError>,
        /// What failed then.
        second: Box<DatapathError>,
    },
    /// Another program is on the interface.
    #[error(
        "another XDP program is on interface `{interface}`: {program}; portguard does not replace it. Take it off with the \
         tool that put it there: `bpftool net show dev {interface}` and `bpftool link` tell how it is attached"
    )]
    Occupied {
        /// Where.
        interface: String,
        /// Its id and name.
        program: String,
    },
    /// The driver can't run the program, and the site insists.
    #[error(
        "the driver of interface `{interface}` has no native XDP ({source}); the site file asks for attach = \"native\": \
         use \"auto\" or \"generic\""
    )]
    NoNativeMode {
        /// Where.
        interface: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// The kernel refuses the program for another reason.
    #[error("the kernel refuses the program on interface `{interface}`")]
    Attach {
        /// Where.
        interface: String,
        /// The kernel's answer.
        #[source]
        source: Box<aya::programs::ProgramError>,
    },
    /// The kernel has no links for XDP.
    #[error(
        "the kernel has no BPF link for XDP on interface `{interface}` (it has them since Linux 5.9), and portguard does \
         not use the older way, which anyone can take off unseen"
    )]
    NoLink {
        /// Where.
        interface: String,
    },
    /// The kernel has no tcx.
    #[error(
        "the kernel has no tcx for interface `{interface}` (it has it since Linux 6.6, where it is built with \
         CONFIG_NET_XGRESS); the site file asks for attach = \"tcx\" or outbound_attach = \"tcx\", where \"auto\" would do, or take a \
         newer kernel"
    )]
    NoTcx {
        /// Where.
        interface: String,
    },
    /// Somebody else's filter is where ours goes.
    #[error(
        "another tc filter is on interface `{interface}` where portguard's goes (egress, priority {}, handle {:#x}), or has \
         that priority for filters of another kind; portguard does not replace it. Give it another priority: `tc filter show \
         dev {interface} egress` shows it",
        clsact::PRIORITY,
        clsact::HANDLE
    )]
    OccupiedFilter {
        /// Where.
        interface: String,
    },
    /// Another qdisc is where clsact goes.
    #[error(
        "interface `{interface}` has the qdisc `{kind}` where clsact goes, which has filters for what leaves, too; portguard \
         does not replace it. Make it clsact: `tc qdisc show dev {interface}` shows it"
    )]
    NoClsact {
        /// Where.
        interface: String,
        /// Its kind.
        kind: String,
    },
    /// The kernel refuses a filter.
    #[error(
        "the kernel refuses the tc filter on interface `{interface}` (it needs CONFIG_NET_CLS_BPF and CONFIG_NET_SCH_INGRESS)"
    )]
    Filter {
        /// Where.
        interface: String,
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
    /// An interface whose packets the verdict can't read.
    #[error(
        "interface `{interface}` is no Ethernet: it is loopback, or a tunnel or other line without Ethernet headers, and the \
         verdict reads Ethernet frames; guard the interface that its packets arrive by"
    )]
    NoEthernet {
        /// Where.
        interface: String,
    },
    /// A generation without a program for tcx is to take over where one is.
    #[error("generation {generation} has no program for tcx")]
    NoProgram {
        /// Which.
        generation: u64,
    },
    /// What was given for the object is something else.
    #[error("the eBPF object is not a 64-bit ELF file; give the file that `cargo xtask build-ebpf` makes")]
    NotAnObject,
    /// The object is not one that this binary can use.
    #[error(
        "the eBPF object does not fit this portguard: {what} is missing; build both from the same source"
    )]
    ForeignObject {
        /// What it lacks.
        what: &'static str,
    },
    /// The object cannot be read or its maps not made.
    #[error("cannot load the eBPF object")]
    Load(#[source] Box<aya::EbpfError>),
    /// The verifier refuses the program.
    #[error("the kernel's verifier refuses the program; please report this with the text below")]
    Verify(#[source] Box<aya::programs::ProgramError>),
    /// A map cannot be written or read.
    #[error("cannot access map {map}")]
    Map {
        /// Which.
        map: &'static str,
        /// The kernel's answer.
        #[source]
        source: Box<aya::maps::MapError>,
    },
    /// The kernel does not tell about interfaces.
    #[error("cannot ask the kernel for its network interfaces")]
    Netlink(#[source] Box<rtnetlink::Error>),
    /// A system call failed.
    #[error("{call} failed")]
    System {
        /// Which.
        call: &'static str,
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
    /// The interfaces' numbers do not fit in a table.
    #[error("the interfaces' numbers are too far apart for a table of {0} places; please report this")]
    InterfaceTable(u32),
}

impl DatapathError {
    /// That `path` could not be pinned.
    pub(super) fn pin(path: &Path, source: aya::pin::PinError) -> Self {
        Self::Pin { path: path.to_owned(), source: Box::new(source) }
    }

    /// The error with all that led to it, in one line.
    pub fn whole_story(&self) -> String {
        let mut text = self.to_string();
        let mut source = self.source();
        while let Some(cause) = source {
            let told = cause.to_string();
            // Some errors of aya say their cause's words themselves.
            if !text.ends_with(&told) {
                text = format!("{text}: {told}");
            }
            source = cause.source();
        }
        text
    }
}
