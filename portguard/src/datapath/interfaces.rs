//! What the kernel says about interfaces: their numbers, the programs on them, the node's addresses.

use std::net::IpAddr;

use futures_util::TryStreamExt as _;
use nix::ifaddrs::getifaddrs;
use portguard_common::Arrival;
use rtnetlink::packet_route::link::{LinkAttribute, LinkMessage, LinkXdp};

use super::DatapathError;
use crate::{
    compile::{ImageInterface, NodeAddresses, interface_for},
    matrix::Attach,
};

/// An interface of the image on this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its name.
    pub name: String,
    /// The kernel's number for it.
    pub index: u32,
    /// What is known of a packet that comes in by it.
    pub arrival: Arrival,
    /// How the program is to be put on it.
    pub attach: Attach,
    /// The id of an XDP program that is on it.
    pub program: Option<u32>,
}

/// Finds the image's interfaces on this node: each of them must be there, of a pattern one at least.
pub async fn resolve(interfaces: &[ImageInterface]) -> Result<Vec<Link>, DatapathError> {
    let present = links().await?;
    let mut found = Vec::new();
    for wanted in interfaces {
        let of_wanted = present.iter().filter_map(|message| {
            let name = name(message).filter(|name| interface_for(interfaces, name) == Some(wanted))?;
            Some(Link {
                name: name.to_owned(),
                index: message.header.index,
                arrival: wanted.arrival(),
                attach: wanted.attach,
                program: program(message),
            })
        });
        let before = found.len();
        found.extend(of_wanted);
        if found.len() == before {
            return Err(DatapathError::NoInterface {
                name: wanted.name.clone(),
                present: present.iter().filter_map(name).collect::<Vec<_>>().join(", "),
            });
        }
    }
    Ok(found)
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

async fn links() -> Result<Vec<LinkMessage>, DatapathError> {
    let (connection, handle, _) = rtnetlink::new_connection()
        .map_err(|source| DatapathError::System { call: "opening a netlink socket", source })?;
    let connection = tokio::spawn(connection);
    let links = handle.link().get().execute().try_collect().await;
    connection.abort();
    links.map_err(|error| DatapathError::Netlink(Box::new(error)))
}

fn name(message: &LinkMessage) -> Option<&str> {
    message.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::IfName(name) => Some(name.as_str()),
        _ => None,
    })
}

/// The program in whichever mode it is attached; with several, one of them is enough to be in the way.
fn program(message: &LinkMessage) -> Option<u32> {
    message
        .attributes
        .iter()
        .filter_map(|attribute| match attribute {
            LinkAttribute::Xdp(xdp) => Some(xdp),
            _ => None,
        })
        .flatten()
        .find_map(|xdp| match xdp {
            LinkXdp::ProgId(id) | LinkXdp::DrvProgId(id) | LinkXdp::SkbProgId(id) | LinkXdp::HwProgId(id) => {
                Some(*id)
            }
            _ => None,
        })
        .filter(|&id| id != 0)
}
