//! Questions: where a packet comes from, what it wants, and where.

use std::{fmt, net::IpAddr};

/// What a packet wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A TCP port.
    Tcp(u16),
    /// A UDP port.
    Udp(u16),
    /// An SCTP port.
    Sctp(u16),
    /// An ICMP type, of the ICMP of the source's family.
    Icmp(u8),
    /// An IP protocol.
    Protocol(u8),
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(port) => write!(f, "{port}/tcp"),
            Self::Udp(port) => write!(f, "{port}/udp"),
            Self::Sctp(port) => write!(f, "{port}/sctp"),
            Self::Icmp(number) => write!(f, "icmp/{number}"),
            Self::Protocol(number) => write!(f, "ip/{number}"),
        }
    }
}

/// A question; as text a row of what `portguard explain --batch` reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The other end.
    pub from: IpAddr,
    /// What it wants.
    pub to: Kind,
    /// The zone.
    pub zone: String,
    /// Whether the node opens the connection.
    pub out: bool,
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, zone, out } = self;
        write!(f, "{from},{to},{zone},{}", if *out { "out" } else { "" })
    }
}
