//! Why a capture cannot be read, or not to its end.

use std::io;

use thiserror::Error;

use crate::datapath::DatapathError;

/// What is wrong with a capture. Packets before the place were read and are answered.
#[derive(Debug, Error)]
pub enum CaptureError {
    /// There is nothing in it.
    #[error("the file is empty: a capture begins with a header, also when it holds no packet")]
    Empty,
    /// It is something else.
    #[error("this is neither a pcap nor a pcapng file; write one with `tcpdump -w FILE` or `dumpcap`")]
    NotACapture,
    /// It is packed.
    #[error("this is compressed: unpack it on the way, `{tool} FILE | portguard replay - --site SITE`")]
    Compressed {
        /// What unpacks it.
        tool: &'static str,
    },
    /// It ends in the middle.
    #[error(
        "the capture ends in the middle of a record, {}: it was cut off while it was written or copied, or is damaged there",
        place(*after)
    )]
    CutOff {
        /// The last packet that is whole; 0 where there is none.
        after: u64,
    },
    /// A length that no packet has.
    #[error("there is a record of more than {} MB {}: the capture is damaged there", largest >> 20, place(*after))]
    TooLong {
        /// The last packet before it.
        after: u64,
        /// The longest record that is read.
        largest: usize,
    },
    /// Fields that contradict each other.
    #[error("the record {} contradicts itself: the capture is damaged there", place(*after))]
    Damaged {
        /// The last packet before it.
        after: u64,
    },
    /// A packet of an interface that the file does not describe.
    #[error(
        "packet {index} is of interface {interface}, which the capture does not describe: the capture is damaged there"
    )]
    UnknownInterface {
        /// The packet.
        index: u64,
        /// The interface's number.
        interface: u32,
    },
    /// More interfaces than any machine has.
    #[error("a section of the capture describes more than {0} interfaces: the capture is damaged")]
    TooManyInterfaces(usize),
    /// Packets in a block that pcapng gave up.
    #[error(
        "packet {index} is in a block of pcapng's first drafts; `editcap FILE NEW.pcapng` of Wireshark writes it anew"
    )]
    ObsoleteBlock {
        /// The packet.
        index: u64,
    },
    /// Packets without an Ethernet header.
    #[error("packet {index} is {link}, and the filter judges Ethernet frames: {remedy}")]
    NotEthernet {
        /// The first packet of the kind.
        index: u64,
        /// What it is.
        link: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The system does not give the file's bytes.
    #[error("the capture cannot be read {}", place(*after))]
    Unreadable {
        /// The last packet before.
        after: u64,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

fn place(after: u64) -> String {
    if after == 0 { "before its first packet".to_owned() } else { format!("after packet {after}") }
}

/// Why a packet cannot be judged.
#[derive(Debug, Error)]
pub enum EngineError {
    /// The kernel cannot run the program.
    #[error(transparent)]
    Datapath(#[from] DatapathError),
    /// The engines contradict each other.
    #[error(
        "packet {index}: natively it is {native}, and the kernel's program {kernel}; please report this with the packet"
    )]
    Disagree {
        /// The packet.
        index: u64,
        /// The native verdict: the reason's name.
        native: &'static str,
        /// What the kernel's program did instead.
        kernel: String,
    },
    /// The engines contradict each other in the sum.
    #[error(
        "the kernel's program has counted {kernel} packets in slot {slot}, and natively it is {native}; please report this"
    )]
    Miscounted {
        /// The counter.
        slot: u32,
        /// What it must say.
        native: u64,
        /// What it says.
        kernel: u64,
    },
}
