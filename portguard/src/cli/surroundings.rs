//! The edge where the machine and the session are read, for the questions that depend on them.

use std::{env, fs, net::IpAddr};

use nix::ifaddrs::getifaddrs;

use crate::{
    datapath::Network,
    lint::{LocalPorts, SshSession, Surroundings},
};

/// What this process can find out. What cannot be found out gives rise to no question.
pub(super) fn surroundings() -> Surroundings {
    Surroundings { ssh: ssh_session(), local_ports: local_ports(), leased: leased() }
}

fn leased() -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let names = runtime
        .ok()
        .and_then(|runtime| runtime.block_on(async { Network::open().ok()?.leased().await.ok() }));
    names.unwrap_or_default()
}

/// The SSH session that this process belongs to, by its own environment or, since `sudo` takes that away, by that of the
/// processes that it was started from.
pub(super) fn ssh_session() -> Option<SshSession> {
    let own = |name: &str| env::var(name).ok();
    let session = session_of(own)
        .or_else(|| ancestors().find_map(|environment| session_of(|name| variable(&environment, name))))?;
    let interface = session.server.and_then(interface_of);
    Some(SshSession { interface, ..session })
}

fn session_of(variable: impl Fn(&str) -> Option<String>) -> Option<SshSession> {
    let connection = variable("SSH_CONNECTION").and_then(|text| SshSession::from_connection(&text));
    connection.or_else(|| SshSession::from_client(&variable("SSH_CLIENT")?))
}

/// The environments of the processes that this one was started from, nearest first, as far as it may see them.
fn ancestors() -> impl Iterator<Item = Vec<u8>> {
    let parent = |pid: &u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
        line.trim().parse().ok().filter(|&pid| pid != 0)
    };
    let own = std::process::id();
    std::iter::successors(parent(&own), parent).map_while(|pid| fs::read(format!("/proc/{pid}/environ")).ok())
}

fn variable(environment: &[u8], name: &str) -> Option<String> {
    let mut variables =
        environment.split(|&byte| byte == 0).filter_map(|entry| std::str::from_utf8(entry).ok());
    variables.find_map(|entry| entry.strip_prefix(name)?.strip_prefix('=').map(str::to_owned))
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
