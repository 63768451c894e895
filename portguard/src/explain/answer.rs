//! The answer: verdict, reason, rule, and what the nearest rule would have wanted.

use std::{fmt, net::IpAddr};

use portguard_common::{Action, Arrival, decide};
use serde::Serialize;

use super::{Question, frame};
use crate::{
    compile::{Image, NativeTables, NoSockets},
    matrix::{Direction, Matrix, Mode, Origin, Peer, PeerKind, RuleId, ZoneId},
};

/// A rule, as an answer cites it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleCited {
    /// Where it comes from.
    pub origin: Origin,
    /// What the port is for.
    pub description: String,
}

/// A rule that names the port and does not admit the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Near {
    /// The rule.
    pub rule: RuleCited,
    /// Whom it admits: each role with the groups that are bound to it.
    pub admits: Vec<String>,
}

/// What the filter does with the packet, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The source.
    pub from: IpAddr,
    /// The port, as counters call it.
    pub to: String,
    /// The zone of the interface that it comes in by.
    pub zone: String,
    /// `pass` or `drop`, as mode `enforce` does it.
    pub verdict: String,
    /// The mode: in `observe`, what drops is only counted.
    pub mode: Mode,
    /// The reason's name.
    pub reason: String,
    /// What it means.
    pub says: String,
    /// The groups that the source is in.
    pub groups: Vec<String>,
    /// The rule that admits it.
    pub rule: Option<RuleCited>,
    /// Of a packet that drops: the rules that name the port.
    pub near: Vec<Near>,
}

impl Explanation {
    /// Asks the verdict function. `image` is `matrix` compiled.
    pub fn new(question: &Question, zone: ZoneId, matrix: &Matrix, image: &Image) -> Self {
        let target = question.target();
        let bytes = frame::build(question.from, target);
        // The packet is no DHCP answer, so whether those pass does not matter.
        let number = u16::try_from(zone.index()).expect("an image has 65536 zones at most");
        let arrival = Arrival::new(number, false);
        let outcome = decide(bytes.as_slice(), arrival, &NativeTables::new(image, NoSockets));
        let (reason, slot) = (outcome.reason, outcome.slot());
        let drops = reason.action() == Action::Drop;
        Self {
            from: question.from,
            to: target.to_string(),
            zone: matrix.zone(zone).name.clone(),
            verdict: if drops { "drop" } else { "pass" }.to_owned(),
            mode: matrix.mode,
            reason: reason.name().to_owned(),
            says: reason.says().to_owned(),
            groups: groups_of(question.from, matrix),
            rule: slot.and_then(|slot| image.legend().rule_of(slot)).map(|rule| cite(matrix, rule)),
            near: match slot.and_then(|slot| image.legend().port_of(slot)) {
                Some(port) if drops => port.rules.iter().map(|&rule| near(matrix, rule)).collect(),
                _ => Vec::new(),
            },
        }
    }

    /// Whether the packet drops.
    pub fn drops(&self) -> bool {
        self.verdict == "drop"
    }
}

fn groups_of(address: IpAddr, matrix: &Matrix) -> Vec<String> {
    let inside = |prefixes: &[ipnet::IpNet]| prefixes.iter().any(|prefix| prefix.contains(&address));
    matrix.groups.iter().filter(|group| inside(&group.prefixes)).map(|group| group.name.clone()).collect()
}

fn cite(matrix: &Matrix, id: RuleId) -> RuleCited {
    let rule = matrix.rule(id);
    debug_assert_eq!(rule.direction, Direction::In, "only inbound rules are compiled");
    RuleCited { origin: rule.origin.clone(), description: rule.description.clone() }
}

fn near(matrix: &Matrix, id: RuleId) -> Near {
    let admits = matrix.rule(id).peers.iter().map(|peer| peer_text(matrix, peer)).collect();
    Near { rule: cite(matrix, id), admits }
}

fn peer_text(matrix: &Matrix, Peer { role, kind }: &Peer) -> String {
    match kind {
        PeerKind::Node => "only this node itself".to_owned(),
        PeerKind::Groups(groups) if groups.is_empty() => format!("{role} (bound to nobody)"),
        PeerKind::Groups(groups) => {
            let names: Vec<_> = groups.iter().map(|&group| matrix.group(group).name.as_str()).collect();
            format!("{role} ({})", names.join(", "))
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, zone, verdict, mode, reason, says, groups, rule, near } = self;
        let softened =
            if *mode == Mode::Observe && verdict == "drop" { " (mode observe: counted, passes)" } else { "" };
        writeln!(f, "{from} -> {to}, zone {zone}: {}{softened}", verdict.to_uppercase())?;
        writeln!(f, "  reason: {reason}: {says}")?;
        if groups.is_empty() {
            writeln!(f, "  {from} is in no group of this site")?;
        } else {
            writeln!(f, "  {from} is in: {}", groups.join(", "))?;
        }
        if let Some(rule) = rule {
            write_rule(f, "rule", rule)?;
        }
        for Near { rule, admits } in near {
            write_rule(f, "named by", rule)?;
            writeln!(f, "    admits: {}", admits.join("; "))?;
        }
        Ok(())
    }
}

fn write_rule(f: &mut fmt::Formatter<'_>, label: &str, rule: &RuleCited) -> fmt::Result {
    writeln!(f, "  {label}: {}: {}", rule.origin, rule.description)?;
    match &rule.origin {
        Origin::Document { section, line, says, .. } => {
            writeln!(f, "    document: section \"{section}\", line {line}: \"{says}\"")
        }
        Origin::Site { .. } => Ok(()),
    }
}
