//! One product of a site: its policy's rules with the site's roles, parameters, profiles and zones put in.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Availability, Direction, GroupId, IcmpTypes, Library, Origin, Peer, PeerKind, PortSet, Rule, Service,
    ZoneId,
    dormant::{self, Cause, DormantRule},
    scope::Scope,
};
use crate::{
    policy::{
        self, BUILT_IN, Policy, PortExpression, PortFault, ProfileChoice, Protocol, SELF, Settings,
        read_setting,
    },
    reading::{self, SourceSpan, closest, did_you_mean},
    site::{Fault, PolicyReference, Product},
};

type Faults = reading::Faults<Fault>;

/// The product's rules that are switched on. Its groups are followed even when its policy cannot be had.
pub(super) fn resolve_product(
    product: &Product,
    library: &Library,
    scope: &mut Scope<'_>,
    dormant: &mut Vec<DormantRule>,
    faults: &mut Faults,
) -> Vec<Rule> {
    let roles = bind_roles(product, scope, faults);
    let zones = bind_zones(product, scope, faults);
    let Some(policy) = find_policy(product, library, faults) else { return Vec::new() };
    check_names(product, policy, faults);
    let settings = read_settings(product, policy, faults);
    let Some(active) = active_rules(product, policy, &settings, faults) else { return Vec::new() };
    let mut resolver = Resolver { product, policy, settings, roles, zones, scope, faults };
    dormant.extend(resolver.dormant_rules());
    resolver.report_unbound_roles(&active);
    resolver.report_unbound_zones(&active);
    active.into_iter().flat_map(|rule| resolver.resolve_rule(rule)).collect()
}

/// The groups of each role, and where the binding stands.
type Roles = BTreeMap<String, (SourceSpan, Vec<GroupId>)>;

fn bind_roles(product: &Product, scope: &mut Scope<'_>, faults: &mut Faults) -> Roles {
    let bound = product.roles.iter().flatten().map(|(role, groups)| {
        let mut groups: Vec<GroupId> = groups.iter().filter_map(|group| scope.group(group, faults)).collect();
        groups.sort_unstable();
        (role.value.clone(), (role.at, groups))
    });
    bound.collect()
}

fn bind_zones(
    product: &Product,
    scope: &mut Scope<'_>,
    faults: &mut Faults,
) -> BTreeMap<String, Vec<ZoneId>> {
    let bound = product.zones.iter().map(|(zone, names)| {
        let zones = names.iter().filter_map(|name| scope.zone(name, faults)).collect();
        (zone.value.clone(), zones)
    });
    bound.collect()
}

fn find_policy<'l>(product: &Product, library: &'l Library, faults: &mut Faults) -> Option<&'l Policy> {
    let reference = product.policy.as_ref()?;
    let at = reference.at;
    match (library.get(&reference.value), &reference.value) {
        (Some(Availability::Sound(policy)), _) => Some(policy),
        (Some(Availability::Faulty), _) => None,
        (
            Some(Availability::Unreadable(why)),
            PolicyReference::BuiltIn(path) | PolicyReference::File(path),
        ) => {
            faults.push(Fault::UnreadablePolicy { path: path.clone(), why: why.clone(), at });
            None
        }
        (None, PolicyReference::BuiltIn(name) | PolicyReference::File(name)) => {
            let known = BUILT_IN.iter().map(|policy| policy.name);
            let mut remedy = did_you_mean(name, "policies that come with portguard", known);
            remedy.push_str("; a file of your own is named by its path, for example \"./my-product.toml\"");
            faults.push(Fault::UnknownPolicy { name: name.clone(), at, remedy });
            None
        }
    }
}

