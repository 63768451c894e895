//! Ports that something else may take, or that only the site knows.

use std::collections::{BTreeMap, BTreeSet};

use super::{Surroundings, Warning, lookup::Lookup};
use crate::{
    matrix::{
        Direction, Origin, PortRange, PortSet, Service, Transport, ZoneId, active_rules, read_settings,
    },
    policy::{PortExpression, Setting},
    reading::Faults,
    site::{Fault, Product},
};

/// The ports that products listen on, as far as the kernel may give them to a connection of the node's own first.
pub(super) fn ephemeral(lookup: &Lookup<'_>, around: &Surroundings) -> Vec<Warning> {
    let Some(local) = &around.local_ports else { return Vec::new() };
    let listening = listening(lookup);
    let taken = lookup.products().filter_map(|(product, policy)| {
        let openings = listening.get(product.name.as_str())?;
        let ranges = openings.iter().flat_map(|opening| opening.ports.ranges());
        let ports = local.within(&PortSet::new(ranges.copied().collect())?)?;
        Some(Warning::EphemeralPorts {
            product: product.name.value.clone(),
            remedy: remedy(&policy.name, &ports, local.range),
            ports: shown(&ports),
            range: local.range.to_string(),
            at: product.name.at,
        })
    });
    taken.collect()
}

/// A few ports are reserved. Where it would be most of the range, the node's own connections need another one.
fn remedy(policy: &str, ports: &PortSet, local: PortRange) -> String {
    let all = u32::from(local.last()) - u32::from(local.first()) + 1;
    let taken = ports.iter().fold(0_u32, |count, _| count + 1);
    if taken > all / 2 {
        return format!(
            "set net.ipv4.ip_local_port_range by sysctl to ports that {policy} does not use, or narrow the product's range by \
             its parameters"
        );
    }
    let reserve = ports.to_string().replace(' ', "");
    format!(
        "a connection may hold a port when {policy} wants it; set net.ipv4.ip_local_reserved_ports={reserve} (and what is in it \
         already) by sysctl"
    )
}

/// Ports that one product listens on.
struct Listening<'a> {
    transport: Transport,
    ports: &'a PortSet,
    zones: &'a [ZoneId],
}

fn listening<'l>(lookup: &'l Lookup<'_>) -> BTreeMap<&'l str, Vec<Listening<'l>>> {
    let mut products: BTreeMap<&str, Vec<Listening<'_>>> = BTreeMap::new();
    for rule in lookup.inbound.iter().map(|inbound| inbound.rule) {
        if let (Origin::Document { product, .. }, Service::Transport { transport, ports }) =
            (&rule.origin, &rule.service)
        {
            let listening = Listening { transport: *transport, ports, zones: &rule.zones };
            products.entry(product).or_default().push(listening);
        }
    }
    products
}

/// Pairs of products that would listen on the same port in the same zone.
pub(super) fn wanted_twice(lookup: &Lookup<'_>) -> Vec<Warning> {
    let listening = listening(lookup);
    let products: Vec<&Product> =
        lookup.site.products.iter().filter(|product| listening.contains_key(product.name.as_str())).collect();
    let mut warnings = Vec::new();
    for (position, second) in products.iter().enumerate() {
        for first in &products[..position] {
            let ports = common(&listening[first.name.as_str()], &listening[second.name.as_str()]);
            if !ports.is_empty() {
                warnings.push(Warning::WantedTwice {
                    first: first.name.value.clone(),
                    second: second.name.value.clone(),
                    ports: ports.join(" and "),
                    at: second.name.at,
                    first_at: first.name.at,
                });
            }
        }
    }
    warnings
}

/// The ports that both listen on, by transport.
fn common(left: &[Listening<'_>], right: &[Listening<'_>]) -> Vec<String> {
    let mut shared: BTreeMap<Transport, Vec<PortRange>> = BTreeMap::new();
    for one in left {
        for other in right {
            if one.transport == other.transport && one.zones.iter().any(|zone| other.zones.contains(zone)) {
                shared.entry(one.transport).or_default().extend(intersection(one.ports, other.ports));
            }
        }
    }
    let sets = shared
        .into_iter()
        .filter_map(|(transport, ranges)| Some(format!("{transport} {}", shown(&PortSet::new(ranges)?))));
    sets.collect()
}

fn intersection(left: &PortSet, right: &PortSet) -> Vec<PortRange> {
    let pairs = left.ranges().iter().flat_map(|one| right.ranges().iter().map(move |other| (one, other)));
    pairs
        .filter_map(|(one, other)| {
            PortRange::new(one.first().max(other.first()), one.last().min(other.last()))
        })
        .collect()
}

/// The first few ranges of a set.
fn shown(ports: &PortSet) -> String {
    const SHOWN: usize = 6;
    let ranges = ports.ranges();
    let mut texts: Vec<String> = ranges.iter().take(SHOWN).map(ToString::to_string).collect();
    if ranges.len() > SHOWN {
        texts.push(format!("{} more", ranges.len() - SHOWN));
    }
    texts.join(", ")
}

/// Parameters for ports that the document cannot know, and that the site does not give: their rules are left out. A site
/// that writes `[]` itself has said that there are none.
pub(super) fn not_given(lookup: &Lookup<'_>) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for (product, policy) in lookup.products() {
        // A site with a matrix has no fault left to tell.
        let mut none: Faults<Fault> = Faults::default();
        let settings = read_settings(product, policy, &mut none);
        let rules = active_rules(product, policy, &settings, &mut none).unwrap_or_default();
        let is_given = |name: &str| product.parameters.iter().any(|(given, _)| given.value == name);
        let mut left_out: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for rule in rules.iter().filter(|rule| rule.direction == Direction::In) {
            for name in rule.ports.iter().flat_map(PortExpression::parameters) {
                let is_empty = matches!(settings.get(name), Some(Setting::Ports(ports)) if ports.is_empty());
                if is_empty && !is_given(name) {
                    left_out.entry(name).or_default().insert(&rule.id);
                }
            }
        }
        for (parameter, rules) in left_out {
            let rules: Vec<String> = rules.into_iter().map(|rule| format!("`{rule}`")).collect();
            warnings.push(Warning::PortsNotGiven {
                parameter: parameter.to_owned(),
                meaning: policy.parameters[parameter].meaning.clone(),
                policy: policy.name.clone(),
                product: product.name.value.clone(),
                rules: super::lookup::few(&rules),
                at: product.name.at,
            });
        }
    }
    warnings
}
