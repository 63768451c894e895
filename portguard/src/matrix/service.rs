//! What a rule opens: transport ports, ICMP types, or a whole IP protocol.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

/// A protocol whose header begins with a source and a destination port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// RFC 9293.
    Tcp,
    /// RFC 768.
    Udp,
    /// RFC 9260.
    Sctp,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        })
    }
}

/// The number of `ip/47`, unless that protocol has ports or types, or is a header that other headers follow.
pub(crate) fn portless(text: &str) -> Option<u8> {
    const OTHERWISE_WRITTEN: [u8; 5] = [1, 6, 17, 58, 132];
    const EXTENSION_HEADERS: [u8; 5] = [0, 43, 44, 59, 60];
    let number: u8 = text.strip_prefix("ip/")?.parse().ok()?;
    (!OTHERWISE_WRITTEN.contains(&number) && !EXTENSION_HEADERS.contains(&number)).then_some(number)
}

/// Ports `first..=last`; `first <= last` always holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortRange {
    first: u16,
    last: u16,
}

impl PortRange {
    /// The range `first..=last`, or `None` when it is reversed.
    pub fn new(first: u16, last: u16) -> Option<Self> {
        (first <= last).then_some(Self { first, last })
    }

    /// The range that holds one port.
    pub fn single(port: u16) -> Self {
        Self { first: port, last: port }
    }

    /// The lowest port of the range.
    pub fn first(self) -> u16 {
        self.first
    }

    /// The highest port of the range; it belongs to it.
    pub fn last(self) -> u16 {
        self.last
    }

    /// Whether `port` lies in the range.
    pub fn contains(self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}-{}", self.first, self.last)
        }
    }
}

impl Serialize for PortRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A set of ports that is not empty: ranges in ascending order that neither overlap nor touch.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct PortSet(Vec<PortRange>);

impl PortSet {
    /// The union of `ranges`, or `None` when there are none.
    pub fn new(mut ranges: Vec<PortRange>) -> Option<Self> {
        ranges.sort_unstable();
        let mut merged: Vec<PortRange> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match merged.last_mut() {
                Some(previous) if u32::from(range.first) <= u32::from(previous.last) + 1 => {
                    previous.last = previous.last.max(range.last);
                }
                _ => merged.push(range),
            }
        }
        (!merged.is_empty()).then_some(Self(merged))
    }

    /// The ranges, ascending.
    pub fn ranges(&self) -> &[PortRange] {
        &self.0
    }

    /// Whether `port` lies in one of the ranges.
    pub fn contains(&self, port: u16) -> bool {
        self.0.iter().any(|range| range.contains(port))
    }

    /// The ports that are not in `other`, if there are any.
    pub fn without(&self, other: &Self) -> Option<Self> {
        let left = self.iter().filter(|&port| !other.contains(port));
        Self::new(left.map(PortRange::single).collect())
    }

    /// Each port of the set, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        self.0.iter().flat_map(|range| range.first..=range.last)
    }
}

impl fmt::Display for PortSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, range) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{range}")?;
        }
        Ok(())
    }
}

/// Which of the two ICMPs a rule speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum IcmpFamilies {
    /// Both: a document that says "ICMP" means the node's pings, whatever their address family.
    Both,
    /// RFC 792 only.
    V4,
    /// RFC 4443 only.
    V6,
}

impl IcmpFamilies {
    /// Whether ICMP for IPv4 is among them.
    pub fn v4(self) -> bool {
        matches!(self, Self::Both | Self::V4)
    }

    /// Whether ICMPv6 is among them.
    pub fn v6(self) -> bool {
        matches!(self, Self::Both | Self::V6)
    }
}

/// Which ICMP types a rule opens.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum IcmpTypes {
    /// Every type but those that an administrator must name: redirects, router advertisements for IPv4, timestamp,
    /// mask, source quench, node information (RFC 6918, RFC 6633, RFC 4890 section 4.4).
    All,
    /// These and no others.
    Listed(Vec<u8>),
}

/// What a rule opens.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// Destination ports of a transport protocol.
    Transport {
        /// The protocol.
        transport: Transport,
        /// Its destination ports.
        ports: PortSet,
    },
    /// ICMP types.
    Icmp {
        /// For IPv4, IPv6 or both.
        families: IcmpFamilies,
        /// The types.
        types: IcmpTypes,
    },
    /// A whole IP protocol by its number (a tunnel, IPsec, VRRP).
    Protocol(u8),
    /// Every port, type and protocol, in every zone, whether another rule names it or not: of the failsafe groups' rule
    /// alone.
    All,
}

impl Service {
    /// The protocol's name as the tables show it: `tcp`, `icmp`, `ip/47`.
    pub fn protocol_name(&self) -> String {
        match self {
            Self::Transport { transport, .. } => transport.to_string(),
            Self::Icmp { families: IcmpFamilies::Both, .. } => "icmp".to_owned(),
            Self::Icmp { families: IcmpFamilies::V4, .. } => "icmpv4".to_owned(),
            Self::Icmp { families: IcmpFamilies::V6, .. } => "icmpv6".to_owned(),
            Self::Protocol(number) => format!("ip/{number}"),
            Self::All => "any".to_owned(),
        }
    }

    /// The ports or types as the tables show them: `8086`, `20000-29999`, `*`.
    pub fn ports_text(&self) -> String {
        match self {
            Self::Transport { ports, .. } => ports.to_string(),
            Self::Icmp { types: IcmpTypes::Listed(types), .. } => {
                types.iter().map(u8::to_string).collect::<Vec<_>>().join(", ")
            }
            Self::Icmp { types: IcmpTypes::All, .. } | Self::Protocol(_) | Self::All => "*".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(ranges: &[(u16, u16)]) -> Option<PortSet> {
        PortSet::new(ranges.iter().filter_map(|&(first, last)| PortRange::new(first, last)).collect())
    }

    #[test]
    fn a_reversed_range_is_none() {
        assert_eq!(PortRange::new(2, 1), None);
    }

    #[test]
    fn touching_and_overlapping_ranges_become_one() {
        let ports = set(&[(20, 30), (10, 19), (25, 40), (42, 42)]).unwrap();
        assert_eq!(ports.to_string(), "10-40, 42");
        assert!(ports.contains(40) && !ports.contains(41) && ports.contains(42));
    }

    #[test]
    fn the_last_port_of_all_is_no_overflow() {
        let ports = set(&[(65535, 65535), (65534, 65535), (0, 0)]).unwrap();
        assert_eq!(ports.to_string(), "0, 65534-65535");
        assert_eq!(ports.iter().count(), 3);
    }

    #[test]
    fn what_another_set_holds_is_taken_out() {
        let ports = set(&[(10, 20), (30, 30)]).unwrap();
        assert_eq!(ports.without(&set(&[(12, 15), (30, 40)]).unwrap()).unwrap().to_string(), "10-11, 16-20");
        assert_eq!(ports.without(&set(&[(1, 40)]).unwrap()), None);
    }

    #[test]
    fn no_ports_make_no_set() {
        assert_eq!(set(&[]), None);
    }
}
