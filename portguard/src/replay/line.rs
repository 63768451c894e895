//! What is said of one packet.

use std::{fmt, net::IpAddr};

use serde::Serialize;

use super::ends::Aim;
use crate::matrix::Direction;

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It goes on to the stack.
    Pass,
    /// It goes no further; in mode `observe` it is counted and goes on.
    Drop,
    /// The filter never sees it, or the capture does not hold what the verdict rests on.
    Skipped,
}

impl Verdict {
    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Drop => "drop",
            Self::Skipped => "skipped",
        }
    }
}

/// The answer to one packet, as a line of JSON has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Line<'a> {
    /// The packet's number in the capture, from 1.
    pub index: u64,
    /// What becomes of it.
    pub verdict: Verdict,
    /// The reason's name; of a packet that is skipped, why.
    pub reason: &'static str,
    /// The policy of the rule; none for a rule of the site's own.
    pub policy: Option<&'a str>,
    /// The rule that admits the packet, or the first of those that name the port and do not admit the source.
    pub rule: Option<&'a str>,
    /// The rule's line in the document, or in the site file.
    pub line: Option<u32>,
    /// `out` of a packet that leaves and is judged; else left out.
    #[serde(skip_serializing_if = "is_in")]
    pub direction: Direction,
    /// The source's address, of a packet that leaves the destination's, where it can be read.
    pub from: Option<IpAddr>,
    /// What it wants, where that can be read: a port, a type of ICMP, a protocol.
    pub(super) to: Option<Aim>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde calls takes a reference")]
fn is_in(direction: &Direction) -> bool {
    *direction == Direction::In
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { index, verdict, reason, policy, rule, line: _, direction, from, to } = self;
        let from = from.map_or_else(|| "-".to_owned(), |from| from.to_string());
        let to = to.map_or_else(|| "-".to_owned(), |to| to.to_string());
        let way = match direction {
            Direction::In => format!("{from} -> {to}"),
            Direction::Out => format!("this node -> {from} {to}"),
        };
        write!(f, "{index:>8}  {:<7}  {reason:<21}  {way}", verdict.name())?;
        match (policy, rule) {
            (Some(policy), Some(rule)) => write!(f, "  {policy}/{rule}"),
            (None, Some(rule)) => write!(f, "  site/{rule}"),
            (_, None) => Ok(()),
        }
    }
}
