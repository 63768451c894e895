//! The answer: verdict, reason, rule, and what the nearest rule would have wanted.

use std::{fmt, net::IpAddr};

use portguard_common::Action;
use serde::Serialize;

use super::{
    Question,
    near::{Near, nearest},
    verdict::judge,
};
use crate::{
    compile::{Image, Target},
    matrix::{Direction, Group, Matrix, Mode, Origin, RuleId},
};

/// The most rules that a text tells of those that do not admit the packet.
const NEAR_SHOWN: usize = 5;

/// A rule, as an answer cites it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleCited {
    /// Its name and place for people.
    pub name: String,
    /// Where it comes from.
    pub origin: Origin,
    /// What the port is for.
    pub description: String,
}

impl RuleCited {
    pub(super) fn new(matrix: &Matrix, origin: &Origin, description: &str) -> Self {
        let (origin, description) = (origin.clone(), description.to_owned());
        Self { name: matrix.cite(&origin), origin, description }
    }
}

/// What the filter does with the packet, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The other end: the source, of an outbound packet the destination.
    pub from: IpAddr,
    /// The port, as counters call it.
    pub to: String,
    /// The zone of the interface that it comes in or goes out by.
    pub zone: String,
    /// Who opens the connection.
    pub direction: Direction,
    /// `pass` or `drop`, as mode `enforce` does it.
    pub verdict: String,
    /// The mode of its direction: in `observe`, what drops is only counted.
    pub mode: Mode,
    /// Whether what goes its way is judged at all, in whichever mode: not what leaves with `outbound = "off"`.
    pub enforced: bool,
    /// The reason's name.
    pub reason: String,
    /// What it means.
    pub says: String,
    /// The groups that the other end is in.
    pub groups: Vec<String>,
    /// Those of them that no rule names.
    pub idle_groups: Vec<String>,
    /// The rule that admits the packet; of an outbound one, the rule that declares it.
    pub rule: Option<RuleCited>,
    /// Where no rule admits or declares it: the rules that come nearest, the nearest first.
    pub near: Vec<Near>,
    /// Where no rule names the port: what a rule of the site's own would list to do so.
    pub unnamed: Option<String>,
}

impl Explanation {
    /// Asks the verdict function. `image` is `matrix` compiled.
    pub fn new(question: &Question, matrix: &Matrix, image: &Image) -> Self {
        let verdict = judge(question, matrix, image);
        let drops = verdict.action == Action::Drop;
        let enforced = matrix.enforces(question.direction);
        let wanting = drops || !enforced && verdict.rule.is_none();
        let mode = match (question.direction, matrix.outbound) {
            (Direction::Out, Some(outbound)) => outbound.mode,
            (Direction::In, _) | (Direction::Out, None) => matrix.mode,
        };
        // Nothing can be said of port 0 in a site file.
        let nameable = !matches!(question.target(), Target::Port { port: 0, .. });
        let idle_groups = holding(question.from, &matrix.dormant.groups);
        let mut groups = holding(question.from, &matrix.groups);
        groups.extend_from_slice(&idle_groups);
        Self {
            from: question.from,
            to: question.target().to_string(),
            zone: matrix.zone(question.zone).name.clone(),
            direction: question.direction,
            verdict: if drops { "drop" } else { "pass" }.to_owned(),
            mode,
            enforced,
            reason: verdict.reason.to_owned(),
            says: verdict.says.to_owned(),
            groups,
            idle_groups,
            rule: verdict.rule.map(|rule| cite(matrix, rule)),
            near: if wanting { nearest(question, &verdict, matrix, image) } else { Vec::new() },
            unnamed: (verdict.unnamed && nameable).then(|| question.target().to_string()),
        }
    }

    /// Whether the packet drops.
    pub fn drops(&self) -> bool {
        self.verdict == "drop"
    }
}

fn holding(address: IpAddr, groups: &[Group]) -> Vec<String> {
    let holds = |group: &&Group| group.prefixes.iter().any(|prefix| prefix.contains(&address));
    groups.iter().filter(holds).map(|group| group.name.clone()).collect()
}

pub(super) fn cite(matrix: &Matrix, id: RuleId) -> RuleCited {
    let rule = matrix.rule(id);
    RuleCited::new(matrix, &rule.origin, &rule.description)
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, zone, direction, verdict, mode, reason, says, .. } = self;
        let softened =
            if *mode == Mode::Observe && self.drops() { " (mode observe: counted, passes)" } else { "" };
        let verdict = verdict.to_uppercase();
        match direction {
            Direction::In => writeln!(f, "{from} -> {to}, zone {zone}: {verdict}{softened}")?,
            Direction::Out => writeln!(f, "this node -> {from} {to}, zone {zone}: {verdict}{softened}")?,
        }
        writeln!(f, "  reason: {reason}: {says}")?;
        self.write_groups(f)?;
        if let Some(rule) = &self.rule {
            let label = if self.enforced { "rule" } else { "declared by" };
            write_rule(f, label, rule)?;
        }
        self.write_near(f)
    }
}

impl Explanation {
    fn write_groups(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, groups, idle_groups, .. } = self;
        if groups.is_empty() {
            return writeln!(f, "  {from} is in no group of this site");
        }
        let names = groups.iter().map(|group| {
            if idle_groups.contains(group) { format!("{group} (no rule names it)") } else { group.clone() }
        });
        writeln!(f, "  {from} is in: {}", names.collect::<Vec<_>>().join(", "))
    }

    fn write_near(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, Near { rule, demands, .. }) in self.near.iter().take(NEAR_SHOWN).enumerate() {
            write_rule(f, if position == 0 { "nearest" } else { "then" }, rule)?;
            writeln!(f, "    {demands}")?;
        }
        if self.near.len() > NEAR_SHOWN {
            writeln!(f, "  and {} more, which --format json tells", self.near.len() - NEAR_SHOWN)?;
        }
        if !self.enforced && self.rule.is_none() && self.near.is_empty() {
            writeln!(f, "  no outbound rule names {}", self.to)?;
        }
        let Some(ports) = &self.unnamed else { return Ok(()) };
        let to = match self.direction {
            Direction::In => "",
            Direction::Out => ", and in `to` a group with this address",
        };
        writeln!(f, "  to open it: a rule in [[rules]] with ports = [\"{ports}\"]{to}")
    }
}

fn write_rule(f: &mut fmt::Formatter<'_>, label: &str, rule: &RuleCited) -> fmt::Result {
    let RuleCited { name, origin, description } = rule;
    let colon = if description.is_empty() { "" } else { ": " };
    writeln!(f, "  {label}: {name}{colon}{description}")?;
    match origin {
        Origin::Document { section, line, says, .. } => {
            writeln!(f, "    document: section \"{section}\", line {line}: \"{says}\"")
        }
        Origin::Site { .. } | Origin::Failsafe { .. } => Ok(()),
    }
}
