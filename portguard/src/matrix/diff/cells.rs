//! Which addresses gain and lose which ports.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    rc::Rc,
};

use super::{Change, PortsOf, interfaces::Pairing};
use crate::matrix::{
    Direction, Matrix, PortRange, PortSet, RuleId, Service, ZoneId,
    addresses::Addresses,
    segments::{Segment, Space, Unnamed, cut},
};

/// What opens and what closes, on all interfaces that both matrices have. Of a change that several interfaces share
/// there is one.
pub(super) fn changes(
    old: &Matrix,
    new: &Matrix,
    pairing: &Pairing,
    direction: Direction,
) -> (Vec<Change>, Vec<Change>) {
    let mut comparison = Comparison { old, new, direction, known: HashMap::new() };
    let (mut gained, mut lost) = (Vec::new(), Vec::new());
    for (&zones, interfaces) in &pairing.pairs {
        let (more, less) = comparison.zone(zones);
        add(&mut gained, more, interfaces);
        add(&mut lost, less, interfaces);
    }
    (gained, lost)
}

fn add(changes: &mut Vec<Change>, more: Vec<Change>, interfaces: &[String]) {
    for change in more {
        let same = |known: &&mut Change| {
            let Change { addresses, all_but: _, ports, interfaces: _, rules } = known;
            *addresses == change.addresses && *ports == change.ports && *rules == change.rules
        };
        match changes.iter_mut().find(same) {
            Some(known) => known.interfaces.extend_from_slice(interfaces),
            None => changes.push(Change { interfaces: interfaces.to_vec(), ..change }),
        }
    }
}

/// What a number's rules are, and what it is without any.
type Cell = (Vec<RuleId>, Unnamed);

/// What changes at numbers with the same cells.
struct Difference {
    gained: Addresses,
    /// The new rules that let somebody in who is new.
    gained_by: Vec<RuleId>,
    lost: Addresses,
    /// The old rules that let somebody in who is not any more.
    lost_by: Vec<RuleId>,
}

struct Comparison<'m> {
    old: &'m Matrix,
    new: &'m Matrix,
    direction: Direction,
    known: HashMap<(Cell, Cell), Rc<Difference>>,
}

/// Numbers of one change, while they are collected.
#[derive(Default)]
struct Collected {
    ports: BTreeMap<Space, Vec<PortRange>>,
    rules: BTreeSet<RuleId>,
}

/// By the addresses, so that all ports that change for them come together.
type Collection = BTreeMap<Addresses, Collected>;

impl Comparison<'_> {
    fn zone(&mut self, (before, after): (ZoneId, ZoneId)) -> (Vec<Change>, Vec<Change>) {
        let (mut gained, mut lost) = (Collection::new(), Collection::new());
        for space in Space::ALL {
            let old = cut(self.old, before, self.direction, space);
            let new = cut(self.new, after, self.direction, space);
            for (range, old, new) in overlaid(&old, &new) {
                for range in uniform(space, range) {
                    self.compare(space, range, &old.rules, &new.rules, &mut gained, &mut lost);
                }
            }
        }
        (told(gained, self.new), told(lost, self.old))
    }

    fn compare(
        &mut self,
        space: Space,
        range: PortRange,
        old: &[RuleId],
        new: &[RuleId],
        gained: &mut Collection,
        lost: &mut Collection,
    ) {
        let number = range.first();
        let judged = self.old.outbound.is_some() || self.new.outbound.is_some();
        let cell = |matrix: &Matrix, rules: &[RuleId]| match (self.direction, matrix.outbound) {
            (Direction::In, _) => (rules.to_vec(), space.unnamed(number, matrix.posture)),
            (Direction::Out, Some(outbound)) => (rules.to_vec(), space.unnamed(number, outbound.posture)),
            // Everything leaves, whatever is declared.
            (Direction::Out, None) if judged => (Vec::new(), Unnamed::Open),
            // Who is declared, not who is let through.
            (Direction::Out, None) => (rules.to_vec(), Unnamed::Closed),
        };
        let (before, after) = (cell(self.old, old), cell(self.new, new));
        if before.1 == Unnamed::BeyondRules || after.1 == Unnamed::BeyondRules {
            return;
        }
        let difference = self.difference(before, after);
        let families = space.families();
        let collect = |into: &mut Collection, addresses: &Addresses, rules: &[RuleId]| {
            let addresses = addresses.only(families);
            if !addresses.is_empty() {
                let collected = into.entry(addresses).or_default();
                collected.ports.entry(space).or_default().push(range);
                collected.rules.extend(rules);
            }
        };
        collect(gained, &difference.gained, &difference.gained_by);
        collect(lost, &difference.lost, &difference.lost_by);
    }

    fn difference(&mut self, old: Cell, new: Cell) -> Rc<Difference> {
        if let Some(known) = self.known.get(&(old.clone(), new.clone())) {
            return Rc::clone(known);
        }
        let (before, after) = (open_to(self.old, &old), open_to(self.new, &new));
        let (gained, lost) = (after.without(&before), before.without(&after));
        let by = |matrix: &Matrix, rules: &[RuleId], addresses: &Addresses| -> Vec<RuleId> {
            let meets = |&&rule: &&RuleId| admitted(matrix, &[rule]).meets(addresses);
            rules.iter().filter(meets).copied().collect()
        };
        let gained_by = by(self.new, &new.0, &gained);
        let lost_by = by(self.old, &old.0, &lost);
        let difference = Rc::new(Difference { gained, gained_by, lost, lost_by });
        self.known.insert((old, new), Rc::clone(&difference));
        difference
    }
}

