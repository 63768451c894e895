//! For a packet that no rule admits: the rules that come nearest to it, and what each demands.

use std::net::IpAddr;

use serde::Serialize;

use super::{
    Question, RuleCited,
    answer::cite,
    verdict::{Verdict, opens},
};
use crate::{
    compile::{Image, LegendPort, Target},
    matrix::{DormantRule, Group, Matrix, Peer, PeerKind, RuleId, Service},
};

/// In what a rule differs from the one that would admit the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Distance {
    /// It names the port, and admits others.
    Source,
    /// It names the port in another zone.
    Zone,
    /// It is switched off, or this site's parameters move it elsewhere.
    Dormant,
    /// It names the same port of another protocol.
    Protocol,
    /// It is the failsafe groups', which admits others to every port.
    Failsafe,
}

/// A rule that does not admit the packet, and what it demands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Near {
    /// The rule.
    pub rule: RuleCited,
    /// In what it differs.
    pub distance: Distance,
    /// Whom it admits: each role with the groups that are bound to it.
    pub admits: Vec<String>,
    /// What it demands, as a sentence for an administrator.
    pub demands: String,
}

/// The rules nearest to a packet that no rule admits, the nearest first.
pub(super) fn nearest(
    question: &Question,
    verdict: &Verdict<'_>,
    matrix: &Matrix,
    image: &Image,
) -> Vec<Near> {
    let from = question.from;
    if !verdict.named.is_empty() {
        let mut named: Vec<RuleId> = verdict.named.to_vec();
        named.sort_by_key(|&id| reluctance(from, matrix, id));
        let demands = |&id: &RuleId| {
            let distance = if is_failsafe(matrix, id) { Distance::Failsafe } else { Distance::Source };
            near(matrix, id, distance, demands(from, matrix, id))
        };
        return named.iter().map(demands).collect();
    }
    if !verdict.unnamed {
        return Vec::new();
    }
    let mut found = elsewhere(question, matrix, image);
    found.extend(dormant(question, matrix));
    let failsafe = (0..matrix.rules.len()).map(RuleId::new).filter(|&id| is_failsafe(matrix, id));
    found.extend(failsafe.map(|id| near(matrix, id, Distance::Failsafe, demands(from, matrix, id))));
    found.sort_by_key(|near| near.distance);
    found
}

fn is_failsafe(matrix: &Matrix, id: RuleId) -> bool {
    matrix.rule(id).service == Service::All
}

/// How far a rule is from admitting `from`: one with a group that could hold the address comes first, one that is for
/// the node alone last, but for the failsafe groups', which is for no port of its own.
fn reluctance(from: IpAddr, matrix: &Matrix, id: RuleId) -> u8 {
    let rule = matrix.rule(id);
    let groups = rule.groups();
    if is_failsafe(matrix, id) {
        4
    } else if groups.iter().any(|&group| holds_family(matrix.group(group), from)) {
        0
    } else if !groups.is_empty() {
        1
    } else if rule.peers.iter().any(|peer| peer.kind != PeerKind::Node) {
        2
    } else {
        3
    }
}

fn holds_family(group: &Group, from: IpAddr) -> bool {
    group.prefixes.iter().any(|prefix| prefix.addr().is_ipv4() == from.is_ipv4())
}

/// The same port in other zones, and the same number in other protocols.
fn elsewhere(question: &Question, matrix: &Matrix, image: &Image) -> Vec<Near> {
    let target = question.target();
    let mut found = Vec::new();
    for port in image.legend().ports_of(question.direction) {
        let named = port.rules.iter().filter(|&&id| !is_failsafe(matrix, id));
        if port.target == target {
            let zone = &matrix.zone(port.zone).name;
            found.extend(named.map(|&id| {
                let there = sentence(question.from, matrix, id);
                near(matrix, id, Distance::Zone, format!("it holds in zone {zone}, where it {there}"))
            }));
        } else if port.zone == question.zone && same_number(port, target) {
            found.extend(named.map(|&id| {
                let there = sentence(question.from, matrix, id);
                let demands = format!("it opens {}, to which it {there}", port.target);
                near(matrix, id, Distance::Protocol, demands)
            }));
        }
    }
    found
}

