//! What the kernel says about interfaces: their numbers, the programs on them.

use portguard_common::Arrival;
use rtnetlink::packet_route::{
    AddressFamily,
    address::{AddressHeaderFlags, AddressMessage},
    link::{LinkAttribute, LinkLayerType, LinkMessage, LinkXdp},
};

use super::AttachedMode;
use crate::{
    compile::{ImageInterface, interface_for},
    matrix::{Attach, Direction, Hook, OutboundAttach},
};

/// An XDP program that is on an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttachedProgram {
    /// The kernel's number for it.
    pub id: u32,
    /// Where it is.
    pub mode: AttachedMode,
}

/// An interface of this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Present {
    /// Its name.
    pub name: String,
    /// The kernel's number for it.
    pub index: u32,
    /// The XDP program on it; with several, one of them.
    pub program: Option<AttachedProgram>,
    /// Whether its packets begin with an Ethernet header, and may come from elsewhere: loopback's don't.
    pub ethernet: bool,
    /// The number of the one that it is a part of: a bond, a bridge.
    pub master: Option<u32>,
}

/// An interface of this node that an image is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its name.
    pub name: String,
    /// The kernel's number for it.
    pub index: u32,
    /// What is known of a packet that comes in by it.
    pub arrival: Arrival,
    /// Which way the packets go that are to be guarded, and how the program is to be put there.
    pub placement: Placement,
    /// The XDP program that is on it.
    pub program: Option<AttachedProgram>,
    /// Whether it is an Ethernet, as [`Present::ethernet`] says.
    pub ethernet: bool,
    /// Whether a pattern matches it, so that nobody has asked for it by name.
    pub by_pattern: bool,
    /// The numbers of its parts, but for those that the image is for themselves. A bond's program runs in the drivers of its parts, and
    /// meets packets as theirs (`bond_xdp_set` of `drivers/net/bonding/bond_main.c`; netvsc has such a part, too).
    pub parts: Vec<u32>,
}

impl Link {
    /// Whether a site can't be put in force without it. What a pattern matches may be a tunnel, which can't be guarded, or come and go
    /// while others work.
    pub fn is_needed(&self) -> bool {
        self.ethernet || !self.by_pattern
    }
}

/// How a program is to be put on an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// The one of what comes in.
    In(Attach),
    /// The one of what leaves.
    Out(OutboundAttach),
}

impl Placement {
    /// Which way the packets go.
    pub(super) fn direction(self) -> Direction {
        match self {
            Self::In(_) => Direction::In,
            Self::Out(_) => Direction::Out,
        }
    }

    /// Where the program may be, the best place first: one of them is taken.
    pub(super) fn hooks(self) -> &'static [Hook] {
        match self {
            Self::In(Attach::Tcx) => &[Hook::Tcx],
            Self::In(Attach::Auto | Attach::Native | Attach::Generic) => &[Hook::Xdp],
            Self::Out(attach) => attach.hooks(),
        }
    }
}

/// An interface as netlink tells it.
pub(super) fn read(message: &LinkMessage) -> Option<Present> {
    Some(Present {
        name: name(message)?.to_owned(),
        index: message.header.index,
        program: program(message),
        ethernet: message.header.link_layer_type == LinkLayerType::Ether,
        master: message.attributes.iter().find_map(|attribute| match attribute {
            LinkAttribute::Controller(master) => Some(*master),
            _ => None,
        }),
    })
}

/// Whether an address as netlink tells it is one of IPv4 that has an end.
pub(super) fn is_leased(message: &AddressMessage) -> bool {
    message.header.family == AddressFamily::Inet
        && !message.header.flags.contains(AddressHeaderFlags::Permanent)
}

/// Those of `present` that the image's interfaces name, or match; with `outbound`, each for what leaves, too.
pub fn resolve(
    interfaces: &[ImageInterface],
    present: &[Present],
    outbound: Option<OutboundAttach>,
) -> Vec<Link> {
    let matched =
        present.iter().filter_map(|present| Some((present, interface_for(interfaces, &present.name)?)));
    let parts = |whole: u32| -> Vec<u32> {
        let is_part = |found: &&Present| {
            found.master == Some(whole) && interface_for(interfaces, &found.name).is_none()
        };
        present.iter().filter(is_part).map(|part| part.index).collect()
    };
    matched
        .flat_map(|(Present { name, index, program, ethernet, .. }, wanted)| {
            let inbound = Placement::In(wanted.attach);
            [Some(inbound), outbound.map(Placement::Out)].into_iter().flatten().map(|placement| Link {
                name: name.clone(),
                index: *index,
                arrival: wanted.arrival(),
                placement,
                program: *program,
                ethernet: *ethernet,
                by_pattern: wanted.is_pattern(),
                parts: parts(*index),
            })
        })
        .collect()
}

fn name(message: &LinkMessage) -> Option<&str> {
    message.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::IfName(name) => Some(name.as_str()),
        _ => None,
    })
}

/// The program in whichever mode it is attached; with several, one of them is enough to be in the way.
fn program(message: &LinkMessage) -> Option<AttachedProgram> {
    let xdp = || {
        let attributes = message.attributes.iter().filter_map(|attribute| match attribute {
            LinkAttribute::Xdp(xdp) => Some(xdp),
            _ => None,
        });
        attributes.flatten()
    };
    let in_mode = |mode, id: u32| (id != 0).then_some(AttachedProgram { id, mode });
    let known = xdp().find_map(|xdp| match xdp {
        LinkXdp::DrvProgId(id) | LinkXdp::HwProgId(id) => in_mode(AttachedMode::Native, *id),
        LinkXdp::SkbProgId(id) => in_mode(AttachedMode::Generic, *id),
        _ => None,
    });
    // Kernels before 4.19 tell no more than the id.
    known.or_else(|| {
        xdp().find_map(|xdp| match xdp {
            LinkXdp::ProgId(id) => in_mode(AttachedMode::Native, *id),
            _ => None,
        })
    })
}
