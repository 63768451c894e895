//! Which rules admit which peer: groups in, one class a prefix out.

use std::collections::HashMap;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use portguard_common::abi::{CLASS_FIRST, CLASS_NONE, CLASS_OWN};

use super::{
    Node,
    error::{CompileError, narrow},
};
use crate::matrix::{GroupId, Matrix, RuleId};

/// A prefix and the class of the addresses whose longest match it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Source<N> {
    pub(super) prefix: N,
    pub(super) class: u32,
}

/// The rules that admit each class.
pub(super) struct Classes {
    /// Ascending rules by class, beginning with class [`CLASS_NONE`].
    rules: Vec<Vec<RuleId>>,
}

impl Classes {
    /// How many classes there are.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.rules.len()).expect("counted when they were made")
    }

    /// The rules that admit each class, class by class.
    pub(super) fn rules(&self) -> impl Iterator<Item = &[RuleId]> {
        self.rules.iter().map(Vec::as_slice)
    }
}

/// The sources of both families, parents before what they contain, and the classes.
pub(super) struct Sources {
    pub(super) v4: Vec<Source<Ipv4Net>>,
    pub(super) v6: Vec<Source<Ipv6Net>>,
    pub(super) classes: Classes,
}

/// Who has a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Holder {
    /// The node itself: an address of its own.
    Node,
    /// A group that lists it.
    Group(GroupId),
}

impl Holder {
    fn group(self) -> Option<GroupId> {
        match self {
            Self::Node => None,
            Self::Group(group) => Some(group),
        }
    }
}

/// Sorts the addresses of all groups, and the node's own, into classes.
pub(super) fn build(matrix: &Matrix, own: &Node) -> Result<Sources, CompileError> {
    let (mut held4, mut held6) = (Vec::new(), Vec::new());
    let mut add = |prefix, holder| match prefix {
        IpNet::V4(prefix) => held4.push((prefix, holder)),
        IpNet::V6(prefix) => held6.push((prefix, holder)),
    };
    for (index, group) in matrix.groups.iter().enumerate() {
        for prefix in &group.prefixes {
            add(prefix.trunc(), Holder::Group(GroupId::new(index)));
        }
    }
    for address in own.addresses() {
        add(IpNet::from(*address), Holder::Node);
    }
    let mut interner = Interner::new(matrix)?;
    let v4 = classify(held4, |outer, inner| outer.contains(inner), &mut interner)?;
    let v6 = classify(held6, |outer, inner| outer.contains(inner), &mut interner)?;
    Ok(Sources { v4, v6, classes: interner.classes() })
}

/// Gives each prefix the class of the groups that list it or a prefix around it.
fn classify<N: Ord + Copy>(
    mut held: Vec<(N, Holder)>,
    contains: impl Fn(&N, &N) -> bool,
    interner: &mut Interner,
) -> Result<Vec<Source<N>>, CompileError> {
    // In the order of a prefix's `Ord`, address first and then length, every prefix follows those around it.
    held.sort_unstable();
    let mut around: Vec<(N, SetId)> = Vec::new();
    let mut groups = Vec::new();
    let mut sources = Vec::with_capacity(held.len());
    for holders in held.chunk_by(|one, next| one.0 == next.0) {
        let prefix = holders[0].0;
        while around.last().is_some_and(|(outer, _)| !contains(outer, &prefix)) {
            around.pop();
        }
        let outer = around.last().map_or(SetId::EMPTY, |&(_, set)| set);
        groups.clear();
        groups.extend(holders.iter().filter_map(|&(_, holder)| holder.group()));
        groups.dedup();
        let set = interner.set(&groups)?;
        let set = interner.union(outer, set)?;
        around.push((prefix, set));
        let class = if holders[0].1 == Holder::Node { CLASS_OWN } else { interner.class(set)? };
        sources.push(Source { prefix, class });
    }
    Ok(sources)
}

/// The number of an interned set of groups.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct SetId(u32);

impl SetId {
    const EMPTY: Self = Self(0);
}

/// Turns sets of groups into classes; equal sets, and sets that the same rules admit, become one.
struct Interner {
    rules_of_group: Vec<Vec<RuleId>>,
    sets: Vec<Set>,
    set_ids: HashMap<Vec<GroupId>, SetId>,
    unions: HashMap<(SetId, SetId), SetId>,
    class_of_rules: HashMap<Vec<RuleId>, u32>,
    rules: Vec<Vec<RuleId>>,
}

/// Groups, ascending, and their class, once it was asked for.
struct Set {
    groups: Vec<GroupId>,
    class: Option<u32>,
}

impl Interner {
    fn new(matrix: &Matrix) -> Result<Self, CompileError> {
        narrow::<u32>(matrix.rules.len(), "rules")?;
        let mut rules_of_group = vec![Vec::new(); matrix.groups.len()];
        for (index, rule) in matrix.rules.iter().enumerate() {
            if matrix.enforces(rule.direction) {
                for group in rule.groups() {
                    rules_of_group[group.index()].push(RuleId::new(index));
                }
            }
        }
        Ok(Self {
            rules_of_group,
            sets: vec![Set { groups: Vec::new(), class: None }],
            set_ids: HashMap::from([(Vec::new(), SetId::EMPTY)]),
            unions: HashMap::new(),
            class_of_rules: HashMap::from([(Vec::new(), CLASS_NONE)]),
            // Neither a source in no group nor the node itself is admitted by any rule.
            rules: vec![Vec::new(); CLASS_FIRST as usize],
        })
    }

    /// The set of these groups, which ascend.
    fn set(&mut self, groups: &[GroupId]) -> Result<SetId, CompileError> {
        if let Some(&known) = self.set_ids.get(groups) {
            return Ok(known);
        }
        let id = SetId(narrow(self.sets.len(), "sets of groups")?);
        self.sets.push(Set { groups: groups.to_vec(), class: None });
        self.set_ids.insert(groups.to_vec(), id);
        Ok(id)
    }

    /// The groups of both sets.
    fn union(&mut self, one: SetId, other: SetId) -> Result<SetId, CompileError> {
        if one == SetId::EMPTY {
            return Ok(other);
        }
        if let Some(&known) = self.unions.get(&(one, other)) {
            return Ok(known);
        }
        let mut groups = [one, other].map(|set| &*self.sets[set.0 as usize].groups).concat();
        groups.sort_unstable();
        groups.dedup();
        let id = self.set(&groups)?;
        self.unions.insert((one, other), id);
        Ok(id)
    }

    /// The class of the sources that are in exactly the groups of `set`.
    fn class(&mut self, set: SetId) -> Result<u32, CompileError> {
        let Set { groups, class } = &mut self.sets[set.0 as usize];
        if let Some(class) = *class {
            return Ok(class);
        }
        let mut rules: Vec<RuleId> =
            groups.iter().flat_map(|group| &self.rules_of_group[group.index()]).copied().collect();
        rules.sort_unstable();
        rules.dedup();
        let number = if let Some(&number) = self.class_of_rules.get(&rules) {
            number
        } else {
            let number = narrow(self.rules.len(), "classes of sources")?;
            self.rules.push(rules.clone());
            self.class_of_rules.insert(rules, number);
            number
        };
        *class = Some(number);
        Ok(number)
    }

    fn classes(self) -> Classes {
        Classes { rules: self.rules }
    }
}
