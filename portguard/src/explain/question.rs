//! The question: from where, to what.

use std::{net::IpAddr, str::FromStr};

use portguard_common::wire::protocol::{DESTINATION_OPTIONS, FRAGMENT, HOP_BY_HOP, NO_NEXT_HEADER, ROUTING};
use thiserror::Error;

use crate::{
    compile::Target,
    matrix::{Direction, Transport, ZoneId, portless},
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

/// What a packet wants: `8086/tcp`, `icmp`, `icmp/8`, `icmpv6/128`, `ip/47`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A port.
    Port(Transport, u16),
    /// An ICMP type, of the ICMP of the source's family; without one an echo request.
    Icmp(Option<u8>),
    /// A type of IPv4's, RFC 792.
    Icmpv4(u8),
    /// A type of IPv6's, RFC 4443.
    Icmpv6(u8),
    /// An IP protocol.
    Protocol(u8),
}

/// Why a text is no destination.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum QuestionError {
    /// It is written in another way, or nonsense.
    #[error(
        "`{0}` is no port: write 8086/tcp, 53/udp, 36412/sctp, icmp, icmp/8, icmpv4/8 or icmpv6/128 (a type) or ip/47 (a protocol)"
    )]
    NoPort(String),
    /// The number of a protocol whose rules are by port or type.
    #[error("`{0}` has a name of its own: write 8086/tcp, 53/udp, 36412/sctp, icmp or icmpv6/128")]
    HasName(String),
    /// The number of an extension header of IPv6's.
    #[error(
        "`{0}` is a header of IPv6 and no protocol, so that no rule names it: ask for what stands behind it"
    )]
    ExtensionHeader(String),
    /// ICMP of the other family.
    #[error("{icmp} is not of the same family as {from}: write icmp for a ping, or {other}/TYPE")]
    Family {
        /// The address.
        from: IpAddr,
        /// The ICMP.
        icmp: &'static str,
        /// The one that the address has.
        other: &'static str,
    },
}

impl FromStr for Destination {
    type Err = QuestionError;

    fn from_str(text: &str) -> Result<Self, QuestionError> {
        let error = || QuestionError::NoPort(text.to_owned());
        let number = |digits: &str| digits.parse::<u16>().map_err(|_| error());
        let small = |digits: &str| digits.parse::<u8>().map_err(|_| error());
        match text.split_once('/') {
            None if text == "icmp" => Ok(Self::Icmp(None)),
            Some(("icmp", kind)) => Ok(Self::Icmp(Some(small(kind)?))),
            Some(("icmpv4", kind)) => Ok(Self::Icmpv4(small(kind)?)),
            Some(("icmpv6", kind)) => Ok(Self::Icmpv6(small(kind)?)),
            Some(("ip", protocol)) => {
                let number = small(protocol)?;
                portless(text).map(Self::Protocol).ok_or_else(|| match number {
                    HOP_BY_HOP | ROUTING | FRAGMENT | NO_NEXT_HEADER | DESTINATION_OPTIONS => {
                        QuestionError::ExtensionHeader(text.to_owned())
                    }
                    _ => QuestionError::HasName(text.to_owned()),
                })
            }
            Some((port, "tcp")) => Ok(Self::Port(Transport::Tcp, number(port)?)),
            Some((port, "udp")) => Ok(Self::Port(Transport::Udp, number(port)?)),
            Some((port, "sctp")) => Ok(Self::Port(Transport::Sctp, number(port)?)),
            _ => Err(error()),
        }
    }
}

impl Destination {
    /// Itself, if a packet from this address, or to it, can want that.
    pub fn of(self, from: IpAddr) -> Result<Self, QuestionError> {
        match self {
            Self::Icmpv4(_) if from.is_ipv6() => {
                Err(QuestionError::Family { from, icmp: "icmpv4", other: "icmpv6" })
            }
            Self::Icmpv6(_) if from.is_ipv4() => {
                Err(QuestionError::Family { from, icmp: "icmpv6", other: "icmpv4" })
            }
            _ => Ok(self),
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
            (Destination::Icmpv4(kind), _) => Target::Icmpv4(kind),
            (Destination::Icmpv6(kind), _) => Target::Icmpv6(kind),
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
        assert_eq!("icmpv4/13".parse(), Ok(Destination::Icmpv4(13)));
        assert_eq!("icmpv6/128".parse(), Ok(Destination::Icmpv6(128)));
        assert_eq!("ip/47".parse(), Ok(Destination::Protocol(47)));
    }

    #[test]
    fn icmp_belongs_to_its_family() {
        let [v4, v6] = [IpAddr::from([10, 0, 0, 7]), IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, 7])];
        for kind in [Destination::Icmp(None), Destination::Icmp(Some(8)), Destination::Protocol(47)] {
            assert_eq!((kind.of(v4), kind.of(v6)), (Ok(kind), Ok(kind)));
        }
        assert!(Destination::Icmpv4(8).of(v4).is_ok() && Destination::Icmpv4(8).of(v6).is_err());
        assert!(Destination::Icmpv6(128).of(v6).is_ok() && Destination::Icmpv6(128).of(v4).is_err());
    }

    #[test]
    fn what_is_no_destination_is_refused() {
        for text in [
            "",
            "8086",
            "tcp/8086",
            "65536/tcp",
            "-1/udp",
            "ip/256",
            "8086/TCP",
            "icmp/",
            "icmpv4",
            "icmpv6/",
        ] {
            assert_eq!(text.parse::<Destination>(), Err(QuestionError::NoPort(text.to_owned())));
        }
        for text in ["ip/1", "ip/6", "ip/17", "ip/58", "ip/132"] {
            assert_eq!(text.parse::<Destination>(), Err(QuestionError::HasName(text.to_owned())));
        }
        for text in ["ip/0", "ip/43", "ip/44", "ip/59", "ip/60"] {
            assert_eq!(text.parse::<Destination>(), Err(QuestionError::ExtensionHeader(text.to_owned())));
        }
    }
}