fn same_number(other: LegendPort<'_>, target: Target) -> bool {
    let (Target::Port { port, .. }, Target::Port { port: wanted, .. }) = (other.target, target) else {
        return false;
    };
    port == wanted
}

/// The rules that would name the port if they were switched on.
fn dormant(question: &Question, matrix: &Matrix) -> impl Iterator<Item = Near> {
    let (direction, target) = (question.direction, question.target());
    let would = move |rule: &&DormantRule| rule.direction == direction && opens(&rule.service, target);
    matrix.dormant.rules.iter().filter(would).map(|rule| {
        let causes: Vec<String> = rule.causes.iter().map(ToString::to_string).collect();
        Near {
            rule: RuleCited::new(matrix, &rule.origin, &rule.description),
            distance: Distance::Dormant,
            admits: Vec::new(),
            demands: causes.join("; "),
        }
    })
}

fn near(matrix: &Matrix, id: RuleId, distance: Distance, demands: String) -> Near {
    let admits = matrix.rule(id).peers.iter().map(|peer| peer_text(matrix, peer)).collect();
    Near { rule: cite(matrix, id), distance, admits, demands }
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

/// `it …`: admits the address, or demands something.
fn sentence(from: IpAddr, matrix: &Matrix, id: RuleId) -> String {
    let groups = matrix.rule(id).groups();
    let mut prefixes = groups.iter().flat_map(|&group| &matrix.group(group).prefixes);
    if prefixes.any(|prefix| prefix.contains(&from)) {
        return format!("admits {from}");
    }
    let demands = demands(from, matrix, id);
    demands.strip_prefix("it ").unwrap_or(&demands).to_owned()
}

/// What would have to be for the rule to admit `from`.
fn demands(from: IpAddr, matrix: &Matrix, id: RuleId) -> String {
    let rule = matrix.rule(id);
    let mut bound: Vec<(&Group, Vec<&str>)> = Vec::new();
    let mut unbound = Vec::new();
    for Peer { role, kind } in &rule.peers {
        let PeerKind::Groups(groups) = kind else { continue };
        if groups.is_empty() {
            unbound.push(role.as_str());
        }
        for group in groups.iter().map(|&group| matrix.group(group)) {
            match bound.iter_mut().find(|(known, _)| known.name == group.name) {
                Some((_, roles)) => roles.push(role),
                None => bound.push((group, vec![role])),
            }
        }
    }
    if bound.is_empty() && unbound.is_empty() {
        return "it admits nobody over the network: the port is for this node itself".to_owned();
    }
    if bound.is_empty() {
        return format!("it admits nobody: no group of this site is bound to {}", unbound.join(" or "));
    }
    let groups: Vec<String> = bound.iter().map(|(group, roles)| bound_text(group, roles)).collect();
    let mut parts = vec![format!("it demands an address in {}", groups.join(" or "))];
    let lacking = bound.iter().filter(|(group, _)| !holds_family(group, from));
    let lacking: Vec<String> = lacking.map(|(group, _)| format!("`{}`", group.name)).collect();
    if !lacking.is_empty() {
        let family = if from.is_ipv4() { "IPv4" } else { "IPv6" };
        parts.push(format!("there is no {family} address in {}", lacking.join(", ")));
    }
    if !unbound.is_empty() {
        parts.push(format!("nobody is bound to {}", unbound.join(", ")));
    }
    parts.join("; ")
}

/// A group and the roles that it plays; in a site's own rule the group stands for itself.
fn bound_text(group: &Group, roles: &[&str]) -> String {
    match roles {
        [role] if *role == group.name => format!("`{role}`"),
        [role] => format!("`{}` (role {role})", group.name),
        roles => format!("`{}` (roles {})", group.name, roles.join(", ")),
    }
}
