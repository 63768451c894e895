//! What a site may lack: sources that talk to documented ports and are in no group, and ports that are used and undocumented.
//!
//! Takes what was dropped, or would have been, and the site as it is; gives lines for the site file with what speaks for them.
//! Nothing is applied: it is for a person to judge. What looks like a scan, or was seen too seldom, is told apart.

mod draft;
mod paste;
mod prefixes;
mod roles;
mod sift;
mod text;

use std::{collections::BTreeSet, net::IpAddr};

use ipnet::IpNet;
use serde::Serialize;

pub use paste::{PasteError, paste};
pub use sift::{SetAside, Why};

use crate::{
    audit::{Drops, Span},
    compile::Image,
    matrix::{Direction, Matrix, PortRange},
    observe::UndocumentedRow,
};

/// What is to be known to suggest anything.
#[derive(Clone, Copy, Debug)]
pub struct Grounds<'a> {
    /// The site.
    pub matrix: &'a Matrix,
    /// The site compiled.
    pub image: &'a Image,
    /// What was dropped, or would have been.
    pub drops: &'a Drops,
    /// What the daemon has counted at undocumented ports, where it answers.
    pub counted: &'a [UndocumentedRow],
    /// The ports that the node's own connections have.
    pub ephemeral: PortRange,
    /// How many addresses that were not seen a prefix may hold.
    pub widen: u32,
}

/// What a site may lack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Suggestions {
    /// The period.
    pub span: Span,
    /// The days of it that are told by their loudest sources only.
    pub by_loudest: u64,
    /// Groups for roles that documents have.
    pub joins: Vec<Join>,
    /// Rules for ports that no document names.
    pub rules: Vec<RuleDraft>,
    /// What is not suggested.
    pub set_aside: Vec<SetAside>,
    /// Undocumented ports at which packets pass by the posture. Who sends them is not recorded.
    pub open: Vec<OpenPort>,
}

/// A group that would play a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Join {
    /// The product's name on the site.
    pub product: String,
    /// The role.
    pub role: String,
    /// The groups that play it now.
    pub bound: Vec<String>,
    /// How many ports the role opens.
    pub opens: usize,
    /// The other roles that would do.
    pub others: Vec<String>,
    /// The group.
    pub group: Members,
}

/// A rule of the site's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleDraft {
    /// Its name.
    pub name: String,
    /// Its ports, as a site writes them.
    pub ports: Vec<String>,
    /// Where it holds; empty: everywhere.
    pub zones: Vec<String>,
    /// The group that it admits.
    pub group: Members,
}

/// A new group, and what was seen of its members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Members {
    /// Its name.
    pub name: String,
    /// Its addresses.
    pub addresses: Vec<IpNet>,
    /// How many addresses it holds that were not seen.
    pub unseen: u64,
    /// The evidence.
    pub seen: Vec<Seen>,
}

/// What was seen of one source at one port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Seen {
    /// The source.
    pub source: IpAddr,
    /// The zone.
    pub zone: String,
    /// The port.
    pub port: String,
    /// The rules that name it, each with its line in the document.
    pub rules: Vec<String>,
    /// The packets that were dropped, or would have been.
    pub packets: u64,
    /// When the first came, in milliseconds since 1970.
    pub first: u64,
    /// When the last came.
    pub last: u64,
}

/// An undocumented port that the posture leaves open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OpenPort {
    /// The port.
    pub port: String,
    /// The packets that passed since the filter was put on.
    pub passed: u64,
}

impl Suggestions {
    /// What speaks for what, by all that is known. The same grounds give the same suggestions in the same order.
    pub fn new(grounds: &Grounds<'_>) -> Self {
        let sifted = sift::sift(grounds);
        let mut names = Names::of(grounds.matrix);
        let (joins, homeless) = roles::joins(grounds, sifted.documented, &mut names);
        let rules = draft::rules(grounds, sifted.undocumented.into_iter().chain(homeless), &mut names);
        let inbound = grounds.counted.iter().filter(|row| row.direction == Direction::In);
        let open = inbound.filter(|row| row.counted.passed.packets > 0);
        let open = open.map(|row| OpenPort { port: row.port.clone(), passed: row.counted.passed.packets });
        Self {
            span: grounds.drops.span,
            by_loudest: grounds.drops.by_loudest,
            joins,
            rules,
            set_aside: sifted.set_aside,
            open: if grounds.matrix.posture == crate::matrix::Posture::Pass {
                open.collect()
            } else {
                Vec::new()
            },
        }
    }

    /// Whether there is nothing to suggest.
    pub fn is_empty(&self) -> bool {
        self.joins.is_empty() && self.rules.is_empty()
    }

    /// All groups that are suggested.
    pub fn groups(&self) -> impl Iterator<Item = &Members> {
        self.joins.iter().map(|join| &join.group).chain(self.rules.iter().map(|rule| &rule.group))
    }
}

/// Names that are taken.
struct Names(BTreeSet<String>);

impl Names {
    fn of(matrix: &Matrix) -> Self {
        let groups = matrix.groups.iter().chain(&matrix.dormant.groups).map(|group| group.name.clone());
        let rules = matrix.rules.iter().filter_map(|rule| match &rule.origin {
            crate::matrix::Origin::Site { rule, .. } => Some(rule.clone()),
            crate::matrix::Origin::Document { .. } | crate::matrix::Origin::Failsafe { .. } => None,
        });
        Self(groups.chain(rules).collect())
    }

    /// `wished`, or that with a number.
    fn take(&mut self, wished: &str) -> String {
        /// Names may be longer; with a number they must not.
        const LONGEST: usize = 56;
        let wished = &wished[..wished.floor_char_boundary(LONGEST)];
        let numbered = (2..).map(|number| format!("{wished}-{number}"));
        let mut names = std::iter::once(wished.to_owned()).chain(numbered);
        let name = names.find(|name| !self.0.contains(name)).unwrap_or_default();
        self.0.insert(name.clone());
        name
    }
}

fn members(name: String, widen: u32, mut seen: Vec<Seen>) -> Members {
    seen.sort();
    let sources: BTreeSet<IpAddr> = seen.iter().map(|seen| seen.source).collect();
    let (addresses, unseen) = prefixes::summarise(&sources, widen);
    Members { name, addresses, unseen, seen }
}
