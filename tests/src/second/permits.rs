//! What a site lets come in, whatever the packet looked like that brought it: for those who see only what has arrived.

use std::net::IpAddr;

use portguard::{
    compile::Target,
    matrix::{Direction, Matrix, Posture, Transport},
};

use super::{
    place::Place,
    ports::Found,
    transport::{is_opaque, is_unwanted},
};

/// Whether what `from` sends to `target` may come in by the `interface`th interface of a node with the addresses `own`: by the rules, the
/// posture, and DHCP.
pub fn may_come_in(
    (matrix, interface): (&Matrix, usize),
    own: &[IpAddr],
    from: IpAddr,
    source_port: Option<u16>,
    target: Target,
) -> bool {
    let interface = &matrix.interfaces[interface];
    let (zone, dhcp) = (interface.zone, interface.dhcp);
    let place = Place { matrix, zone, dhcp, direction: Direction::In, own };
    match place.rules().find(from, target) {
        Found::Admits(_) | Found::Failsafe(_) => true,
        Found::Refuses => is_dhcp(place, from, source_port, target),
        Found::Nothing => {
            let by_posture = match target {
                Target::Port { transport: Transport::Tcp | Transport::Udp, .. } => true,
                Target::Port { transport: Transport::Sctp, .. } | Target::Other => false,
                Target::Icmpv4(kind) => !is_unwanted(false, kind),
                Target::Icmpv6(kind) => !is_unwanted(true, kind),
                Target::Protocol(number) => !is_opaque(number),
            };
            by_posture && matrix.posture == Posture::Pass || is_dhcp(place, from, source_port, target)
        }
    }
}

/// Whether it is an answer of a DHCP server where an address is got by DHCP.
fn is_dhcp(place: Place<'_>, from: IpAddr, source_port: Option<u16>, target: Target) -> bool {
    let ports = if from.is_ipv4() { (67, 68) } else { (547, 546) };
    let client = Target::Port { transport: Transport::Udp, port: ports.1 };
    place.dhcp && source_port == Some(ports.0) && target == client
}