/// Notes the roles and zones that the policy does not have, and the roles that cannot be bound.
fn check_names(product: &Product, policy: &Policy, faults: &mut Faults) {
    for (role, _) in product.roles.iter().flatten() {
        match policy.roles.get(role.as_str()) {
            None => {
                let known = policy.roles.iter().filter(|(_, role)| role.addresses.is_none());
                let remedy = did_you_mean(role.as_str(), "roles", known.map(|(name, _)| name.as_str()));
                faults.push(not_in_policy("role", role, policy, remedy));
            }
            Some(policy::Role { addresses: Some(addresses), .. }) => faults.push(Fault::FixedRole {
                role: role.value.clone(),
                document: policy.document.clone(),
                addresses: addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
                at: role.at,
            }),
            Some(_) => {}
        }
    }
    for (zone, _) in &product.zones {
        if !policy.zones.contains_key(zone.as_str()) {
            let remedy = did_you_mean(zone.as_str(), "zones", policy.zones.keys().map(String::as_str));
            faults.push(not_in_policy("zone", zone, policy, remedy));
        }
    }
}

fn not_in_policy(
    kind: &'static str,
    name: &reading::Located<String>,
    policy: &Policy,
    remedy: String,
) -> Fault {
    let (name, at) = (name.value.clone(), name.at);
    Fault::NotInPolicy { kind, name, policy: policy.name.clone(), at, remedy }
}

/// The policy's defaults with what the site changes.
pub fn read_settings(product: &Product, policy: &Policy, faults: &mut Faults) -> Settings {
    let mut settings = policy.defaults();
    for (name, value) in &product.parameters {
        match policy.parameters.get(name.as_str()) {
            None => {
                let known = policy.parameters.keys().map(String::as_str);
                let remedy = did_you_mean(name.as_str(), "parameters", known);
                faults.push(not_in_policy("parameter", name, policy, remedy));
            }
            Some(parameter) => {
                if let Some(setting) = read_setting(value, &parameter.kind, faults) {
                    settings.insert(name.value.clone(), setting);
                }
            }
        }
    }
    settings
}

/// The rules that are switched on; `None` when the site must name this node's profiles and does not.
pub fn active_rules<'p>(
    product: &Product,
    policy: &'p Policy,
    settings: &Settings,
    faults: &mut Faults,
) -> Option<Vec<&'p policy::Rule>> {
    let profiles = choose_profiles(product, policy, faults)?;
    let active = policy
        .rules
        .iter()
        .filter(|rule| rule.when.iter().all(|condition| condition.holds(settings)))
        .filter(|rule| rule.profiles.is_empty() || rule.profiles.iter().any(|name| profiles.contains(name)));
    Some(active.collect())
}

/// The profiles of this node; `None` when the site must say and does not.
fn choose_profiles(product: &Product, policy: &Policy, faults: &mut Faults) -> Option<BTreeSet<String>> {
    let chosen = product.profiles.as_deref().unwrap_or_default();
    for name in chosen {
        if !policy.profiles.contains_key(name.as_str()) {
            let remedy = did_you_mean(name.as_str(), "profiles", policy.profiles.keys().map(String::as_str));
            faults.push(not_in_policy("profile", name, policy, remedy));
        }
    }
    if !chosen.is_empty() {
        return Some(chosen.iter().map(|name| name.value.clone()).collect());
    }
    match (policy.profile_choice, &product.profiles) {
        (ProfileChoice::All, None) => Some(policy.profiles.keys().cloned().collect()),
        (ProfileChoice::Required, None) => {
            let profiles =
                policy.profiles.keys().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
            faults.push(Fault::ProfilesMissing { policy: policy.name.clone(), profiles, at: product.at });
            None
        }
        (ProfileChoice::All | ProfileChoice::Required, Some(_)) => Some(BTreeSet::new()),
    }
}

struct Resolver<'a, 's> {
    product: &'a Product,
    policy: &'a Policy,
    settings: Settings,
    roles: Roles,
    zones: BTreeMap<String, Vec<ZoneId>>,
    scope: &'a mut Scope<'s>,
    faults: &'a mut Faults,
}

