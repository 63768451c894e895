//! What a generation's counters count, in words: a legend that outlives the matrix it was made from.
//!
//! It is kept with the generation, so that the next process, which may have another site before it, still knows what was
//! counted.

use std::{collections::BTreeMap, iter, ops::Range};

use portguard_common::{
    Reason,
    abi::{Counter, port_slots},
};
use serde::{Deserialize, Serialize};

use super::Counted;
use crate::{
    compile::{Legend, LegendPort, Target},
    matrix::{Direction, Matrix, Mode, Origin, Outbound, Posture},
};

/// What every counter of a generation counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chart {
    /// Whether what its counters call dropped passed.
    observe: bool,
    /// What became of packets to undocumented ports.
    fate: Fate,
    /// The same of what leaves, where that is judged. Older charts don't say.
    #[serde(default)]
    outbound: Option<OutboundChart>,
    /// The reasons, by the slots of their counters: those of what comes in, then the same of what leaves, if that is judged.
    reasons: Vec<String>,
    zones: Vec<String>,
    rules: Vec<String>,
    /// Whose each of the rules is, by its product's name on the site. Older charts don't say.
    #[serde(default)]
    products: Vec<String>,
    /// Lists of rules.
    lists: Vec<Vec<u32>>,
    runs: Vec<Run>,
}

/// What becomes of packets that leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct OutboundChart {
    observe: bool,
    fate: Fate,
}

/// What becomes of packets to undocumented ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Fate {
    Pass,
    Drop,
    WouldDrop,
}

impl Fate {
    fn new(mode: Mode, posture: Posture) -> Self {
        match (posture, mode) {
            (Posture::Pass, _) => Self::Pass,
            (Posture::Drop, Mode::Enforce) => Self::Drop,
            (Posture::Drop, Mode::Observe) => Self::WouldDrop,
        }
    }

    /// Adds packets of this fate.
    pub(super) fn add(self, to: &mut Counted, counter: Counter) {
        match self {
            Self::Pass => to.passed.add(counter),
            Self::Drop => to.dropped.add(counter),
            Self::WouldDrop => to.would_drop.add(counter),
        }
    }
}

/// Neighbouring ports that the same rules name, their counters one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Run {
    zone: u32,
    #[serde(default)]
    direction: Direction,
    first: Target,
    length: u32,
    slot: u32,
    list: u32,
}

/// One documented port and its counters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChartPort<'a> {
    /// The zone's name.
    pub zone: &'a str,
    /// Whether it is the node's port, or one that the node reaches.
    pub direction: Direction,
    /// The port.
    pub target: Target,
    /// Its first counter; the others follow as [`port_slots`] says.
    pub slot: u32,
    /// The list of its rules.
    pub list: u32,
}

/// Documented ports in a row that the same rules name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ChartRun<'a> {
    /// The zone's name.
    pub(super) zone: &'a str,
    /// Whether they are the node's ports, or ports that the node reaches.
    pub(super) direction: Direction,
    /// The first of them.
    pub(super) first: Target,
    /// How many there are.
    pub(super) length: u32,
    /// The list of their rules.
    pub(super) list: u32,
    /// Their counters.
    pub(super) slots: Range<u32>,
}

impl Chart {
    /// The legend in the words of `matrix`.
    pub fn new(legend: &Legend, matrix: &Matrix) -> Self {
        let mut lists: BTreeMap<Vec<u32>, u32> = BTreeMap::new();
        let mut runs: Vec<Run> = Vec::new();
        for LegendPort { zone, direction, target, slot, rules } in legend.ports() {
            let rules: Vec<u32> = rules.iter().map(|rule| number(rule.index())).collect();
            let zone = number(zone.index());
            let step = port_slots::ADMITTED + number(rules.len());
            let next = number(lists.len());
            let list = *lists.entry(rules).or_insert(next);
            match runs.last_mut() {
                Some(run)
                    if (run.zone, run.direction, run.list) == (zone, direction, list)
                        && run.slot + run.length * step == slot
                        && run.first.after(run.length) == Some(target) =>
                {
                    run.length += 1;
                }
                _ => runs.push(Run { zone, direction, first: target, length: 1, slot, list }),
            }
        }
        let mut in_order = vec![Vec::new(); lists.len()];
        for (rules, list) in lists {
            in_order[list as usize] = rules;
        }
        let outbound = matrix.outbound.map(|Outbound { mode, posture, attach: _ }| OutboundChart {
            observe: mode == Mode::Observe,
            fate: Fate::new(mode, posture),
        });
        let directions = 1 + usize::from(outbound.is_some());
        let reasons = iter::repeat_n(Reason::ALL, directions).flatten();
        Self {
            observe: matrix.mode == Mode::Observe,
            fate: Fate::new(matrix.mode, matrix.posture),
            outbound,
            reasons: reasons.map(|reason| reason.name().to_owned()).collect(),
            zones: matrix.zones.iter().map(|zone| zone.name.clone()).collect(),
            rules: matrix.rules.iter().map(|rule| matrix.cite(&rule.origin)).collect(),
            products: matrix.rules.iter().map(|rule| product(&rule.origin).to_owned()).collect(),
            lists: in_order,
            runs,
        }
    }

