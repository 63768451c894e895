//! Which rules admit which peer: groups in, one class a prefix out.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use portguard_common::abi::{CLASS_FIRST, CLASS_NONE, CLASS_OWN};

use super::{
    NodeAddresses,
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

/// Sorts the addresses of all groups, and the node's own, into classes.
pub(super) fn build(matrix: &Matrix, own: &NodeAddresses) -> Result<Sources, CompileError> {
    let mut interner = Interner::new(matrix)?;
    let (mut direct4, mut direct6) = (BTreeMap::new(), BTreeMap::new());
    for (index, group) in matrix.groups.iter().enumerate() {
        let id = GroupId::new(index);
        for prefix in &group.prefixes {
            match prefix.trunc() {
                IpNet::V4(prefix) => push(&mut direct4, prefix, id),
                IpNet::V6(prefix) => push(&mut direct6, prefix, id),
            }
        }
    }
    let (mut own4, mut own6) = (Vec::new(), Vec::new());
    for address in own.as_slice() {
        match address {
            IpAddr::V4(address) => own4.push(Ipv4Net::from(*address)),
            IpAddr::V6(address) => own6.push(Ipv6Net::from(*address)),
        }
    }
    let v4 = classify(direct4, &own4, |outer, inner| outer.contains(inner), &mut interner)?;
    let v6 = classify(direct6, &own6, |outer, inner| outer.contains(inner), &mut interner)?;
    Ok(Sources { v4, v6, classes: interner.classes() })
}

fn push<N: Ord>(direct: &mut BTreeMap<N, Vec<GroupId>>, prefix: N, id: GroupId) {
    direct.entry(prefix).or_default().push(id);
}

/// Gives each prefix the class of the groups that list it or a prefix around it.
fn classify<N: Ord + Copy>(
    direct: BTreeMap<N, Vec<GroupId>>,
    own: &[N],
    contains: impl Fn(&N, &N) -> bool,
    interner: &mut Interner,
) -> Result<Vec<Source<N>>, CompileError> {
    let mut direct = direct;
    for prefix in own {
        direct.entry(*prefix).or_default();
    }
    // In the order of a prefix's `Ord`, address first and then length, every prefix follows those around it.
    let mut around: Vec<(N, SetId)> = Vec::new();
    let mut sources = Vec::with_capacity(direct.len());
    for (prefix, groups) in direct {
        while around.last().is_some_and(|(outer, _)| !contains(outer, &prefix)) {
            around.pop();
        }
        let outer = around.last().map_or(SetId::EMPTY, |&(_, set)| set);
        let set = interner.union(outer, groups)?;
        around.push((prefix, set));
        let class = if own.binary_search(&prefix).is_ok() { CLASS_OWN } else { interner.class(set)? };
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
    sets: Vec<Vec<GroupId>>,
    set_ids: HashMap<Vec<GroupId>, SetId>,
    unions: HashMap<(SetId, Vec<GroupId>), SetId>,
    class_of_set: HashMap<SetId, u32>,
    class_of_rules: HashMap<Vec<RuleId>, u32>,
    rules: Vec<Vec<RuleId>>,
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
            sets: vec![Vec::new()],
            set_ids: HashMap::from([(Vec::new(), SetId::EMPTY)]),
            unions: HashMap::new(),
            class_of_set: HashMap::new(),
            class_of_rules: HashMap::from([(Vec::new(), CLASS_NONE)]),
            // Neither a source in no group nor the node itself is admitted by any rule.
            rules: vec![Vec::new(); CLASS_FIRST as usize],
        })
    }

    /// `outer` and `groups` together.
    fn union(&mut self, outer: SetId, groups: Vec<GroupId>) -> Result<SetId, CompileError> {
        let key = (outer, groups);
        if let Some(&known) = self.unions.get(&key) {
            return Ok(known);
        }
        let mut set = self.sets[outer.0 as usize].clone();
        set.extend_from_slice(&key.1);
        set.sort_unstable();
        set.dedup();
        let id = if let Some(&id) = self.set_ids.get(&set) {
            id
        } else {
            let id = SetId(narrow(self.sets.len(), "sets of groups")?);
            self.sets.push(set.clone());
            self.set_ids.insert(set, id);
            id
        };
        self.unions.insert(key, id);
        Ok(id)
    }

    /// The class of the sources that are in exactly the groups of `set`.
    fn class(&mut self, set: SetId) -> Result<u32, CompileError> {
        if let Some(&class) = self.class_of_set.get(&set) {
            return Ok(class);
        }
        let groups = &self.sets[set.0 as usize];
        let mut rules: Vec<RuleId> =
            groups.iter().flat_map(|group| &self.rules_of_group[group.index()]).copied().collect();
        rules.sort_unstable();
        rules.dedup();
        let class = if let Some(&class) = self.class_of_rules.get(&rules) {
            class
        } else {
            let class = narrow(self.rules.len(), "classes of sources")?;
            self.rules.push(rules.clone());
            self.class_of_rules.insert(rules, class);
            class
        };
        self.class_of_set.insert(set, class);
        Ok(class)
    }

    fn classes(self) -> Classes {
        Classes { rules: self.rules }
    }
}
