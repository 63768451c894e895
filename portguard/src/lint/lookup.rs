//! What every question asks of a site: who a rule admits, which rule of which policy it is, where a name stands.

use std::{collections::BTreeMap, rc::Rc};

use super::addresses::AddressSet;
use crate::{
    matrix::{Availability, Direction, GroupId, Library, Matrix, Origin, Rule, Service},
    policy::{self, Policy},
    reading::SourceSpan,
    site::{self, Group, Product, Site},
};

/// A site with its parts by name.
pub(super) struct Lookup<'a> {
    pub(super) site: &'a Site,
    pub(super) matrix: &'a Matrix,
    products: BTreeMap<&'a str, (&'a Product, &'a Policy)>,
    own_rules: BTreeMap<&'a str, &'a site::Rule>,
    /// The rules that the datapath enforces, in the order of the matrix, but for the failsafe groups', which is for no port
    /// of its own.
    pub(super) inbound: Vec<Inbound<'a>>,
    /// Who is admitted whatever they say.
    pub(super) failsafe: AddressSet,
}

/// A rule that lets somebody in, or would if it admitted anybody.
pub(super) struct Inbound<'a> {
    pub(super) rule: &'a Rule,
    pub(super) groups: Vec<GroupId>,
    /// Whom it admits; rules that admit the same groups share it.
    pub(super) sources: Rc<AddressSet>,
}

impl<'a> Lookup<'a> {
    pub(super) fn new(site: &'a Site, library: &'a Library, matrix: &'a Matrix) -> Self {
        let policy = |product: &'a Product| match library.get(&product.policy.as_ref()?.value)? {
            Availability::Sound(policy) => Some(&**policy),
            Availability::Faulty | Availability::Unreadable(_) => None,
        };
        let products = site.products.iter();
        let mut sources: BTreeMap<Vec<GroupId>, Rc<AddressSet>> = BTreeMap::new();
        let inbound = matrix.rules.iter().filter(|rule| rule.direction == Direction::In);
        let inbound = inbound.filter(|rule| rule.service != Service::All).map(|rule| {
            let groups = rule.groups();
            let sources =
                sources.entry(groups.clone()).or_insert_with(|| Rc::new(addresses(matrix, &groups)));
            Inbound { rule, sources: Rc::clone(sources), groups }
        });
        Self {
            site,
            matrix,
            inbound: inbound.collect(),
            failsafe: addresses(matrix, &matrix.failsafe().map(Rule::groups).unwrap_or_default()),
            products: products.filter_map(|it| Some((it.name.as_str(), (it, policy(it)?)))).collect(),
            own_rules: site.rules.iter().map(|rule| (rule.name.as_str(), rule)).collect(),
        }
    }

    /// Each product with its policy.
    pub(super) fn products(&self) -> impl Iterator<Item = (&'a Product, &'a Policy)> {
        self.site.products.iter().filter_map(|product| self.products.get(product.name.as_str()).copied())
    }

    /// The failsafe groups that the site declares, each with the place where it is named as one.
    pub(super) fn failsafe_groups(&self) -> impl Iterator<Item = (&'a Group, SourceSpan)> {
        let site = self.site;
        site.failsafe.iter().flat_map(|failsafe| &failsafe.groups).filter_map(|name| {
            Some((site.groups.iter().find(|group| group.name.value == name.value)?, name.at))
        })
    }

    /// The rule of the policy that a rule of the matrix was made from; none for the site's own.
    pub(super) fn documented(&self, rule: &Rule) -> Option<&'a policy::Rule> {
        let Origin::Document { product, rule: id, .. } = &rule.origin else { return None };
        let (_, policy) = self.products.get(product.as_str())?;
        policy.rules.iter().find(|rule| rule.id == *id)
    }

    /// Where the name of a site's own rule stands.
    pub(super) fn place_of_rule(&self, name: &str) -> SourceSpan {
        self.own_rules[name].name.at
    }

    /// Where a rule comes from in the site file: its own name, or its product's.
    pub(super) fn place_of(&self, rule: &Rule) -> SourceSpan {
        match &rule.origin {
            Origin::Site { rule, .. } => self.place_of_rule(rule),
            Origin::Document { product, .. } => self.products[product.as_str()].0.name.at,
            Origin::Failsafe { .. } => {
                self.site.failsafe.as_ref().map_or((0, 0).into(), |failsafe| failsafe.at)
            }
        }
    }
}

pub(super) fn addresses(matrix: &Matrix, groups: &[GroupId]) -> AddressSet {
    AddressSet::new(groups.iter().flat_map(|&group| &matrix.group(group).prefixes))
}

/// A rule's name as the site knows it: its own, or `policy/rule`.
pub(super) fn name(rule: &Rule) -> String {
    match &rule.origin {
        Origin::Site { rule, .. } => format!("`{rule}`"),
        Origin::Document { policy, rule, .. } => format!("`{policy}/{rule}`"),
        Origin::Failsafe { .. } => "`failsafe`".to_owned(),
    }
}

/// The first few of many, and how many more there are.
pub(super) fn few(names: &[String]) -> String {
    const SHOWN: usize = 4;
    let mut shown: Vec<String> = names.iter().take(SHOWN).cloned().collect();
    if names.len() > SHOWN {
        shown.push(format!("{} more", names.len() - SHOWN));
    }
    match shown.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => shown.concat(),
    }
}
