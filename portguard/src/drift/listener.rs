//! A socket that takes what comes in.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use serde::Serialize;

use crate::matrix::Transport;

/// A TCP socket that listens, or a UDP socket that takes datagrams from anybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Its protocol.
    pub transport: Transport,
    /// Where.
    pub bound: Bound,
    /// Its port.
    pub port: u16,
    /// The interface that it is bound to, if it is.
    pub interface: Option<String>,
    /// Whose it is, if that can be seen. Some sockets are the kernel's own.
    pub process: Option<Process>,
}

/// The addresses that a socket listens on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Every address of both families.
    Everywhere,
    /// Every IPv4 address.
    EveryV4,
    /// Every IPv6 address.
    EveryV6,
    /// One address.
    Address(IpAddr),
}

/// Whose a socket is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Process {
    /// Its number.
    pub pid: i32,
    /// Its name, as the kernel has it: 15 letters at most.
    pub name: String,
}

/// How dual-stack a socket of IPv6 is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Families {
    /// It takes IPv4 as well, as mapped addresses.
    Both,
    /// `IPV6_V6ONLY` is set.
    V6Only,
}

impl Bound {
    /// What the address of a socket means.
    pub fn new(address: IpAddr, families: Families) -> Self {
        match (address, families) {
            (IpAddr::V4(Ipv4Addr::UNSPECIFIED), _) => Self::EveryV4,
            (IpAddr::V6(Ipv6Addr::UNSPECIFIED), Families::Both) => Self::Everywhere,
            (IpAddr::V6(Ipv6Addr::UNSPECIFIED), Families::V6Only) => Self::EveryV6,
            (address, _) => match address.to_canonical() {
                IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Self::EveryV4,
                address => Self::Address(address),
            },
        }
    }
}

impl Listener {
    /// Whether the network can't reach it, whatever any filter does.
    pub(super) fn is_local(&self) -> bool {
        let address = matches!(self.bound, Bound::Address(address) if address.is_loopback());
        address || self.interface.as_deref() == Some("lo")
    }
}

/// As `ss` writes it.
impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bound {
            Bound::Everywhere => f.write_str("*")?,
            Bound::EveryV4 => f.write_str("0.0.0.0")?,
            Bound::EveryV6 => f.write_str("[::]")?,
            Bound::Address(IpAddr::V4(address)) => write!(f, "{address}")?,
            Bound::Address(IpAddr::V6(address)) => write!(f, "[{address}]")?,
        }
        match &self.interface {
            Some(interface) => write!(f, "%{interface}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.pid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_is_of_both_families_unless_it_says_otherwise() {
        let bound = |address: &str, families| Bound::new(address.parse().unwrap(), families);
        assert_eq!(bound("0.0.0.0", Families::Both), Bound::EveryV4);
        assert_eq!(bound("::", Families::Both), Bound::Everywhere);
        assert_eq!(bound("::", Families::V6Only), Bound::EveryV6);
        assert_eq!(bound("::ffff:0.0.0.0", Families::Both), Bound::EveryV4);
        let mapped = bound("::ffff:127.0.0.1", Families::Both);
        assert_eq!(mapped, Bound::Address(Ipv4Addr::LOCALHOST.into()));
    }

    #[test]
    fn a_socket_on_the_loopback_interface_is_local_whatever_its_address() {
        let listener = |bound, interface: Option<&str>| Listener {
            transport: Transport::Tcp,
            bound,
            port: 1,
            interface: interface.map(str::to_owned),
            process: None,
        };
        assert!(listener(Bound::Everywhere, Some("lo")).is_local());
        assert!(!listener(Bound::Everywhere, Some("eth0")).is_local());
        assert!(listener(Bound::Address("127.8.9.1".parse().unwrap()), None).is_local());
        assert!(listener(Bound::Address("::1".parse().unwrap()), None).is_local());
        assert!(!listener(Bound::EveryV6, None).is_local());
    }
}
