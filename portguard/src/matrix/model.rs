//! The types of a resolved site.

use std::fmt;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Attach, Dormant, OutboundAttach, pattern::narrowest, service::Service};

/// Whether the filter only counts what it would drop, or drops it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Count what would be dropped and let it pass.
    Observe,
    /// Drop it.
    Enforce,
}

/// What happens to traffic that no document names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Posture {
    /// It passes: only documented ports are guarded.
    Pass,
    /// It drops: only documented ports are open.
    Drop,
}

/// Whose later fragments come in, which tell no port: under posture `drop`, for under the other one everybody's do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fragments {
    /// Of those whom a rule admits to something of their protocol.
    #[default]
    Admitted,
    /// Of anybody.
    Anybody,
}

impl fmt::Display for Fragments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Admitted => "admitted",
            Self::Anybody => "anybody",
        })
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Observe => "observe",
            Self::Enforce => "enforce",
        })
    }
}

impl fmt::Display for Posture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pass => "pass",
            Self::Drop => "drop",
        })
    }
}

/// Which way a rule's connections are opened, seen from the node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// The peer connects to the node.
    #[default]
    In,
    /// The node connects to the peer.
    Out,
}

impl Direction {
    /// `in` or `out`.
    pub fn name(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

/// What becomes of what leaves. A site that does not say has none of it: everything leaves, and no program looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outbound {
    /// Observe or enforce, whatever holds inbound.
    pub mode: Mode,
    /// What happens to what no outbound rule names.
    pub posture: Posture,
    /// How the program is put where packets leave.
    #[serde(default)]
    pub attach: OutboundAttach,
}

macro_rules! index_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(u32);

        impl $name {
            /// The id of the item at `index` of its list in the matrix.
            ///
            /// # Panics
            /// When `index` does not fit in 32 bits.
            pub fn new(index: usize) -> Self {
                Self(u32::try_from(index).expect("no list of a matrix has four billion items"))
            }

            /// The position in the matrix's list.
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

index_type!(
    /// The position of a zone in [`Matrix::zones`].
    ZoneId
);
index_type!(
    /// The position of a group in [`Matrix::groups`].
    GroupId
);
index_type!(
    /// The position of a rule in [`Matrix::rules`].
    RuleId
);

/// A named kind of interface. A site that names none has one, called `default`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Zone {
    /// Its name in the site file.
    pub name: String,
}

/// A network interface that the site guards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Interface {
    /// The kernel's name for it, or a pattern that matches several ([`super::is_pattern`]).
    pub name: String,
    /// The zone it belongs to.
    pub zone: ZoneId,
    /// How the program is put on it.
    pub attach: Attach,
    /// Whether the node gets this interface's address by DHCP, so that DHCP's answers must pass.
    pub dhcp: bool,
}

/// A set of addresses with a name. Prefixes are in canonical form (no host bits), sorted, without duplicates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Its name in the site file; for addresses that a document fixes, `policy:role`; for the whole internet, `any`.
    pub name: String,
    /// Its addresses. Empty admits nobody.
    pub prefixes: Vec<IpNet>,
}

/// Who a rule admits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Peer {
    /// The role as the document (or, in a site's own rule, the group's name) says it.
    pub role: String,
    /// Who that is on this site.
    pub kind: PeerKind,
}

/// Who a role is on this site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PeerKind {
    /// The node itself: nobody may come in over an interface that the filter guards.
    Node,
    /// The members of these groups; an empty list admits nobody.
    Groups(Vec<GroupId>),
}

/// Where a rule comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Origin {
    /// A row or a bullet of a vendor's document.
    Document {
        /// The product's name in the site file.
        product: String,
        /// The policy's name.
        policy: String,
        /// The rule's name in the policy.
        rule: String,
        /// The document's file name.
        document: String,
        /// The heading the row stands under.
        section: String,
        /// The row's line in the document, counted from 1.
        line: u32,
        /// The document's own words for who may reach the port, shortened.
        says: String,
        /// The fields that the document leaves open, so that the policy had to choose (`from`, `protocol`); empty
        /// when every field is documented.
        inferred: Vec<String>,
    },
    /// A rule of the site's own.
    Site {
        /// Its name in the site file.
        rule: String,
        /// Its line in the site file, counted from 1.
        line: u32,
    },
    /// The site's `failsafe`.
    Failsafe {
        /// Its line in the site file, counted from 1.
        line: u32,
    },
}