/// Who may reach a number.
fn open_to(matrix: &Matrix, (rules, unnamed): &Cell) -> Addresses {
    let named = rules.iter().any(|&rule| matrix.rule(rule).service != Service::All);
    match unnamed {
        Unnamed::Open if !named => Addresses::everyone(),
        Unnamed::Open | Unnamed::Closed | Unnamed::BeyondRules => admitted(matrix, rules),
    }
}

fn admitted(matrix: &Matrix, rules: &[RuleId]) -> Addresses {
    let groups: BTreeSet<_> = rules.iter().flat_map(|&rule| matrix.rule(rule).groups()).collect();
    Addresses::of(groups.into_iter().flat_map(|group| &matrix.group(group).prefixes))
}

/// Two ways to cut the same span, laid over each other.
fn overlaid<'s>(old: &'s [Segment], new: &'s [Segment]) -> Vec<(PortRange, &'s Segment, &'s Segment)> {
    let (mut before, mut after) = (old.iter().peekable(), new.iter().peekable());
    let mut overlaid = Vec::new();
    let mut first = 0;
    while let (Some(&old), Some(&new)) = (before.peek(), after.peek()) {
        let last = old.range.last().min(new.range.last());
        overlaid.extend(PortRange::new(first, last).map(|range| (range, old, new)));
        if old.range.last() == last {
            before.next();
        }
        if new.range.last() == last {
            after.next();
        }
        first = last.saturating_add(1);
    }
    overlaid
}

/// `range` in parts that a posture treats alike: ports all are, of types and protocols each has its own meaning.
fn uniform(space: Space, range: PortRange) -> Vec<PortRange> {
    match space {
        Space::Ports(_) => vec![range],
        Space::Icmpv4 | Space::Icmpv6 | Space::Protocols => {
            (range.first()..=range.last()).map(PortRange::single).collect()
        }
    }
}

fn told(collection: Collection, matrix: &Matrix) -> Vec<Change> {
    let changes = collection.into_iter().map(|(addresses, Collected { ports, rules })| {
        let ports = ports.into_iter().filter_map(|(space, ranges)| {
            let ports = PortSet::new(ranges)?;
            Some(PortsOf { space, ports })
        });
        let mut names: Vec<String> = Vec::new();
        for rule in rules {
            let name = matrix.cite(&matrix.rule(rule).origin);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        Change {
            addresses: addresses.prefixes(),
            all_but: addresses.complement_if_shorter(),
            ports: ports.collect(),
            interfaces: Vec::new(),
            rules: names,
        }
    });
    changes.collect()
}
