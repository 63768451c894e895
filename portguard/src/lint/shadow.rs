//! Rules that others make pointless: those that add nothing, and those that leave a document nothing to decide.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Warning,
    addresses::AddressSet,
    lookup::{Inbound, Lookup, few, name},
    openings::rule_sets,
};
use crate::matrix::Origin;

/// The site's rules that add nothing, then those that make documented rules add nothing.
pub(super) fn find(lookup: &Lookup<'_>) -> Vec<Warning> {
    let shadows = Shadows::new(lookup);
    let (mut warnings, idle) = shadows.idle();
    warnings.extend(shadows.overriding(&idle));
    warnings
}

/// From so many rules on, those that are needed are found in one pass instead of one by one.
const MANY: usize = 32;

struct Shadows<'a, 'l> {
    lookup: &'l Lookup<'a>,
    /// The rules of the matrix that each rule of the site became, in the order of the file.
    own: Vec<(&'l str, BTreeSet<usize>)>,
    sets: Vec<Vec<usize>>,
    /// The sets that each rule is in.
    sets_of: BTreeMap<usize, Vec<usize>>,
}

impl<'a, 'l> Shadows<'a, 'l> {
    fn new(lookup: &'l Lookup<'a>) -> Self {
        let mut own: Vec<(&str, BTreeSet<usize>)> = Vec::new();
        for (index, Inbound { rule, .. }) in lookup.inbound.iter().enumerate() {
            let Origin::Site { rule, .. } = &rule.origin else { continue };
            match own.last_mut() {
                Some((name, indexes)) if name == rule => indexes.extend([index]),
                _ => own.push((rule, BTreeSet::from([index]))),
            }
        }
        let sets = if own.is_empty() { Vec::new() } else { rule_sets(&lookup.inbound) };
        let mut sets_of: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (position, set) in sets.iter().enumerate() {
            for &rule in set {
                sets_of.entry(rule).or_default().push(position);
            }
        }
        // What shows most often that a rule is needed is that it stands alone.
        for positions in sets_of.values_mut() {
            positions.sort_by_key(|&position| sets[position].len());
        }
        Self { lookup, own, sets, sets_of }
    }

    fn sets_of(&self, rule: usize) -> impl Iterator<Item = &[usize]> {
        self.sets_of.get(&rule).into_iter().flatten().map(|&position| self.sets[position].as_slice())
    }

    fn sources(&self, rule: usize) -> &AddressSet {
        &self.lookup.inbound[rule].sources
    }

    /// Whether, wherever `rule` holds, those of `others` that hold there too admit all of its sources.
    fn is_covered_by(&self, rule: usize, others: &BTreeSet<usize>) -> bool {
        self.sets_of(rule).all(|set| {
            let there = others.iter().filter(|other| set.binary_search(other).is_ok());
            let there: Vec<_> = there.map(|&other| self.sources(other)).collect();
            self.sources(rule).is_within(&there)
        })
    }

    /// Whether, wherever `rule` holds, all others but the `ignored` ones admit all of its sources.
    fn is_covered_without(&self, rule: usize, ignored: &BTreeSet<usize>) -> bool {
        self.sets_of(rule).all(|set| {
            let others = set.iter().copied().filter(|other| *other != rule && !ignored.contains(other));
            // Of many rules for the same groups the first settles it.
            if others.clone().any(|other| std::ptr::eq(self.sources(other), self.sources(rule))) {
                return true;
            }
            let others: Vec<_> = others.map(|other| self.sources(other)).collect();
            self.sources(rule).is_within(&others)
        })
    }

    /// The rules that are needed for all to see: nobody else admits some source of theirs.
    fn plainly_needed(&self) -> BTreeSet<usize> {
        let many = self.sets.iter().filter(|set| set.len() > MANY);
        let needed = many.flat_map(|set| {
            let sources: Vec<_> = set.iter().map(|&rule| (rule, self.sources(rule))).collect();
            AddressSet::with_an_address_alone(&sources)
        });
        needed.collect()
    }

    /// The site's rules that add nothing. Of two that say the same the later one does, so the last is asked first, and
    /// what was found idle no longer counts. A rule that admits nobody closes a port on purpose.
    fn idle(&self) -> (Vec<Warning>, BTreeSet<usize>) {
        let needed = self.plainly_needed();
        let mut idle: BTreeSet<usize> = BTreeSet::new();
        let mut warnings = Vec::new();
        for (rule, indexes) in self.own.iter().rev() {
            let admits_nobody = indexes.iter().any(|&index| self.sources(index).is_empty());
            if admits_nobody || !needed.is_disjoint(indexes) {
                continue;
            }
            idle.extend(indexes);
            if indexes.iter().all(|&index| self.is_covered_without(index, &idle)) {
                warnings.push(Warning::IdleRule {
                    rule: (*rule).to_owned(),
                    by: few(&self.helpers(indexes, &idle)),
                    at: self.lookup.place_of_rule(rule),
                });
            } else {
                idle = &idle - indexes;
            }
        }
        (warnings, idle)
    }

    /// The rules that admit the same sources to the same ports: one that does it alone, or all that have a part in it.
    fn helpers(&self, indexes: &BTreeSet<usize>, idle: &BTreeSet<usize>) -> Vec<String> {
        let covers_alone = |other: &usize| {
            let other = BTreeSet::from([*other]);
            indexes.iter().all(|&rule| self.is_covered_by(rule, &other))
        };
        // Who does it alone holds wherever the rule does, and so in any one place.
        let somewhere = indexes.first().and_then(|&rule| self.sets_of(rule).next()).unwrap_or_default();
        if let Some(&alone) =
            somewhere.iter().filter(|other| !idle.contains(other)).find(|other| covers_alone(other))
        {
            return vec![name(self.lookup.inbound[alone].rule)];
        }
        let there: BTreeSet<usize> =
            indexes.iter().flat_map(|&rule| self.sets_of(rule).flatten()).copied().collect();
        let has_a_part =
            |other: &&usize| indexes.iter().any(|&rule| self.sources(**other).meets(self.sources(rule)));
        let helpers = there.difference(idle).filter(has_a_part);
        let mut names: Vec<String> = helpers.map(|&helper| name(self.lookup.inbound[helper].rule)).collect();
        names.dedup();
        names
    }

    /// The site's rules that admit everybody whom a documented rule admits.
    fn overriding(&self, idle: &BTreeSet<usize>) -> Vec<Warning> {
        let is_documented =
            |rule: usize| matches!(self.lookup.inbound[rule].rule.origin, Origin::Document { .. });
        let documented = |set: &Vec<usize>| set.iter().copied().filter(|&rule| is_documented(rule)).collect();
        let documented: Vec<Vec<usize>> = self.sets.iter().map(documented).collect();
        let mut warnings = Vec::new();
        for (rule, indexes) in self.own.iter().filter(|(_, indexes)| indexes.is_disjoint(idle)) {
            let sets = indexes.iter().filter_map(|index| self.sets_of.get(index)).flatten();
            let meets: BTreeSet<usize> = sets.flat_map(|&set| &documented[set]).copied().collect();
            let overridden: Vec<String> = meets
                .into_iter()
                .filter(|&other| !self.sources(other).is_empty() && self.is_covered_by(other, indexes))
                .map(|other| name(self.lookup.inbound[other].rule))
                .collect();
            if !overridden.is_empty() {
                warnings.push(Warning::OverridingRule {
                    rule: (*rule).to_owned(),
                    documented: few(&overridden),
                    at: self.lookup.place_of_rule(rule),
                });
            }
        }
        warnings
    }
}
