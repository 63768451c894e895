//! What the node accepts, by which line of which document; and whether that is what is in force.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{InForce, Reaches};
use crate::matrix::{self, Direction, Matrix, Mode, Posture, Row};

/// What a site lets in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Accepts {
    /// Where it was read.
    pub origin: Origin,
    /// The digest of the image that it compiles to on the machine that made the report.
    pub digest: Option<String>,
    /// Whether it is what is in force.
    pub proof: Proof,
    /// `observe` or `enforce`.
    pub mode: Mode,
    /// What happens to ports that no rule names.
    pub posture: Posture,
    /// The rules for what comes in.
    pub rules: Vec<Row>,
    /// The groups that they name.
    pub groups: Vec<GroupInForce>,
    /// What the node may connect to; `None`: what leaves is not filtered.
    pub reaches: Option<Reaches>,
}

/// Where a site was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "kind", content = "file")]
pub enum Origin {
    /// The state directory: the words of the site as they were put in force, whatever has become of the files since.
    Kept,
    /// A site file.
    File(String),
}

/// Whether a site is what is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Proof {
    /// It compiles to the very image that is in force.
    Same,
    /// It compiles to another image here.
    Other,
    /// Nobody knows the digest of what is in force.
    Unknown,
}

/// A group and who is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GroupInForce {
    /// Its name.
    pub name: String,
    /// Its addresses.
    pub addresses: Vec<String>,
}

impl Accepts {
    /// What `matrix` lets in, which compiles to the image with `digest`.
    pub fn new(matrix: &Matrix, digest: Option<String>, origin: Origin, in_force: &InForce) -> Self {
        let (rules, outbound): (Vec<Row>, Vec<Row>) =
            matrix::rows(matrix).into_iter().partition(|row| row.direction == Direction::In);
        let groups = named_groups(matrix, &rules, &[]);
        let reaches = Reaches::new(matrix, outbound);
        let proof = match (&digest, &in_force.generation) {
            (Some(here), Some(there)) if *here == there.digest => Proof::Same,
            (Some(_), Some(_)) => Proof::Other,
            _ => Proof::Unknown,
        };
        Self { origin, digest, proof, mode: matrix.mode, posture: matrix.posture, rules, groups, reaches }
    }

    /// Where it comes from and what that proves, in sentences.
    pub fn says(&self) -> String {
        let from = match &self.origin {
            Origin::Kept => {
                "Read from the state directory, where the daemon keeps word for word what it put in force."
                    .to_owned()
            }
            Origin::File(file) => format!("Read from {file}."),
        };
        let proof = match self.proof {
            Proof::Same => "It compiles to the very digest that is in force.",
            Proof::Other => {
                "It does NOT compile to the digest that is in force: it is another site, or this is another machine (a digest \
                 covers the node's own addresses, and whether it forwards)."
            }
            Proof::Unknown => "Whether it is what is in force was not to be found out.",
        };
        format!("{from} {proof}")
    }
}

/// The groups of `matrix` that `rules` name, and those of `also`.
pub(super) fn named_groups(matrix: &Matrix, rules: &[Row], also: &[String]) -> Vec<GroupInForce> {
    let named = rules.iter().flat_map(|row| &row.peers).flat_map(|peer| &peer.groups);
    let named: BTreeSet<&str> = named.chain(also).map(String::as_str).collect();
    let is_named = |name: &str| named.contains(name);
    let groups = matrix.groups.iter().filter(|group| is_named(&group.name)).map(|group| GroupInForce {
        name: group.name.clone(),
        addresses: group.prefixes.iter().map(crate::reading::short_prefix).collect(),
    });
    groups.collect()
}
