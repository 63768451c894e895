//! The question: from where, to what.

use std::{net::IpAddr, str::FromStr};

use thiserror::Error;

use crate::{
    compile::Target,
    matrix::{Direction, Transport, ZoneId},
};

/// A packet to ask about: the first of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// The other end: where it comes from, of an outbound packet where it goes to.
    pub from: IpAddr,
    /// What it wants.
    pub to: Destination,
    /// The zone of the interface that it comes in or goes out by.
    pub zone: ZoneId,
    /// Who opens the connection.
    pub direction: Direction,
}

/// What a packet wants: `8086/tcp`, `icmp`, `icmp/8`, `ip/47`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A port.
    Port(Transport, u16),
    /// An ICMP type, of the ICMP of the source's family; without one an echo request.
    Icmp(Option<u8>),
    /// An IP protocol.
    Protocol(u8),
}

/// Why a text is no destination.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "`{text}` is no port: write 8086/tcp, 53/udp, 36412/sctp, icmp, icmp/8 (a type) or ip/47 (a protocol)"
)]
pub struct QuestionError {
    text: String,
}

impl FromStr for Destination {
    type Err = QuestionError;

    fn from_str(text: &str) -> Result<Self, QuestionError> {
        let error = || QuestionError { text: text.to_owned() };
        let number = |digits: &str| digits.parse::<u16>().map_err(|_| error());
        let small = |digits: &str| digits.parse::<u8>().map_err(|_| error());
        match text.split_once('/') {
            None if text == "icmp" => Ok(Self::Icmp(None)),
            Some(("icmp", kind)) => Ok(Self::Icmp(Some(small(kind)?))),
            Some(("ip", protocol)) => Ok(Self::Protocol(small(protocol)?)),
            Some((port, "tcp")) => Ok(Self::Port(Transport::Tcp, number(port)?)),
            Some((port, "udp")) => Ok(Self::Port(Transport::Udp, number(port)?)),
            Some((port, "sctp")) => Ok(Self::Port(Transport::Sctp, number(port)?)),
            _ => Err(error()),
        }
    }
}

impl Question {
    /// The entry of the port table that answers.
    pub(super) fn target(&self) -> Target {
        match (self.to, self.from) {
            (Destination::Port(transport, port), _) => Target::Port { transport, port },
            (Destination::Icmp(kind), IpAddr::V4(_)) => Target::Icmpv4(kind.unwrap_or(8)),
            (Destination::Icmp(kind), IpAddr::V6(_)) => Target::Icmpv6(kind.unwrap_or(128)),
            (Destination::Protocol(number), _) => Target::Protocol(number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_are_read_as_they_are_written() {
        assert_eq!("8086/tcp".parse(), Ok(Destination::Port(Transport::Tcp, 8086)));
        assert_eq!("icmp".parse(), Ok(Destination::Icmp(None)));
        assert_eq!("icmp/13".parse(), Ok(Destination::Icmp(Some(13))));
        assert_eq!("ip/47".parse(), Ok(Destination::Protocol(47)));
    }

    #[test]
    fn what_is_no_destination_is_refused() {
        for text in ["", "8086", "tcp/8086", "65536/tcp", "-1/udp", "ip/256", "8086/TCP", "icmp/"] {
            assert!(text.parse::<Destination>().is_err(), "{text}");
        }
    }
}
