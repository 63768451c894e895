//! Following a policy's names and evaluating its ports: from what is written to what can be relied on.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    Fault, ParameterType, Policy, PortFault, Protocol, Rule, SELF, Settings,
    model::{Condition, Test},
    port::PortExpression,
    raw::{Declarations, RawPolicy, RawRule},
};
use crate::{
    matrix::IcmpFamilies,
    reading::{self, Located, SourceSpan, did_you_mean},
};

type Faults = reading::Faults<Fault>;

/// The policy, if all of it could be read. It holds only if no fault was found as well.
pub(super) fn check(raw: RawPolicy, faults: &mut Faults) -> Option<Policy> {
    if !faults.has_lost_text() {
        check_rules(&raw, faults);
    }
    let RawPolicy { name, title, document, profile_choice, roles, parameters, profiles, zones, rules } = raw;
    let policy = Policy {
        name: name?,
        title: title?,
        document: document?,
        profile_choice,
        roles: finished(roles)?,
        parameters: finished(parameters)?,
        profiles: finished(profiles)?,
        zones: finished(zones)?,
        rules: rules.into_iter().map(finished_rule).collect::<Option<_>>()?,
    };
    Some(policy)
}

fn finished<T>(declarations: Declarations<T>) -> Option<BTreeMap<String, T>> {
    declarations.into_iter().map(|(name, value)| Some((name.value, value?))).collect()
}

fn finished_rule(raw: RawRule) -> Option<Rule> {
    let RawRule {
        at: _,
        id,
        ports,
        protocol,
        direction,
        peers,
        reaches,
        when,
        profiles,
        zones,
        place,
        says,
        description,
        reach,
        inferred,
        why,
    } = raw;
    Some(Rule {
        id: id?.value,
        ports: values(ports),
        protocol: protocol?,
        direction,
        peers: values(peers),
        reaches: values(reaches),
        when: values(when),
        profiles: values(profiles),
        zones: values(zones),
        place: place?,
        says: says?,
        description: description?,
        reach,
        inferred,
        why,
    })
}

fn values<T>(located: Vec<Located<T>>) -> Vec<T> {
    located.into_iter().map(|item| item.value).collect()
}

fn check_rules(raw: &RawPolicy, faults: &mut Faults) {
    let defaults: Settings = raw
        .parameters
        .iter()
        .filter_map(|(name, parameter)| Some((name.value.clone(), parameter.as_ref()?.default.clone())))
        .collect();
    let declared = Declared::of(raw);
    let mut ids: BTreeMap<&str, SourceSpan> = BTreeMap::new();
    let mut contents = BTreeMap::new();
    for rule in &raw.rules {
        if let Some(id) = &rule.id {
            match ids.get(id.as_str()) {
                Some(&first) => faults.push(Fault::RuleTwice { id: id.value.clone(), at: id.at, first }),
                None => drop(ids.insert(id.as_str(), id.at)),
            }
        }
        check_names(&declared, rule, faults);
        check_ports(&declared, rule, &defaults, faults);
        for condition in &rule.when {
            check_condition(&declared, condition, faults);
        }
        check_inferred(rule, faults);
        if let Some(first) = contents.insert(content(rule), rule) {
            report_same(rule, first, faults);
        }
    }
}

/// What makes two rules the same: everything but where they stand and how they are described.
fn content(rule: &RawRule) -> impl Ord + use<> {
    fn sorted<T: Ord + Clone>(items: &[Located<T>]) -> Vec<T> {
        let mut items: Vec<T> = items.iter().map(|item| item.value.clone()).collect();
        items.sort_unstable();
        items
    }
    (
        sorted(&rule.ports),
        rule.protocol,
        rule.direction as u8,
        sorted(&rule.peers),
        sorted(&rule.reaches),
        sorted(&rule.when),
        sorted(&rule.profiles),
        sorted(&rule.zones),
    )
}

