//! The types of a checked policy.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::{Parameter, PortExpression, Setting, Settings};
use crate::matrix::{Direction, IcmpFamilies, Transport};

/// The role that every policy has without declaring it: the node itself.
pub const SELF: &str = "self";

/// A document as data. Every name in it resolves, and its ports can be computed with its defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The name that sites use.
    pub name: String,
    /// The product's name.
    pub title: String,
    /// The document's file name.
    pub document: String,
    /// Whether a site must say which profiles a node has.
    pub profile_choice: ProfileChoice,
    /// The kinds of peers, by name.
    pub roles: BTreeMap<String, Role>,
    /// What an administrator may change, by name.
    pub parameters: BTreeMap<String, Parameter>,
    /// The kinds of nodes, by name.
    pub profiles: BTreeMap<String, Declared>,
    /// The kinds of interfaces, by name.
    pub zones: BTreeMap<String, Declared>,
    /// The rules, in the order of the file.
    pub rules: Vec<Rule>,
}

impl Policy {
    /// The settings of a node whose administrator changed nothing.
    pub fn defaults(&self) -> Settings {
        self.parameters.iter().map(|(name, parameter)| (name.clone(), parameter.default.clone())).collect()
    }
}

/// Where something stands in the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The heading it stands under.
    pub section: String,
    /// The lines that say it, counted from 1, the principal one first; never empty.
    pub lines: Vec<u32>,
}

/// Whether the document says it or the policy had to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// The document says it.
    Documented,
    /// The document leaves it open.
    Inferred,
}

/// How far a role or a port may be exposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// As far as the site likes.
    Anywhere,
    /// Not beyond the cluster: binding it to the whole internet is worth a warning.
    ClusterOnly,
}

/// A kind of peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Who it is, in words.
    pub meaning: String,
    /// Where the document speaks of it.
    pub place: Place,
    /// Whether the document names it.
    pub basis: Basis,
    /// Its addresses, where the document fixes them; a site then cannot bind it.
    pub addresses: Option<Vec<IpNet>>,
    /// How far it may be exposed.
    pub reach: Reach,
}

/// A profile or a zone that the document knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// What it is, in words.
    pub meaning: String,
    /// The line of the document that speaks of it.
    pub line: u32,
}

/// Whether a site must say which profiles a node has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfileChoice {
    /// A site that names none means all of them.
    All,
    /// A node has some and not others; a site must name them.
    Required,
}

/// The protocol of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// TCP, UDP or SCTP; the rule's ports are port numbers.
    Transport(Transport),
    /// ICMP; the rule's ports are types.
    Icmp(IcmpFamilies),
    /// An IP protocol without ports, by its number.
    Ip(u8),
}

/// What must hold for a rule to be switched on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Condition {
    /// The parameter that is looked at.
    pub parameter: String,
    /// What it must be.
    pub test: Test,
}

/// What a parameter must be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Test {
    /// A truth value with this value.
    Flag(bool),
    /// A choice that fell on this.
    Is(String),
    /// A choice that fell on anything else.
    IsNot(String),
}

impl Condition {
    /// Whether it holds under `settings`.
    pub fn holds(&self, settings: &Settings) -> bool {
        match (settings.get(&self.parameter), &self.test) {
            (Some(Setting::Flag(flag)), Test::Flag(wanted)) => flag == wanted,
            (Some(Setting::Choice(choice)), Test::Is(wanted)) => choice == wanted,
            (Some(Setting::Choice(choice)), Test::IsNot(wanted)) => choice != wanted,
            _ => false,
        }
    }
}

/// A row of the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name in the policy.
    pub id: String,
    /// Its ports, or ICMP types.
    pub ports: Vec<PortExpression>,
    /// Its protocol.
    pub protocol: Protocol,
    /// Who opens the connection.
    pub direction: Direction,
    /// The roles at the other end; `self` is the node.
    pub peers: Vec<String>,
    /// Of an inbound rule: the roles to whose same ports the node connects as well, since they run the same service.
    pub reaches: Vec<String>,
    /// What must hold, all of it, for the rule to be switched on.
    pub when: Vec<Condition>,
    /// The profiles it belongs to; empty means every node.
    pub profiles: Vec<String>,
    /// The zones it holds on; empty means all.
    pub zones: Vec<String>,
    /// Its place in the document.
    pub place: Place,
    /// The document's own words for who may reach the port, shortened.
    pub says: String,
    /// What the port is for.
    pub description: String,
    /// How far the document lets it be exposed.
    pub reach: Reach,
    /// The fields that the document leaves open.
    pub inferred: Vec<String>,
    /// Why they are what they are.
    pub why: Option<String>,
}