    /// Whether the generation only counts what it would drop of what goes this way.
    pub fn observe(&self, direction: Direction) -> bool {
        match direction {
            Direction::In => self.observe,
            Direction::Out => self.outbound.is_some_and(|outbound| outbound.observe),
        }
    }

    /// Whether what leaves is judged.
    pub fn judges_outbound(&self) -> bool {
        self.outbound.is_some()
    }

    pub(super) fn fate(&self, direction: Direction) -> Fate {
        match (direction, self.outbound) {
            (Direction::Out, Some(outbound)) => outbound.fate,
            (Direction::In, _) | (Direction::Out, None) => self.fate,
        }
    }

    /// The reasons' counters: slot, direction and name.
    pub fn reasons(&self) -> impl Iterator<Item = (u32, Direction, &str)> {
        let inbound = self.reasons.len() / if self.outbound.is_some() { 2 } else { 1 };
        let direction = move |place| if place < inbound { Direction::In } else { Direction::Out };
        let named = self.reasons.iter().enumerate();
        named.map(move |(place, name)| (number(place), direction(place), name.as_str()))
    }

    /// The documented ports, ascending by slot.
    pub fn ports(&self) -> impl Iterator<Item = ChartPort<'_>> {
        self.ports_where(|_| true)
    }

    /// Those in the ranges that are `wanted`: there are few ranges, and many thousands of ports.
    pub(super) fn ports_where(
        &self,
        wanted: impl Fn(&ChartRun<'_>) -> bool,
    ) -> impl Iterator<Item = ChartPort<'_>> {
        let runs = self.runs.iter().filter(move |run| self.told(run).is_some_and(|told| wanted(&told)));
        runs.flat_map(move |run| {
            let step = self.step(run);
            (0..run.length).filter_map(move |place| self.port_at(run, place, step))
        })
    }

    /// How many counters each port of `run` has.
    fn step(&self, run: &Run) -> u32 {
        port_slots::ADMITTED + number(self.rules_of(run.list).len())
    }

    /// The port at `place` of `run`, each of whose ports has `step` counters.
    fn port_at(&self, run: &Run, place: u32, step: u32) -> Option<ChartPort<'_>> {
        Some(ChartPort {
            zone: self.zones.get(run.zone as usize)?,
            direction: run.direction,
            target: run.first.after(place)?,
            slot: run.slot + place * step,
            list: run.list,
        })
    }

    /// The documented ports, neighbours that the same rules name together, ascending by slot.
    pub(super) fn runs(&self) -> impl Iterator<Item = ChartRun<'_>> {
        self.runs.iter().filter_map(|run| self.told(run))
    }

    fn told(&self, run: &Run) -> Option<ChartRun<'_>> {
        let zone = self.zones.get(run.zone as usize)?;
        let slots = run.slot..run.slot + run.length * self.step(run);
        let Run { direction, first, length, list, .. } = *run;
        Some(ChartRun { zone, direction, first, length, list, slots })
    }

    /// Which way packets go that a program has told as those of the `zone`th zone, and the zone's name: what leaves is told with
    /// as many zones more as there are.
    pub fn zone(&self, zone: u16) -> Option<(Direction, &str)> {
        let zone = usize::from(zone);
        match zone.checked_sub(self.zones.len()) {
            Some(outbound) => Some((Direction::Out, self.zones.get(outbound)?)),
            None => Some((Direction::In, self.zones.get(zone)?)),
        }
    }

    /// The documented port that `slot` is one of the counters of.
    pub fn port_of(&self, slot: u32) -> Option<ChartPort<'_>> {
        let after = self.runs.partition_point(|run| run.slot <= slot);
        let run = self.runs.get(after.checked_sub(1)?)?;
        let step = self.step(run);
        let place = (slot - run.slot) / step;
        let within = place < run.length;
        within.then(|| self.port_at(run, place, step)).flatten()
    }

    /// The rules of a port's list, in the order of their counters.
    pub fn rules_of(&self, list: u32) -> impl ExactSizeIterator<Item = &str> {
        let rules = self.lists.get(list as usize).map(Vec::as_slice).unwrap_or_default();
        rules.iter().map(|&rule| self.rules.get(rule as usize).map_or("", String::as_str))
    }

    /// Whose each of the rules of a port's list is, in the same order; empty where that is not known.
    pub(super) fn products_of(&self, list: u32) -> impl Iterator<Item = &str> {
        let rules = self.lists.get(list as usize).map(Vec::as_slice).unwrap_or_default();
        rules.iter().map(|&rule| self.products.get(rule as usize).map_or("", String::as_str))
    }
}

/// What the rules of the site file itself belong to.
const OWN: &str = "site";

fn product(origin: &Origin) -> &str {
    match origin {
        Origin::Document { product, .. } => product,
        Origin::Site { .. } | Origin::Failsafe { .. } => OWN,
    }
}

fn number(index: usize) -> u32 {
    u32::try_from(index).expect("the compiler counts in 32 bits")
}