impl Resolver<'_, '_> {
    /// A role of a rule that is kept must be bound, be it to nobody: forgetting it would break the cluster in silence.
    fn report_unbound_roles<'p>(&mut self, active: &[&'p policy::Rule]) {
        let Some(bindings) = &self.product.roles else { return };
        let misspelt: Vec<&str> = bindings
            .iter()
            .filter(|(name, _)| !self.policy.roles.contains_key(name.as_str()))
            .filter_map(|(name, _)| closest(name.as_str(), self.policy.roles.keys().map(String::as_str)))
            .collect();
        let mut unbound: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for rule in active {
            let kept = |direction, peers: &'p [String]| {
                if self.scope.enforces(direction) { peers } else { &[] }
            };
            let peers = kept(rule.direction, &rule.peers).iter().chain(kept(Direction::Out, &rule.reaches));
            for role in peers.filter(|role| self.is_unbound(role) && !misspelt.contains(&role.as_str())) {
                let admitting = unbound.entry(role).or_default();
                if admitting.last() != Some(&rule.id.as_str()) {
                    admitting.push(&rule.id);
                }
            }
        }
        for (role, rules) in unbound {
            self.faults.push_absence(Fault::UnboundRole {
                role: role.into(),
                meaning: self
                    .policy
                    .roles
                    .get(role)
                    .map(|role| role.meaning.as_str().into())
                    .unwrap_or_default(),
                policy: self.policy.name.as_str().into(),
                product: self.product.name.as_str().into(),
                at: self.product.at,
                rules: shortened(&rules).into(),
            });
        }
    }

    fn is_unbound(&self, role: &str) -> bool {
        let fixed = self.policy.roles.get(role).is_some_and(|role| role.addresses.is_some());
        role != SELF && !fixed && !self.roles.contains_key(role)
    }

    fn report_unbound_zones(&mut self, active: &[&policy::Rule]) {
        if self.scope.unnamed_zone().is_some() {
            return;
        }
        let unbound: BTreeSet<&String> = active
            .iter()
            .flat_map(|rule| &rule.zones)
            .filter(|zone| !self.zones.contains_key(zone.as_str()))
            .collect();
        for zone in unbound {
            self.faults.push_absence(Fault::UnboundZone {
                zone: zone.clone(),
                policy: self.policy.name.clone(),
                product: self.product.name.value.clone(),
                at: self.product.at,
            });
        }
    }

    /// The rule with everything put in, and what it says of the node's own connections where those are judged; nothing
    /// where it opens no port or holds on no zone, or has a fault.
    fn resolve_rule(&mut self, rule: &policy::Rule) -> Vec<Rule> {
        let Some(service) = self.service(rule) else { return Vec::new() };
        let zones = self.rule_zones(rule);
        if zones.is_empty() {
            return Vec::new();
        }
        let mut halves = vec![(rule.direction, &rule.peers)];
        if !rule.reaches.is_empty() && self.scope.enforces(Direction::Out) {
            halves.push((Direction::Out, &rule.reaches));
        }
        let halves = halves.into_iter().map(|(direction, roles)| Rule {
            origin: self.origin(rule, direction),
            description: rule.description.clone(),
            direction,
            service: service.clone(),
            zones: zones.clone(),
            peers: roles.iter().map(|role| self.peer(role)).collect(),
        });
        halves.collect()
    }

    /// The rules that are switched off, and the ports that parameters take away from others.
    fn dormant_rules(&self) -> Vec<DormantRule> {
        let rules = self.policy.rules.iter().filter_map(|rule| {
            let causes = self.causes_of_sleep(rule);
            let (service, causes) = if causes.is_empty() {
                let (service, cause) = dormant::moved(rule, &self.policy.defaults(), &self.settings)?;
                (service, vec![cause])
            } else {
                (dormant::service(rule, &self.settings)?, causes)
            };
            Some(DormantRule {
                origin: self.origin(rule, rule.direction),
                description: rule.description.clone(),
                direction: rule.direction,
                service,
                causes,
            })
        });
        rules.collect()
    }

    fn causes_of_sleep(&self, rule: &policy::Rule) -> Vec<Cause> {
        let mut causes = dormant::unmet(&rule.when, &self.settings);
        let named = |chosen: &Vec<reading::Located<String>>| {
            chosen.iter().any(|name| rule.profiles.contains(&name.value))
        };
        // A site that names no profiles has all of them.
        if !rule.profiles.is_empty() && !self.product.profiles.as_ref().is_none_or(named) {
            causes.push(Cause::Profiles(rule.profiles.clone()));
        }
        causes
    }

    /// `inferred` is that of one direction: who is at the other end is said of each by itself.
    fn origin(&self, rule: &policy::Rule, direction: Direction) -> Origin {
        let others = match direction {
            Direction::In => "to",
            Direction::Out => "from",
        };
        Origin::Document {
            product: self.product.name.value.clone(),
            policy: self.policy.name.clone(),
            rule: rule.id.clone(),
            document: self.policy.document.clone(),
            section: rule.place.section.clone(),
            line: rule.place.lines.first().copied().expect("a checked place has a line"),
            says: rule.says.clone(),
            inferred: rule.inferred.iter().filter(|field| *field != others).cloned().collect(),
        }
    }

    fn service(&mut self, rule: &policy::Rule) -> Option<Service> {
        match rule.protocol {
            Protocol::Ip(number) => Some(Service::Protocol(number)),
            Protocol::Icmp(families) => Some(Service::Icmp { families, types: icmp_types(&rule.ports) }),
            Protocol::Transport(transport) => {
                let mut ranges = Vec::new();
                for ports in &rule.ports {
                    match ports.evaluate(&self.settings) {
                        Ok(more) => ranges.extend(more),
                        Err(fault) => self.report_ports(rule, ports, &fault),
                    }
                }
                Some(Service::Transport { transport, ports: PortSet::new(ranges)? })
            }
        }
    }

    /// With its defaults the policy has all its ports, so a fault comes of a parameter that this site sets.
    fn report_ports(&mut self, rule: &policy::Rule, ports: &PortExpression, fault: &PortFault) {
        let named: BTreeSet<&str> = ports.parameters().collect();
        let set = self.product.parameters.iter().find(|(name, _)| named.contains(name.as_str()));
        let at = set.map_or(self.product.at, |(_, value)| value.at);
        let (rule, policy, expression) = (rule.id.clone(), self.policy.name.clone(), ports.to_string());
        match *fault {
            PortFault::NotAPort(value) => {
                self.faults.push(Fault::NotAPort { rule, policy, expression, value, at });
            }
            PortFault::Reversed(first, last) => {
                self.faults.push(Fault::ReversedPorts { rule, policy, expression, first, last, at });
            }
            PortFault::NotANumber(_) => unreachable!("a checked policy adds only numbers to ports"),
        }
    }

    fn peer(&mut self, role: &str) -> Peer {
        let kind = if role == SELF {
            PeerKind::Node
        } else if let Some(addresses) = self.policy.roles.get(role).and_then(|role| role.addresses.as_deref())
        {
            PeerKind::Groups(vec![self.scope.fixed_group(&self.policy.name, role, addresses)])
        } else {
            PeerKind::Groups(self.roles.get(role).map(|(_, groups)| groups.clone()).unwrap_or_default())
        };
        Peer { role: role.to_owned(), kind }
    }

    fn rule_zones(&self, rule: &policy::Rule) -> Vec<ZoneId> {
        if rule.zones.is_empty() {
            return self.scope.every_zone();
        }
        let bound = rule.zones.iter().flat_map(|zone| match self.zones.get(zone) {
            Some(zones) => zones.clone(),
            None => self.scope.unnamed_zone().into_iter().collect(),
        });
        let zones: BTreeSet<ZoneId> = bound.collect();
        zones.into_iter().collect()
    }
}

/// The ICMP types that a rule lists.
pub(super) fn icmp_types(expressions: &[PortExpression]) -> IcmpTypes {
    let listed: Option<Vec<u8>> = expressions
        .iter()
        .map(|ports| ports.as_number().and_then(|number| u8::try_from(number).ok()))
        .collect();
    listed.map_or(IcmpTypes::All, |mut types| {
        types.sort_unstable();
        types.dedup();
        IcmpTypes::Listed(types)
    })
}

/// The first few rules by name, and how many more there are.
fn shortened(rules: &[&str]) -> String {
    const SHOWN: usize = 4;
    let mut names: Vec<String> = rules.iter().take(SHOWN).map(|rule| format!("`{rule}`")).collect();
    if rules.len() > SHOWN {
        names.push(format!("and {} more", rules.len() - SHOWN));
    }
    names.join(", ")
}
