//! What a site is looked at from: the machine and the session. It is handed in as data, since it is read at the edge.

use serde::{Deserialize, Serialize};
use std::net::IpAddr;

use crate::matrix::{PortRange, PortSet};

/// What is known about the machine and the session; what is unknown gives rise to no question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// The SSH session that the command runs in.
    pub ssh: Option<SshSession>,
    /// The ports that the kernel gives to the node's own connections.
    pub local_ports: Option<LocalPorts>,
    /// The interfaces whose IPv4 address is leased.
    pub leased: Vec<String>,
}

/// An SSH session, seen from the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshSession {
    /// Where it comes from.
    pub client: IpAddr,
    /// The address of this node that it came to, if that is known.
    pub server: Option<IpAddr>,
    /// The port that it came to.
    pub port: u16,
    /// The interface that has the server's address, if that could be found out.
    pub interface: Option<String>,
}

impl SshSession {
    /// Reads what sshd puts into `SSH_CONNECTION`: client, its port, server, its port.
    pub fn from_connection(text: &str) -> Option<Self> {
        let [client, _, server, port] = words(text)?;
        Some(Self {
            client: address(client)?,
            server: address(server),
            port: port.parse().ok()?,
            interface: None,
        })
    }

    /// Reads what sshd puts into `SSH_CLIENT`: client, its port, the server's port.
    pub fn from_client(text: &str) -> Option<Self> {
        let [client, _, port] = words(text)?;
        Some(Self { client: address(client)?, server: None, port: port.parse().ok()?, interface: None })
    }
}

fn words<const N: usize>(text: &str) -> Option<[&str; N]> {
    text.split_ascii_whitespace().collect::<Vec<_>>().try_into().ok()
}

/// An address as sshd writes it: link-local ones with their interface, which the wire does not carry.
fn address(text: &str) -> Option<IpAddr> {
    let plain = text.split_once('%').map_or(text, |(plain, _)| plain);
    plain.parse().ok().map(|address: IpAddr| address.to_canonical())
}

/// The kernel's ephemeral ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalPorts {
    /// The range that they come from.
    pub range: PortRange,
    /// The ports of the range that the kernel leaves out.
    pub reserved: Option<PortSet>,
}

/// Where the kernel's range is when nobody has changed it.
const USUAL: (u16, u16) = (32_768, 60_999);

impl LocalPorts {
    /// The kernel's own default, with nothing reserved.
    pub fn usual() -> Self {
        let range = PortRange::new(USUAL.0, USUAL.1).expect("the default is a range");
        Self { range, reserved: None }
    }

    /// Reads `net.ipv4.ip_local_port_range` (`32768 60999`) and `net.ipv4.ip_local_reserved_ports` (`8080,9000-9010`).
    pub fn from_sysctls(range: &str, reserved: &str) -> Option<Self> {
        let [first, last] = words(range)?;
        let range = PortRange::new(first.parse().ok()?, last.parse().ok()?)?;
        let reserved: Option<Vec<PortRange>> =
            reserved.trim().split(',').filter(|item| !item.is_empty()).map(port_range).collect();
        Some(Self { range, reserved: PortSet::new(reserved?) })
    }

    /// The ports of `set` that the kernel may give away.
    pub(super) fn within(&self, set: &PortSet) -> Option<PortSet> {
        let free = set.ranges().iter().flat_map(|range| {
            let first = range.first().max(self.range.first());
            let last = range.last().min(self.range.last());
            (first..=last).filter(|&port| !self.is_reserved(port)).map(PortRange::single)
        });
        PortSet::new(free.collect())
    }

    fn is_reserved(&self, port: u16) -> bool {
        self.reserved.as_ref().is_some_and(|reserved| reserved.contains(port))
    }
}

fn port_range(text: &str) -> Option<PortRange> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    PortRange::new(first.trim().parse().ok()?, last.trim().parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_read_with_the_servers_port() {
        let session = SshSession::from_connection("192.0.2.7 53122 198.51.100.1 2222").unwrap();
        assert_eq!((session.client.to_string().as_str(), session.port), ("192.0.2.7", 2222));
        assert_eq!(session.server.unwrap().to_string(), "198.51.100.1");
        assert_eq!(SshSession::from_client("2001:db8::7 53122 22").unwrap().port, 22);
    }

    #[test]
    fn link_local_and_mapped_clients_are_what_packets_carry() {
        let client =
            |text: &str| SshSession::from_client(&format!("{text} 1 22")).unwrap().client.to_string();
        assert_eq!(client("fe80::1%eth0"), "fe80::1");
        assert_eq!(client("::ffff:192.0.2.7"), "192.0.2.7");
    }

    #[test]
    fn what_is_no_session_is_none() {
        for text in ["", "192.0.2.7", "192.0.2.7 1 198.51.100.1 ssh", "host 1 198.51.100.1 22", "1 2 3 4 5"] {
            assert_eq!(SshSession::from_connection(text), None, "{text}");
        }
    }

    #[test]
    fn reserved_ports_are_not_given_away() {
        let ports = LocalPorts::from_sysctls("32768\t60999\n", "36379,50000-50010\n").unwrap();
        let set = PortSet::new(vec![PortRange::new(36_379, 36_380).unwrap(), PortRange::single(80)]);
        assert_eq!(ports.within(&set.unwrap()).unwrap().to_string(), "36380");
        assert_eq!(LocalPorts::from_sysctls("32768 60999", "\n"), Some(LocalPorts::usual()));
        assert_eq!(LocalPorts::from_sysctls("60999 32768", ""), None);
    }
}
