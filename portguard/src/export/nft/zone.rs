//! A zone's chain: its rules, replies, what the rules refuse, and what no rule names.

use portguard_common::wire::{
    icmp::{self, Kind},
    protocol,
};

use super::{
    Way, answers,
    groups::{Family, Sets},
    necessary, rules,
    words::{Line, accept, numbers, remark, set},
};
use crate::matrix::{Direction, GroupId, IcmpTypes, Matrix, Posture, Rule, Service, ZoneId};

pub(super) fn lines(matrix: &Matrix, zone: ZoneId, sets: &Sets, way: Way) -> Vec<Line> {
    let Way { direction, refusal, .. } = way;
    let mut lines = vec![Line::Statement(format!("jump {}", necessary::name(direction)))];
    for rule in rules(matrix, zone, direction) {
        let mut admitted = Vec::new();
        for group in rule.groups() {
            admit(matrix, rule, group, (sets, direction), &mut admitted);
        }
        let nobody = if admitted.is_empty() { " (admits nobody)" } else { "" };
        lines.push(remark(&format!("{}{nobody}", title(matrix, rule))));
        lines.append(&mut admitted);
    }
    lines.extend(answers::lines(matrix, zone, sets, direction));
    lines.push(remark(match direction {
        Direction::In => "what rules name, from those that none of them admits",
        Direction::Out => "what rules name, to those that none of them admits",
    }));
    for rule in rules(matrix, zone, direction) {
        let why = format!("refused: {}", matrix.cite(&rule.origin));
        lines.extend(named(&rule.service).iter().map(|matches| refusal.line(matches, &why)));
    }
    unnamed(way, &mut lines);
    lines
}

/// The rule with what it is for.
fn title(matrix: &Matrix, rule: &Rule) -> String {
    let cited = matrix.cite(&rule.origin);
    if rule.description.is_empty() { cited } else { format!("{cited}: {}", rule.description) }
}

/// The statements that let a group in, or let what goes to it out.
fn admit(
    matrix: &Matrix,
    rule: &Rule,
    group: GroupId,
    (sets, direction): (&Sets, Direction),
    lines: &mut Vec<Line>,
) {
    let why = format!("{} for {}", matrix.cite(&rule.origin), matrix.group(group).name);
    for family in Family::BOTH {
        let peer = sets.peer(direction, group, family);
        let matches = match (peer, &rule.service) {
            (None, _) => None,
            (Some(peer), Service::All) => Some(peer),
            (Some(peer), other) => service(other, family).map(|service| format!("{peer} {service}")),
        };
        lines.extend(matches.map(|matches| accept(&matches, &why)));
    }
}

/// What matches a service in one family of addresses; none where it has no meaning in it, or needs nothing to match it.
fn service(service: &Service, family: Family) -> Option<String> {
    match service {
        Service::Transport { transport, ports } => Some(format!("{transport} dport {}", set(ports.ranges()))),
        Service::Icmp { families, types } => match family {
            Family::V4 => families.v4().then(|| format!("icmp type {}", types_of(types, icmp::kind_v4))),
            Family::V6 => families.v6().then(|| format!("icmpv6 type {}", types_of(types, icmp::kind_v6))),
        },
        Service::Protocol(number) => Some(format!("meta l4proto {number}")),
        Service::All => None,
    }
}

/// The types that a rule opens: "all" leaves out those that must be named.
fn types_of(types: &IcmpTypes, kind: fn(u8) -> Kind) -> String {
    match types {
        IcmpTypes::All => numbers(|number| kind(number) == Kind::ByRule),
        IcmpTypes::Listed(types) => numbers(|number| types.contains(&number)),
    }
}

/// What matches a service whoever asks for it.
fn named(of: &Service) -> Vec<String> {
    match of {
        Service::Transport { .. } | Service::Protocol(_) => service(of, Family::V4).into_iter().collect(),
        Service::Icmp { .. } => Family::BOTH
            .into_iter()
            .filter_map(|family| Some(format!("{} {}", family.matches(), service(of, family)?)))
            .collect(),
        // It names no port: what only failsafe groups reach is for the posture.
        Service::All => Vec::new(),
    }
}

/// What no rule names.
fn unnamed(Way { refusal, posture, .. }: Way, lines: &mut Vec<Line>) {
    let unwanted4 = numbers(|number| icmp::kind_v4(number) == Kind::Unwanted);
    let unwanted6 = numbers(|number| icmp::kind_v6(number) == Kind::Unwanted);
    lines.push(remark("what only a rule opens, whatever the posture: harmful ICMP, tunnels, SCTP"));
    lines.push(
        refusal.line(&format!("meta nfproto ipv4 icmp type {unwanted4}"), "ICMP that a rule must name"),
    );
    lines.push(
        refusal.line(&format!("meta nfproto ipv6 icmpv6 type {unwanted6}"), "ICMP that a rule must name"),
    );
    let tunnels = numbers(protocol::needs_rule);
    lines.push(refusal.line(&format!("meta l4proto {tunnels}"), "a protocol that a rule must name"));
    lines.push(remark("what no rule names"));
    lines.push(match posture {
        Posture::Pass => accept("", "undocumented, and the posture is pass"),
        Posture::Drop => refusal.line("", "undocumented"),
    });
}