fn report_same(rule: &RawRule, first: &RawRule, faults: &mut Faults) {
    // What could not be read leaves rules equally empty, and its fault is known.
    if rule.ports.is_empty() || rule.peers.is_empty() {
        return;
    }
    if let (Some(id), Some(first)) = (&rule.id, &first.id)
        && id.value != first.value
    {
        let (at, first_at) = (id.at, first.at);
        let (id, first_id) = (id.value.clone(), first.value.clone());
        faults.push(Fault::SameRule { id, first_id, at, first: first_at });
    }
}

/// What a policy declares, to look names up in.
struct Declared<'p> {
    raw: &'p RawPolicy,
    roles: HashSet<&'p str>,
    profiles: HashSet<&'p str>,
    zones: HashSet<&'p str>,
    /// Without a type where it could not be read, which is a fault already noted.
    parameters: HashMap<&'p str, Option<&'p ParameterType>>,
}

impl<'p> Declared<'p> {
    fn of(raw: &'p RawPolicy) -> Self {
        fn names<T>(declarations: &Declarations<T>) -> HashSet<&str> {
            declarations.iter().map(|(name, _)| name.as_str()).collect()
        }
        let parameters = raw.parameters.iter();
        Self {
            raw,
            roles: names(&raw.roles),
            profiles: names(&raw.profiles),
            zones: names(&raw.zones),
            parameters: parameters
                .map(|(name, parameter)| (name.as_str(), parameter.as_ref().map(|parameter| &parameter.kind)))
                .collect(),
        }
    }

    /// The type of a parameter; `None` when it is not declared (a fault) or could not be read.
    fn type_of(&self, name: &str, at: SourceSpan, faults: &mut Faults) -> Option<&'p ParameterType> {
        let Some(kind) = self.parameters.get(name) else {
            report_undeclared("parameter", &Located::new(name.to_owned(), at), &self.raw.parameters, faults);
            return None;
        };
        *kind
    }
}

fn check_names(declared: &Declared<'_>, rule: &RawRule, faults: &mut Faults) {
    for peer in rule.peers.iter().chain(&rule.reaches).filter(|peer| peer.value != SELF) {
        if !declared.roles.contains(peer.as_str()) {
            report_undeclared("role", peer, &declared.raw.roles, faults);
        }
    }
    for profile in rule.profiles.iter().filter(|profile| !declared.profiles.contains(profile.as_str())) {
        report_undeclared("profile", profile, &declared.raw.profiles, faults);
    }
    for zone in rule.zones.iter().filter(|zone| !declared.zones.contains(zone.as_str())) {
        report_undeclared("zone", zone, &declared.raw.zones, faults);
    }
}

fn report_undeclared<T>(
    kind: &'static str,
    name: &Located<String>,
    declared: &Declarations<T>,
    faults: &mut Faults,
) {
    let names = declared.iter().map(|(name, _)| name.as_str());
    let remedy = did_you_mean(name.as_str(), &format!("declared {kind}s"), names);
    faults.push(Fault::Undeclared { kind, name: name.value.clone(), at: name.at, remedy });
}

fn check_ports(declared: &Declared<'_>, rule: &RawRule, defaults: &Settings, faults: &mut Faults) {
    for ports in &rule.ports {
        match rule.protocol {
            Some(Protocol::Transport(transport)) if ports.value == PortExpression::All => {
                let remedy = "name the ports: \"1-65535\" if it must be all of them";
                reject_ports(ports, transport.to_string(), remedy, faults);
            }
            Some(Protocol::Transport(_)) => check_transport_ports(declared, ports, defaults, faults),
            Some(Protocol::Icmp(families)) => check_icmp_types(ports, families, faults),
            Some(Protocol::Ip(number)) if ports.value != PortExpression::All => {
                let remedy = "this protocol has no ports: write ports = [\"*\"]";
                reject_ports(ports, format!("ip/{number}"), remedy, faults);
            }
            Some(Protocol::Ip(_)) | None => {}
        }
    }
}

