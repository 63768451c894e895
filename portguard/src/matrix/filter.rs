//! Which rules of a matrix somebody wants to see.

use std::{collections::BTreeSet, str::FromStr};

use thiserror::Error;

use super::{GroupId, Matrix, Origin, Rule, Service, Transport};
use crate::reading::closest;

/// What is wanted: of each kind any of those that are named, and of every kind that is named.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    ports: Vec<PortFilter>,
    groups: Option<BTreeSet<GroupId>>,
    products: BTreeSet<String>,
}

/// `8086`, `8086/tcp`, `icmp`, `ip/47`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortFilter {
    /// A port, of any transport unless one is named.
    Port(Option<Transport>, u16),
    /// Every type of either ICMP.
    Icmp,
    /// An IP protocol.
    Protocol(u8),
}

impl FromStr for PortFilter {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "write a port such as 8086 or 8086/tcp, icmp, or a protocol such as ip/47";
        let (port, transport) = match text.split_once('/') {
            None if text == "icmp" => return Ok(Self::Icmp),
            Some(("ip", number)) => return number.parse().map(Self::Protocol).map_err(|_| wrong),
            None => (text, None),
            Some((port, "tcp")) => (port, Some(Transport::Tcp)),
            Some((port, "udp")) => (port, Some(Transport::Udp)),
            Some((port, "sctp")) => (port, Some(Transport::Sctp)),
            Some(_) => return Err(wrong),
        };
        port.parse().map(|port| Self::Port(transport, port)).map_err(|_| wrong)
    }
}

impl PortFilter {
    pub(super) fn keeps(self, service: &Service) -> bool {
        match (self, service) {
            (Self::Port(wanted, port), Service::Transport { transport, ports }) => {
                wanted.is_none_or(|wanted| wanted == *transport) && ports.contains(port)
            }
            (Self::Icmp, Service::Icmp { .. }) | (_, Service::All) => true,
            (Self::Protocol(wanted), Service::Protocol(number)) => wanted == *number,
            (Self::Port(..) | Self::Icmp | Self::Protocol(_), _) => false,
        }
    }
}

/// A name that the site does not know.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("this site has no {kind} `{name}`{}; {}", suggestion(nearest.as_deref()), listed(kind, known))]
pub struct Unknown {
    kind: &'static str,
    name: String,
    nearest: Option<String>,
    known: Vec<String>,
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map_or(String::new(), |name| format!(", did you mean `{name}`?"))
}

fn listed(kind: &str, known: &[String]) -> String {
    match known {
        [] => format!("it has no {kind}s"),
        known => format!("its {kind}s are {}", known.join(", ")),
    }
}

impl Filter {
    /// What of `matrix` is wanted; a name that it does not know is an error.
    pub fn new(
        matrix: &Matrix,
        ports: &[PortFilter],
        groups: &[String],
        products: &[String],
    ) -> Result<Self, Unknown> {
        let idle = matrix.dormant.groups.iter();
        let known: BTreeSet<&str> =
            matrix.groups.iter().chain(idle).map(|group| group.name.as_str()).collect();
        check("group", groups, &known)?;
        let origins = matrix.rules.iter().map(|rule| &rule.origin);
        let dormant = matrix.dormant.rules.iter().map(|rule| &rule.origin);
        let known: BTreeSet<&str> = origins.chain(dormant).filter_map(product).collect();
        check("product", products, &known)?;
        let wanted = |name: &String| groups.contains(name);
        let ids = matrix.groups.iter().enumerate().filter(|(_, group)| wanted(&group.name));
        Ok(Self {
            ports: ports.to_vec(),
            groups: (!groups.is_empty()).then(|| ids.map(|(index, _)| GroupId::new(index)).collect()),
            products: products.iter().cloned().collect(),
        })
    }

    /// Whether `rule` is wanted.
    pub fn keeps(&self, rule: &Rule) -> bool {
        self.keeps_service(&rule.service) && self.keeps_groups(rule) && self.keeps_product(rule)
    }

    fn keeps_service(&self, service: &Service) -> bool {
        self.ports.is_empty() || self.ports.iter().any(|port| port.keeps(service))
    }

    pub(super) fn keeps_groups(&self, rule: &Rule) -> bool {
        self.groups.as_ref().is_none_or(|wanted| rule.groups().iter().any(|group| wanted.contains(group)))
    }

    pub(super) fn keeps_product(&self, rule: &Rule) -> bool {
        self.products.is_empty() || product(&rule.origin).is_some_and(|name| self.products.contains(name))
    }

    /// The ports that are wanted; none where all are.
    pub(super) fn ports(&self) -> &[PortFilter] {
        &self.ports
    }
}

fn product(origin: &Origin) -> Option<&str> {
    match origin {
        Origin::Document { product, .. } => Some(product),
        Origin::Site { .. } | Origin::Failsafe { .. } => None,
    }
}

fn check(kind: &'static str, names: &[String], known: &BTreeSet<&str>) -> Result<(), Unknown> {
    let Some(unknown) = names.iter().find(|name| !known.contains(name.as_str())) else { return Ok(()) };
    Err(Unknown {
        kind,
        name: unknown.clone(),
        nearest: closest(unknown, known.iter().copied()).map(str::to_owned),
        known: known.iter().map(|&name| name.to_owned()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_wanted_of_every_transport_unless_one_is_named() {
        assert_eq!("8086".parse(), Ok(PortFilter::Port(None, 8086)));
        assert_eq!("53/udp".parse(), Ok(PortFilter::Port(Some(Transport::Udp), 53)));
        assert_eq!("icmp".parse(), Ok(PortFilter::Icmp));
        assert_eq!("ip/47".parse(), Ok(PortFilter::Protocol(47)));
        for text in ["", "tcp", "8086/http", "70000", "8000-8001", "ip/300"] {
            assert!(text.parse::<PortFilter>().is_err(), "{text}");
        }
    }
}
