//! What the kernel says about the node: its addresses, and whether it is a router.

use std::{fs, io::ErrorKind, net::IpAddr, path::Path};

use nix::ifaddrs::getifaddrs;

use super::DatapathError;
use crate::compile::Node;

/// This node.
pub fn node() -> Result<Node, DatapathError> {
    let interfaces =
        getifaddrs().map_err(|source| DatapathError::System { call: "getifaddrs", source: source.into() })?;
    let addresses = interfaces
        .filter_map(|interface| {
            let address = interface.address?;
            let v4 = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
            v4.or_else(|| address.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip())))
        })
        .collect();
    Ok(Node::new(addresses).forwarding(forwards()?))
}

/// Whether the node sends on what comes in for others, by any of its interfaces and of either family (`forwarding` of
/// `Documentation/networking/ip-sysctl.rst`). Of which interface is for the kernel to say, packet by packet.
pub fn forwards() -> Result<bool, DatapathError> {
    let is_on = |path: &Path| match fs::read_to_string(path) {
        Ok(setting) => Ok(setting.trim_end() != "0"),
        // An interface that has just gone, or a kernel without IPv6.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(source) => Err(DatapathError::Forwarding { path: path.to_owned(), source }),
    };
    for family in ["/proc/sys/net/ipv4/conf", "/proc/sys/net/ipv6/conf"].map(Path::new) {
        // Most nodes are routers by all interfaces, or by none.
        if is_on(&family.join("all/forwarding"))? {
            return Ok(true);
        }
        let Ok(interfaces) = fs::read_dir(family) else { continue };
        for interface in interfaces.flatten() {
            if is_on(&interface.path().join("forwarding"))? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