fn reject_ports(
    ports: &Located<PortExpression>,
    protocol: String,
    remedy: &'static str,
    faults: &mut Faults,
) {
    let (expression, at) = (ports.value.to_string(), ports.at);
    faults.push(Fault::PortsForProtocol { expression, protocol, at, remedy });
}

fn check_icmp_types(ports: &Located<PortExpression>, families: IcmpFamilies, faults: &mut Faults) {
    match (&ports.value, families) {
        (PortExpression::All, _) => {}
        (expression, IcmpFamilies::V4 | IcmpFamilies::V6) => {
            if expression.as_number().is_none_or(|number| number > 255) {
                let remedy = "write \"*\" for every type, or a type from 0 to 255";
                reject_ports(ports, "ICMP".to_owned(), remedy, faults);
            }
        }
        (_, IcmpFamilies::Both) => {
            let remedy =
                "types mean other things in IPv4 and IPv6: write \"*\", or protocol \"icmpv4\" or \"icmpv6\"";
            reject_ports(ports, "icmp".to_owned(), remedy, faults);
        }
    }
}

fn check_transport_ports(
    declared: &Declared<'_>,
    ports: &Located<PortExpression>,
    defaults: &Settings,
    faults: &mut Faults,
) {
    let (expression, at) = (&ports.value, ports.at);
    for name in expression.parameters() {
        if declared.type_of(name, at, faults).is_none() {
            return;
        }
    }
    let expression = expression.to_string();
    match ports.value.evaluate(defaults) {
        Ok(_) => {}
        Err(PortFault::NotAPort(value)) => faults.push(Fault::NotAPort { expression, value, at }),
        Err(PortFault::Reversed(first, last)) => faults.push(Fault::Reversed { expression, first, last, at }),
        Err(PortFault::NotANumber(parameter)) => {
            let is = declared.type_of(&parameter, at, faults).map(ToString::to_string).unwrap_or_default();
            let remedy = "ports are made of `port` and `number` parameters; a `ports` parameter stands alone";
            faults.push(Fault::WrongParameter { parameter, is, needs: "a port or a number", at, remedy });
        }
    }
}

fn check_condition(declared: &Declared<'_>, condition: &Located<Condition>, faults: &mut Faults) {
    let Condition { parameter, test } = &condition.value;
    let at = condition.at;
    let Some(kind) = declared.type_of(parameter, at, faults) else { return };
    let mut wrong = |needs, remedy| {
        let (parameter, is) = (parameter.clone(), kind.to_string());
        faults.push(Fault::WrongParameter { parameter, is, needs, at, remedy });
    };
    match (test, kind) {
        (Test::Flag(_), ParameterType::Flag) => {}
        (Test::Flag(_), _) => wrong("a bool", "compare it: \"name=value\"; only a bool stands alone"),
        (Test::Is(value) | Test::IsNot(value), ParameterType::Choice(choices)) => {
            if !choices.contains(value) {
                let remedy = did_you_mean(value, "values", choices.iter().map(String::as_str));
                let (key, value) = (parameter.clone(), value.clone());
                faults.push(reading::Fault::NotOneOf { key, value, at, remedy });
            }
        }
        (Test::Is(_) | Test::IsNot(_), _) => wrong("a choice", "only a choice is compared with a value"),
    }
}

fn check_inferred(rule: &RawRule, faults: &mut Faults) {
    let (id, at) = rule.id.as_ref().map_or((String::new(), rule.at), |id| (id.value.clone(), id.at));
    match (rule.inferred.is_empty(), &rule.why) {
        (false, None) => faults.push(Fault::InferredWithoutWhy { id, at }),
        (true, Some(_)) => faults.push(Fault::WhyWithoutInferred { id, at }),
        (true, None) | (false, Some(_)) => {}
    }
}
