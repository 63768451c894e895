//! The edge where the machine and the session are read, for the questions that depend on them.

use std::{env, fs, net::IpAddr};

use nix::ifaddrs::getifaddrs;

use crate::lint::{LocalPorts, SshSession, Surroundings};

/// What this process can find out. What cannot be found out gives rise to no question.
pub(super) fn surroundings() -> Surroundings {
    Surroundings { ssh: ssh_session(), local_ports: local_ports() }
}

fn ssh_session() -> Option<SshSession> {
    let read = |name: &str, parse: fn(&str) -> Option<SshSession>| parse(&env::var(name).ok()?);
    let session = read("SSH_CONNECTION", SshSession::from_connection)
        .or_else(|| read("SSH_CLIENT", SshSession::from_client))?;
    let interface = session.server.and_then(interface_of);
    Some(SshSession { interface, ..session })
}

/// The interface that has an address.
fn interface_of(wanted: IpAddr) -> Option<String> {
    let mut interfaces = getifaddrs().ok()?;
    let found = interfaces.find(|interface| {
        interface.address.is_some_and(|address| {
            let v4 = address.as_sockaddr_in().map(|address| IpAddr::from(address.ip()));
            let v6 = address.as_sockaddr_in6().map(|address| IpAddr::from(address.ip()));
            v4.or(v6) == Some(wanted)
        })
    });
    found.map(|interface| interface.interface_name)
}

/// The ports that the kernel gives to the connections of this node.
pub(super) fn local_ports() -> Option<LocalPorts> {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    let reserved = fs::read_to_string("/proc/sys/net/ipv4/ip_local_reserved_ports").unwrap_or_default();
    LocalPorts::from_sysctls(&range, &reserved)
}
