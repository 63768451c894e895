//! What the kernel says about interfaces: their numbers, the programs on them, the node's addresses.

use std::net::IpAddr;

use nix::ifaddrs::getifaddrs;
use portguard_common::Arrival;
use rtnetlink::packet_route::{
    AddressFamily,
    address::{AddressHeaderFlags, AddressMessage},
    link::{LinkAttribute, LinkLayerType, LinkMessage, LinkXdp},
};

use super::{AttachedMode, DatapathError};
use crate::{
    compile::{ImageInterface, NodeAddresses, interface_for},
    matrix::{Attach, Direction, Hook},
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
    /// How the program of what comes in is to be put on it.
    pub attach: Attach,
    /// Which way the packets go that are to be guarded.
    pub direction: Direction,
    /// The XDP program that is on it.
    pub program: Option<AttachedProgram>,
    /// Whether it is an Ethernet, as [`Present::ethernet`] says.
    pub ethernet: bool,
}

impl Link {
    /// Where the program is to be put on it.
    pub(super) fn hook(&self) -> Hook {
        match self.direction {
            Direction::In => self.attach.hook(),
            Direction::Out => Hook::Egress,
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
    })
}

/// Whether an address as netlink tells it is one of IPv4 that has an end.
pub(super) fn is_leased(message: &AddressMessage) -> bool {
    message.header.family == AddressFamily::Inet
        && !message.header.flags.contains(AddressHeaderFlags::Permanent)
}

/// Those of `present` that the image's interfaces name, or match; with `outbound`, each for what leaves, too.
pub fn resolve(interfaces: &[ImageInterface], present: &[Present], outbound: bool) -> Vec<Link> {
    let directions: &[Direction] = if outbound { &[Direction::In, Direction::Out] } else { &[Direction::In] };
    let matched =
        present.iter().filter_map(|present| Some((present, interface_for(interfaces, &present.name)?)));
    matched
        .flat_map(|(Present { name, index, program, ethernet }, wanted)| {
            directions.iter().map(|&direction| Link {
                name: name.clone(),
                index: *index,
                arrival: wanted.arrival(),
                attach: wanted.attach,
                direction,
                program: *program,
                ethernet: *ethernet,
            })
        })
        .collect()
}

/// The addresses of all interfaces of this node.
pub fn node_addresses() -> Result<NodeAddresses, DatapathError> {
    let interfaces =
        getifaddrs().map_err(|source| DatapathError::System { call: "getifaddrs", source: source.into() })?;
    Ok(NodeAddresses::new(
        interfaces
            .filter_map(|interface| {
                let address = interface.address?;
                let v4 = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
                v4.or_else(|| address.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip())))
            })
            .collect(),
    ))
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
