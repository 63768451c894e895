//! Host names in groups, and what is known of their addresses. Nobody is asked here: answers come in as a table.

use std::{collections::BTreeMap, fmt, net::IpAddr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A host's name, as DNS has it: small letters, no dot at the end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostName(String);

/// Why a text is no host name; the text of each says what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HostNameError {
    /// It is an address, which needs no look-up.
    #[error("this is an address: write it without \"name:\"")]
    Address,
    /// Its last part is a number, as that of a mistyped address.
    #[error("the last part of a name is no number; an address is written without \"name:\"")]
    Number,
    /// It has letters that DNS does not have.
    #[error("write the name as DNS has it, which for such letters begins with \"xn--\"")]
    Letters,
    /// It is no name.
    #[error(
        "a name has letters, digits, `-` and `_`, with dots between, for example \"name:db1.example.org\"; 253 letters at \
         most, 63 between two dots"
    )]
    Form,
}

impl HostName {
    /// The name that `text` is.
    pub fn new(text: &str) -> Result<Self, HostNameError> {
        const LONGEST: usize = 253;
        const LONGEST_PART: usize = 63;
        if text.parse::<IpAddr>().is_ok() {
            return Err(HostNameError::Address);
        }
        if !text.is_ascii() {
            return Err(HostNameError::Letters);
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let is_part = |part: &str| {
            (1..=LONGEST_PART).contains(&part.len())
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
                && !part.starts_with('-')
                && !part.ends_with('-')
        };
        if name.len() > LONGEST || !name.split('.').all(is_part) {
            return Err(HostNameError::Form);
        }
        let last = name.rsplit('.').next().unwrap_or_default();
        if last.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(HostNameError::Number);
        }
        Ok(Self(name))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for HostName {
    type Error = HostNameError;

    fn try_from(text: String) -> Result<Self, HostNameError> {
        Self::new(&text)
    }
}

impl From<HostName> for String {
    fn from(name: HostName) -> Self {
        name.0
    }
}

/// What is known of a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Its addresses by the last answer that there was, ascending.
    pub addresses: Vec<IpAddr>,
    /// Why there was no answer when it was last asked.
    pub failure: Option<String>,
}

/// What is known of all names of a site.
pub type Answers = BTreeMap<HostName, Answer>;

/// Whether an address can be a peer's. Those that no packet from outside may have for its source are in no group by
/// whatever answer: "this network", loopback, multicast, reserved, IPv4-mapped.
pub fn can_be_peer(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => matches!(address.octets()[0], 1..=126 | 128..=223),
        IpAddr::V6(address) => {
            !address.is_unspecified()
                && !address.is_loopback()
                && !address.is_multicast()
                && address.to_ipv4_mapped().is_none()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_dns_has_them() {
        for (text, name) in [
            ("db1.example.org", "db1.example.org"),
            ("DB1.Example.ORG.", "db1.example.org"),
            ("localhost", "localhost"),
            ("_node.10.example", "_node.10.example"),
            ("1.2.3.x4", "1.2.3.x4"),
        ] {
            assert_eq!(HostName::new(text).map(String::from), Ok(name.to_owned()));
        }
    }

    #[test]
    fn a_mistyped_address_is_no_name() {
        for text in ["10.0.0.300", "10.0.0", "10", "010.0.0.1", "1.2.3.4.5"] {
            assert_eq!(HostName::new(text), Err(HostNameError::Number), "{text}");
        }
        assert_eq!(HostName::new("10.0.0.1"), Err(HostNameError::Address));
        assert_eq!(HostName::new("2001:db8::1"), Err(HostNameError::Address));
        let long = "a".repeat(64);
        let deep = ["abc"; 64].join(".");
        for text in ["", ".", "a..b", "-a", "a-.b", "a b", "*.example.org", "10.0.0.0/8", &long, &deep] {
            assert_eq!(HostName::new(text), Err(HostNameError::Form), "{text}");
        }
        assert_eq!(HostName::new("bücher.example"), Err(HostNameError::Letters));
    }

    #[test]
    fn no_answer_widens_a_group_by_addresses_that_no_peer_has() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "127.0.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "::",
            "::1",
            "ff02::1",
            "::ffff:10.0.0.1",
        ] {
            assert!(!can_be_peer(text.parse().unwrap()), "{text}");
        }
        for text in ["10.0.0.1", "198.51.100.7", "2001:db8::1", "fe80::1", "fd00::1"] {
            assert!(can_be_peer(text.parse().unwrap()), "{text}");
        }
    }
}
