//! What a generation's counters count, in words: a legend that outlives the matrix it was made from.
//!
//! It is kept with the generation, so that the next process, which may have another site before it, still knows what was
//! counted.

use std::collections::BTreeMap;

use portguard_common::{Reason, abi::port_slots};
use serde::{Deserialize, Serialize};

use crate::{
    compile::{Legend, LegendPort, Target},
    matrix::{Matrix, Mode},
};

/// What every counter of a generation counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chart {
    /// Whether what its counters call dropped passed.
    observe: bool,
    /// The reasons, by the slots of their counters.
    reasons: Vec<String>,
    zones: Vec<String>,
    rules: Vec<String>,
    /// Lists of rules.
    lists: Vec<Vec<u32>>,
    runs: Vec<Run>,
}

/// Neighbouring ports that the same rules name, their counters one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Run {
    zone: u32,
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
    /// The port.
    pub target: Target,
    /// Its first counter; the others follow as [`port_slots`] says.
    pub slot: u32,
    /// The list of its rules.
    pub list: u32,
}

impl Chart {
    /// The legend in the words of `matrix`.
    pub fn new(legend: &Legend, matrix: &Matrix) -> Self {
        let mut lists: BTreeMap<Vec<u32>, u32> = BTreeMap::new();
        let mut runs: Vec<Run> = Vec::new();
        for LegendPort { zone, target, slot, rules } in legend.ports() {
            let rules: Vec<u32> = rules.iter().map(|rule| number(rule.index())).collect();
            let zone = number(zone.index());
            let step = port_slots::ADMITTED + number(rules.len());
            let next = number(lists.len());
            let list = *lists.entry(rules).or_insert(next);
            match runs.last_mut() {
                Some(run)
                    if (run.zone, run.list, run.slot + run.length * step) == (zone, list, slot)
                        && run.first.after(run.length) == Some(target) =>
                {
                    run.length += 1;
                }
                _ => runs.push(Run { zone, first: target, length: 1, slot, list }),
            }
        }
        let mut in_order = vec![Vec::new(); lists.len()];
        for (rules, list) in lists {
            in_order[list as usize] = rules;
        }
        Self {
            observe: matrix.mode == Mode::Observe,
            reasons: Reason::ALL.iter().map(|reason| reason.name().to_owned()).collect(),
            zones: matrix.zones.iter().map(|zone| zone.name.clone()).collect(),
            rules: matrix.rules.iter().map(|rule| matrix.cite(&rule.origin)).collect(),
            lists: in_order,
            runs,
        }
    }

    /// Whether the generation's mode is `observe`: what its counters call dropped passed.
    pub fn observe(&self) -> bool {
        self.observe
    }

    /// The reasons' names, by the slots of their counters.
    pub fn reasons(&self) -> impl Iterator<Item = &str> {
        self.reasons.iter().map(String::as_str)
    }

    /// The documented ports, ascending by slot.
    pub fn ports(&self) -> impl Iterator<Item = ChartPort<'_>> {
        self.runs.iter().flat_map(move |run| {
            let step = port_slots::ADMITTED + number(self.rules_of(run.list).len());
            (0..run.length).filter_map(move |place| {
                Some(ChartPort {
                    zone: self.zones.get(run.zone as usize)?,
                    target: run.first.after(place)?,
                    slot: run.slot + place * step,
                    list: run.list,
                })
            })
        })
    }

    /// The rules of a port's list, in the order of their counters.
    pub fn rules_of(&self, list: u32) -> impl ExactSizeIterator<Item = &str> {
        let rules = self.lists.get(list as usize).map(Vec::as_slice).unwrap_or_default();
        rules.iter().map(|&rule| self.rules.get(rule as usize).map_or("", String::as_str))
    }
}

fn number(index: usize) -> u32 {
    u32::try_from(index).expect("the compiler counts in 32 bits")
}
