//! What a sound policy holds, in a few lines: whom it knows, what a site may change, which ports the defaults make.

use std::{
    collections::BTreeSet,
    io::{self, Write},
};

use crate::{
    matrix::{Direction, IcmpFamilies, PortRange, PortSet, Transport},
    policy::{
        Basis, Condition, Policy, PortExpression, ProfileChoice, Protocol, Reach, Rule, Setting, Settings,
    },
};

/// Writes the summary, each line indented below the file's own.
pub(super) fn describe(policy: &Policy, out: &mut dyn Write) -> io::Result<()> {
    let Policy { name, title, document, profile_choice, roles: _, parameters: _, profiles, zones, rules: _ } =
        policy;
    line(out, "policy", &format!("{name}: {title}, from {document}"))?;
    describe_roles(policy, out)?;
    describe_parameters(policy, out)?;
    if !profiles.is_empty() {
        let choice = match profile_choice {
            ProfileChoice::All => "all of them unless the site names some",
            ProfileChoice::Required => "the site must name some",
        };
        line(out, "profiles", &format!("{}: {choice}", joined(profiles.keys())))?;
    }
    if !zones.is_empty() {
        line(out, "zones", &joined(zones.keys()))?;
    }
    describe_rules(policy, out)?;
    describe_ports(policy, out)
}

/// A line of the summary; what goes on under the same heading has an empty one.
fn line(out: &mut dyn Write, heading: &str, text: &str) -> io::Result<()> {
    writeln!(out, "  {heading:<11} {text}")
}

fn joined(names: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| name.as_ref().to_owned()).collect();
    names.join(", ")
}

fn describe_roles(policy: &Policy, out: &mut dyn Write) -> io::Result<()> {
    if policy.roles.is_empty() {
        return line(out, "roles", "none but the node itself");
    }
    for (position, (name, role)) in policy.roles.iter().enumerate() {
        let mut traits = Vec::new();
        if role.reach == Reach::ClusterOnly {
            traits.push("within the cluster".to_owned());
        }
        if let Some(addresses) = &role.addresses {
            traits.push(format!("always {}", joined(addresses.iter().map(ToString::to_string))));
        }
        if role.basis == Basis::Inferred {
            traits.push("inferred".to_owned());
        }
        let traits = if traits.is_empty() { String::new() } else { format!(" ({})", traits.join(", ")) };
        line(out, if position == 0 { "roles" } else { "" }, &format!("{name}{traits}"))?;
    }
    Ok(())
}

/// Each parameter with its default, and with the rules that it moves or switches.
fn describe_parameters(policy: &Policy, out: &mut dyn Write) -> io::Result<()> {
    for (position, (name, parameter)) in policy.parameters.iter().enumerate() {
        let is_named = |rule: &&Rule| {
            rule.ports.iter().any(|ports| ports.parameters().any(|parameter| parameter == name))
                || rule.when.iter().any(|condition| condition.parameter == *name)
        };
        let rules: Vec<&str> = policy.rules.iter().filter(is_named).map(|rule| rule.id.as_str()).collect();
        let rules = if rules.is_empty() { "no rule".to_owned() } else { joined(rules) };
        let text = format!("{name} = {} ({}): {rules}", setting(&parameter.default), parameter.kind);
        line(out, if position == 0 { "parameters" } else { "" }, &text)?;
    }
    Ok(())
}

fn setting(setting: &Setting) -> String {
    match setting {
        Setting::Flag(flag) => flag.to_string(),
        Setting::Port(number) | Setting::Number(number) => number.to_string(),
        Setting::Ports(ranges) if ranges.is_empty() => "none".to_owned(),
        Setting::Ports(ranges) => joined(ranges.iter().map(ToString::to_string)),
        Setting::Choice(choice) => choice.clone(),
    }
}

fn describe_rules(policy: &Policy, out: &mut dyn Write) -> io::Result<()> {
    let count = policy.rules.len();
    let outbound = policy.rules.iter().filter(|rule| rule.direction == Direction::Out).count();
    let outbound = if outbound == 0 {
        String::new()
    } else {
        format!(", {outbound} of them outbound, enforced where the site judges what leaves")
    };
    line(out, "rules", &format!("{count}{outbound}"))?;
    let defaults = policy.defaults();
    let off: Vec<&str> = policy
        .rules
        .iter()
        .filter(|rule| !is_on(rule, &defaults) || (is_empty(rule, &defaults)))
        .map(|rule| rule.id.as_str())
        .collect();
    if !off.is_empty() {
        line(out, "", &format!("off by default: {}", joined(off)))?;
    }
    let inferred = policy.rules.iter().filter(|rule| !rule.inferred.is_empty());
    for (position, rule) in inferred.enumerate() {
        let heading = if position == 0 { "inferred" } else { "" };
        line(out, heading, &format!("{}: {}", rule.id, joined(&rule.inferred)))?;
    }
    Ok(())
}

fn is_on(rule: &Rule, settings: &Settings) -> bool {
    rule.when.iter().all(|condition: &Condition| condition.holds(settings))
}

fn is_empty(rule: &Rule, settings: &Settings) -> bool {
    matches!(rule.protocol, Protocol::Transport(_)) && ranges(rule, settings).is_empty()
}

fn ranges(rule: &Rule, settings: &Settings) -> Vec<PortRange> {
    let evaluated = rule.ports.iter().filter_map(|ports| ports.evaluate(settings).ok());
    evaluated.flatten().collect()
}

/// What the inbound rules open on a node whose site changes nothing, all profiles and zones together.
fn describe_ports(policy: &Policy, out: &mut dyn Write) -> io::Result<()> {
    let defaults = policy.defaults();
    let on: Vec<&Rule> = policy
        .rules
        .iter()
        .filter(|rule| rule.direction == Direction::In && is_on(rule, &defaults))
        .collect();
    let mut opened = Vec::new();
    for transport in [Transport::Tcp, Transport::Udp, Transport::Sctp] {
        let of = on.iter().filter(|rule| rule.protocol == Protocol::Transport(transport));
        let ports = PortSet::new(of.flat_map(|rule| ranges(rule, &defaults)).collect());
        opened.extend(ports.map(|ports| format!("{transport} {ports}")));
    }
    opened.extend(on.iter().filter_map(|rule| portless(rule)).collect::<BTreeSet<_>>());
    for (position, part) in opened.iter().enumerate() {
        line(out, if position == 0 { "ports" } else { "" }, part)?;
    }
    Ok(())
}

fn portless(rule: &Rule) -> Option<String> {
    let name = match rule.protocol {
        Protocol::Transport(_) => return None,
        Protocol::Icmp(IcmpFamilies::Both) => "icmp".to_owned(),
        Protocol::Icmp(IcmpFamilies::V4) => "icmpv4".to_owned(),
        Protocol::Icmp(IcmpFamilies::V6) => "icmpv6".to_owned(),
        Protocol::Ip(number) => return Some(format!("ip/{number}")),
    };
    let types = joined(rule.ports.iter().map(|ports| match ports {
        PortExpression::All => "every type".to_owned(),
        other => other.to_string(),
    }));
    Some(format!("{name} {types}"))
}
