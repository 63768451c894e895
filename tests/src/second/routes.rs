//! What the kernel says of where packets go.

use std::net::IpAddr;

use portguard::compile::Kernel;

/// A router without sockets, which has a default route of either family, and no address but its own.
#[derive(Clone, Copy, Debug)]
pub struct DefaultRoute;

impl Kernel for DefaultRoute {
    fn forwards(&self, source: IpAddr, destination: IpAddr) -> bool {
        let stays = |address| match address {
            IpAddr::V4(address) => address.is_loopback(),
            IpAddr::V6(address) => address.is_loopback() || address.is_unicast_link_local(),
        };
        !stays(destination) && (source.is_ipv4() || !stays(source))
    }
}
