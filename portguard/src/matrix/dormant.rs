//! What the files declare and the matrix leaves out: groups that no rule names, rules that are switched off. Nothing of
//! it reaches the datapath; `explain` names it to whoever asks why something is closed.

use std::fmt;

use serde::Serialize;

use super::{Direction, Group, Origin, PortSet, Service, product::icmp_types};
use crate::policy::{self, Condition, PortExpression, Protocol, Settings, Test};

/// Everything that was declared and has no effect.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Dormant {
    /// The groups that no rule names.
    pub groups: Vec<Group>,
    /// The rules that are switched off, and the ports that a rule would have had.
    pub rules: Vec<DormantRule>,
}

/// A rule that opens nothing of `service`, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DormantRule {
    /// Where it comes from.
    pub origin: Origin,
    /// What the port is for.
    pub description: String,
    /// Who opens the connection.
    pub direction: Direction,
    /// What it would open.
    pub service: Service,
    /// Why it does not; never empty.
    pub causes: Vec<Cause>,
}

/// Why a rule does not open what it could.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// A parameter switches it off; this is what the parameter must be, as the site file says it.
    Parameter(String),
    /// It belongs to nodes of these profiles, and this is none of them.
    Profiles(Vec<String>),
    /// Parameters of this site give the rule other ports than the document's.
    Moved {
        /// The parameters that the site sets.
        parameters: Vec<String>,
        /// The ports that the rule has instead.
        to: Option<PortSet>,
    },
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parameter(setting) => write!(f, "it is switched off: it needs the parameter {setting}"),
            Self::Profiles(profiles) => {
                write!(f, "it is for nodes of the profile {}, and this is none", profiles.join(" or "))
            }
            Self::Moved { parameters, to: Some(to) } => {
                write!(f, "with this site's {} it has {to} instead", parameters.join(" and "))
            }
            Self::Moved { parameters, to: None } => {
                write!(f, "with this site's {} it has no port", parameters.join(" and "))
            }
        }
    }
}

/// The parameters that keep a rule switched off.
pub(super) fn unmet(conditions: &[Condition], settings: &Settings) -> Vec<Cause> {
    let unmet = conditions.iter().filter(|condition| !condition.holds(settings));
    unmet.map(|Condition { parameter, test }| Cause::Parameter(setting_text(parameter, test))).collect()
}

fn setting_text(parameter: &str, test: &Test) -> String {
    match test {
        Test::Flag(flag) => format!("{parameter} = {flag}"),
        Test::Is(value) => format!("{parameter} = \"{value}\""),
        Test::IsNot(value) => format!("{parameter} to be other than \"{value}\""),
    }
}

/// The ports that a rule has with the document's defaults and not with `settings`, and by which parameters.
pub(super) fn moved(
    rule: &policy::Rule,
    defaults: &Settings,
    settings: &Settings,
) -> Option<(Service, Cause)> {
    let Protocol::Transport(transport) = rule.protocol else { return None };
    let named = rule.ports.iter().flat_map(PortExpression::parameters);
    let mut parameters: Vec<String> =
        named.filter(|&name| defaults.get(name) != settings.get(name)).map(str::to_owned).collect();
    if parameters.is_empty() {
        return None;
    }
    parameters.sort_unstable();
    parameters.dedup();
    let now = ports(&rule.ports, settings);
    let left = ports(&rule.ports, defaults)?;
    let left = match &now {
        Some(now) => left.without(now)?,
        None => left,
    };
    Some((Service::Transport { transport, ports: left }, Cause::Moved { parameters, to: now }))
}

/// What a rule that is switched off would open with `settings`; none where they give it no port.
pub(super) fn service(rule: &policy::Rule, settings: &Settings) -> Option<Service> {
    match rule.protocol {
        Protocol::Ip(number) => Some(Service::Protocol(number)),
        Protocol::Icmp(families) => Some(Service::Icmp { families, types: icmp_types(&rule.ports) }),
        Protocol::Transport(transport) => {
            Some(Service::Transport { transport, ports: ports(&rule.ports, settings)? })
        }
    }
}

/// The ports of those expressions that have any: a rule that is switched off may contradict the site's parameters.
fn ports(expressions: &[PortExpression], settings: &Settings) -> Option<PortSet> {
    PortSet::new(expressions.iter().flat_map(|ports| ports.evaluate(settings)).flatten().collect())
}
