//! The draft: a site file for an administrator who has none yet.
//!
//! From the policies that were chosen and what is known of the node it writes a commented file that `check` accepts, in
//! mode `observe`: roles of the cluster are bound to its nodes, others to the addresses that were given or to nobody,
//! with what to fill in. It is pure; who asks the questions, and where the file goes, is not its concern.

mod text;

use std::collections::BTreeMap;

use ipnet::IpNet;

use crate::{
    matrix::{Direction, active_rules, read_settings},
    policy::{Policy, Reach, Rule, Setting, Settings},
    reading::{Faults, Located},
    site::{Fault, Product},
};

/// What is known of a site before there is one.
#[derive(Clone, Debug, Default)]
pub struct Draft<'a> {
    /// The interfaces to guard.
    pub interfaces: Vec<String>,
    /// The nodes of the cluster.
    pub nodes: Vec<IpNet>,
    /// The products that run on this node.
    pub products: Vec<DraftProduct<'a>>,
    /// Who plays the roles that are not the cluster's, by role.
    pub roles: BTreeMap<String, Vec<IpNet>>,
    /// Who may log in; empty for no rule.
    pub ssh_from: Vec<IpNet>,
    /// Where they log in; SSH's own port where nothing is known.
    pub ssh_port: Option<u16>,
}

/// A product, named for its policy.
#[derive(Clone, Debug)]
pub struct DraftProduct<'a> {
    /// The document that it follows.
    pub policy: &'a Policy,
    /// The kinds of node that this one is, where the policy knows several.
    pub profiles: Vec<String>,
}

impl DraftProduct<'_> {
    /// The roles that let somebody in as the product comes, and that are not the cluster's own: those to ask about.
    pub fn open_roles(&self) -> Vec<&str> {
        let names = self.policy.roles.keys().map(String::as_str);
        names.filter(|name| self.needs_binding(name) && !self.is_of_the_cluster(name)).collect()
    }

    /// Whether a role is the cluster's own, so that its nodes play it.
    pub fn is_of_the_cluster(&self, role: &str) -> bool {
        self.policy.roles.get(role).is_some_and(|role| role.reach == Reach::ClusterOnly)
    }

    fn is_fixed(&self, role: &str) -> bool {
        self.policy.roles.get(role).is_some_and(|role| role.addresses.is_some())
    }

    fn needs_binding(&self, role: &str) -> bool {
        !self.is_fixed(role) && self.inbound().iter().any(|rule| rule.peers.iter().any(|peer| peer == role))
    }

    /// The parameters for ports that the document cannot know, as far as a rule that is switched on waits for them.
    fn unknown_ports(&self) -> Vec<&str> {
        let settings = self.policy.defaults();
        let is_empty =
            |name: &str| matches!(settings.get(name), Some(Setting::Ports(ports)) if ports.is_empty());
        let inbound = self.inbound();
        let named = |name: &str| {
            inbound
                .iter()
                .flat_map(|rule| &rule.ports)
                .any(|ports| ports.parameters().any(|other| other == name))
        };
        self.policy
            .parameters
            .keys()
            .map(String::as_str)
            .filter(|name| is_empty(name) && named(name))
            .collect()
    }

    /// The inbound rules that are switched on when the site changes no parameter.
    fn inbound(&self) -> Vec<&Rule> {
        // There is no file yet for places to point into, and the faults of an unwritten product are for `check` to tell.
        let nowhere = (0, 0).into();
        let located = |name: &String| Located::new(name.clone(), nowhere);
        let product = Product {
            name: located(&self.policy.name),
            at: nowhere,
            policy: None,
            roles: None,
            parameters: Vec::new(),
            profiles: (!self.profiles.is_empty()).then(|| self.profiles.iter().map(located).collect()),
            zones: Vec::new(),
        };
        let mut untold: Faults<Fault> = Faults::default();
        let settings: Settings = read_settings(&product, self.policy, &mut untold);
        let active = active_rules(&product, self.policy, &settings, &mut untold).unwrap_or_default();
        active.into_iter().filter(|rule| rule.direction == Direction::In).collect()
    }
}
