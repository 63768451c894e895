//! The matrix as people and programs read it: one row a rule, everything in it spelled out.

use serde::Serialize;

use super::{Direction, Filter, Matrix, Origin, PeerKind, Rule};

/// A rule, spelled out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Ports or ICMP types: `8070-8071`, `*`.
    pub ports: String,
    /// The protocol: `tcp`, `icmp`, `ip/47`.
    pub protocol: String,
    /// Who opens the connection.
    pub direction: Direction,
    /// Whether it is kept: inbound rules are, outbound ones where the site judges what leaves.
    pub enforced: bool,
    /// The zones it holds on.
    pub zones: Vec<String>,
    /// Who may be the other end.
    pub peers: Vec<PeerView>,
    /// What the port is for.
    pub description: String,
    /// The product's name; none for a rule of the site's own.
    pub product: Option<String>,
    /// The policy's name; none for a rule of the site's own.
    pub policy: Option<String>,
    /// The rule's name.
    pub rule: String,
    /// The document's file name; none for a rule of the site's own.
    pub document: Option<String>,
    /// The heading of the document.
    pub section: Option<String>,
    /// The line in the document; of a rule of the site's own in the site file.
    pub line: u32,
    /// The document's words for who may reach the port.
    pub says: Option<String>,
    /// What the document leaves open.
    pub inferred: Vec<String>,
    /// The rule's name for people.
    #[serde(skip)]
    pub name: String,
}

/// A role and who that is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PeerView {
    /// The role, or in a site's own rule the group.
    pub role: String,
    /// Whether it is the node itself, so that nobody may come in over an interface.
    pub this_node: bool,
    /// The groups that play the role; none admits nobody.
    pub groups: Vec<String>,
}

impl Row {
    /// The rule's full name, with its product where several follow one policy: `redis-enterprise/rest-api`.
    pub fn rule_name(&self) -> &str {
        &self.name
    }

    /// Where it is written: `redis-enterprise.md:33`.
    pub fn place(&self) -> String {
        format!("{}:{}", self.document.as_deref().unwrap_or("site file"), self.line)
    }
}

/// The rows of the matrix, in its order.
pub fn rows(matrix: &Matrix) -> Vec<Row> {
    rows_kept(matrix, &Filter::default())
}

/// The rows of the matrix that `filter` keeps, in its order.
pub fn rows_kept(matrix: &Matrix, filter: &Filter) -> Vec<Row> {
    let kept = matrix.rules.iter().filter(|rule| filter.keeps(rule));
    kept.map(|rule| row(matrix, rule)).collect()
}

fn row(matrix: &Matrix, rule: &Rule) -> Row {
    let Rule { origin, description, direction, service, zones, peers } = rule;
    let peers = peers.iter().map(|peer| PeerView {
        role: peer.role.clone(),
        this_node: peer.kind == PeerKind::Node,
        groups: match &peer.kind {
            PeerKind::Node => Vec::new(),
            PeerKind::Groups(groups) => {
                groups.iter().map(|&group| matrix.group(group).name.clone()).collect()
            }
        },
    });
    let row = Row {
        ports: service.ports_text(),
        protocol: service.protocol_name(),
        direction: *direction,
        enforced: matrix.enforces(*direction),
        zones: zones.iter().map(|&zone| matrix.zone(zone).name.clone()).collect(),
        peers: peers.collect(),
        description: description.clone(),
        product: None,
        policy: None,
        rule: String::new(),
        document: None,
        section: None,
        line: 0,
        says: None,
        inferred: Vec::new(),
        name: matrix.name(origin),
    };
    with_origin(row, origin)
}

fn with_origin(row: Row, origin: &Origin) -> Row {
    match origin.clone() {
        Origin::Site { rule, line } => Row { rule, line, ..row },
        Origin::Failsafe { line } => Row { rule: origin.name(), line, ..row },
        Origin::Document { product, policy, rule, document, section, line, says, inferred } => Row {
            product: Some(product),
            policy: Some(policy),
            rule,
            document: Some(document),
            section: Some(section),
            line,
            says: Some(says),
            inferred,
            ..row
        },
    }
}
