//! What the node may connect to, by which line of which document; and what becomes of the rest.

use serde::Serialize;

use super::{GroupInForce, accepts::named_groups};
use crate::matrix::{Matrix, Outbound, Row, Rule};

/// What a site that judges what leaves lets the node open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reaches {
    /// Its mode and posture.
    #[serde(flatten)]
    pub outbound: Outbound,
    /// The rules for what the node opens.
    pub rules: Vec<Row>,
    /// The groups that they name, and the failsafe ones.
    pub groups: Vec<GroupInForce>,
    /// The groups that the node reaches whatever they say.
    pub failsafe: Vec<String>,
}

impl Reaches {
    /// What `rules`, the outbound ones of `matrix`, let the node open; `None` where the site does not judge what leaves.
    pub(super) fn new(matrix: &Matrix, rules: Vec<Row>) -> Option<Self> {
        let outbound = matrix.outbound?;
        let failsafe = matrix.failsafe().map(Rule::groups).unwrap_or_default();
        let failsafe: Vec<String> =
            failsafe.into_iter().map(|group| matrix.group(group).name.clone()).collect();
        let groups = named_groups(matrix, &rules, &failsafe);
        Some(Self { outbound, rules, groups, failsafe })
    }
}
