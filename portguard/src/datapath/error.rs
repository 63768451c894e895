//! What can go wrong between an image and a NIC, in the words of the person who must mend it.

use std::io;

use thiserror::Error;

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
    /// An interface of the site does not exist.
    #[error(
        "there is no network interface `{name}` on this node; the site file names it under [interfaces.{name}] (this \
         node has: {present})"
    )]
    NoInterface {
        /// As the site file says it.
        name: String,
        /// The interfaces that there are.
        present: String,
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