impl Origin {
    /// The rule's full name: `redis-enterprise/rest-api`. Two products that follow one policy share it;
    /// [`Matrix::name`] tells them apart.
    pub fn name(&self) -> String {
        match self {
            Self::Document { policy, rule, .. } => format!("{policy}/{rule}"),
            Self::Site { rule, .. } => format!("site/{rule}"),
            Self::Failsafe { .. } => "failsafe".to_owned(),
        }
    }

    /// Where it is written: `redis-enterprise.md:33`.
    pub fn place(&self) -> String {
        match self {
            Self::Document { document, line, .. } => format!("{document}:{line}"),
            Self::Site { line, .. } | Self::Failsafe { line } => format!("site file:{line}"),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.place())
    }
}

/// One rule with everything resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Where it comes from.
    pub origin: Origin,
    /// What the port is for, as the tables show it.
    pub description: String,
    /// Who opens the connection.
    pub direction: Direction,
    /// What it opens.
    pub service: Service,
    /// The zones it holds on, ascending; never empty.
    pub zones: Vec<ZoneId>,
    /// Who may reach it.
    pub peers: Vec<Peer>,
}

impl Rule {
    /// The groups that the rule admits, ascending, each once.
    pub fn groups(&self) -> Vec<GroupId> {
        let mut groups: Vec<GroupId> = self
            .peers
            .iter()
            .flat_map(|peer| match &peer.kind {
                PeerKind::Node => &[][..],
                PeerKind::Groups(groups) => groups,
            })
            .copied()
            .collect();
        groups.sort_unstable();
        groups.dedup();
        groups
    }
}

/// Policies and site, resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Matrix {
    /// Observe or enforce.
    pub mode: Mode,
    /// What happens to what no rule names.
    pub posture: Posture,
    /// What happens to what no rule admits and the node sends on to others.
    pub transit: Posture,
    /// Whose later fragments come in under posture `drop`.
    pub fragments: Fragments,
    /// What happens to what leaves; none where nothing judges it.
    pub outbound: Option<Outbound>,
    /// Whether it is noted who was dropped.
    pub details: bool,
    /// The zones; never empty.
    pub zones: Vec<Zone>,
    /// The guarded interfaces.
    pub interfaces: Vec<Interface>,
    /// The groups that rules refer to.
    pub groups: Vec<Group>,
    /// The rules, in the order of the site file and, within a product, of its policy; the failsafe groups' last.
    pub rules: Vec<Rule>,
    /// What was declared and has no effect.
    pub dormant: Dormant,
}

impl Matrix {
    /// A rule's name and place for people.
    pub fn cite(&self, origin: &Origin) -> String {
        format!("{} ({})", self.name(origin), origin.place())
    }

    /// A rule's name for people: with its product, where several follow the same policy.
    pub fn name(&self, origin: &Origin) -> String {
        let Origin::Document { product, policy, .. } = origin else { return origin.name() };
        let twin = self.rules.iter().any(|rule| match &rule.origin {
            Origin::Document { product: other, policy: followed, .. } => {
                followed == policy && other != product
            }
            Origin::Site { .. } | Origin::Failsafe { .. } => false,
        });
        if twin { format!("{product}: {}", origin.name()) } else { origin.name() }
    }

    /// The interface of the site that holds for the interface that the kernel calls `name`.
    pub fn interface_for(&self, name: &str) -> Option<&Interface> {
        narrowest(&self.interfaces, |interface| &interface.name, name)
    }

    /// Whether rules of `direction` are kept: inbound ones always, outbound ones where the site judges what leaves.
    pub fn enforces(&self, direction: Direction) -> bool {
        direction == Direction::In || self.outbound.is_some()
    }

    /// The failsafe groups' rule, if there are any.
    pub fn failsafe(&self) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.service == Service::All)
    }

    /// The group with this id.
    pub fn group(&self, id: GroupId) -> &Group {
        &self.groups[id.index()]
    }

    /// The zone with this id.
    pub fn zone(&self, id: ZoneId) -> &Zone {
        &self.zones[id.index()]
    }

    /// The rule with this id.
    pub fn rule(&self, id: RuleId) -> &Rule {
        &self.rules[id.index()]
    }
}
