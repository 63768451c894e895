//! What is in force, for people and for programs.

use serde::{Deserialize, Serialize};

use super::{enforcement::Enforcement, particulars::ProductInForce};
use crate::{
    compile::{ImageInterface, interface_for},
    datapath::AttachedMode,
    matrix::{Direction, Hook, Mode, Outbound, Posture},
    observe::{Count, Counted},
};

/// An interface that is being guarded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardedInterface {
    /// Its name.
    pub name: String,
    /// `native`, `generic` or `tcx`.
    pub attached: String,
    /// How what leaves by it is guarded: `tcx`, `clsact`, or not at all.
    #[serde(default)]
    pub outbound: Option<String>,
}

impl GuardedInterface {
    /// How it is guarded, in brackets: `eth0 (native, outbound by tcx)`.
    pub fn text(&self) -> String {
        match &self.outbound {
            Some(outbound) => format!("{} ({}, outbound by {outbound})", self.name, self.attached),
            None => format!("{} ({})", self.name, self.attached),
        }
    }
}

/// Something that somebody should look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// Since when, in seconds since 1970.
    pub since: u64,
    /// What is wrong.
    pub says: String,
}

/// The generation that enforces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenerationInForce {
    /// Its number.
    pub number: u64,
    /// Since when, in seconds since 1970.
    pub since: u64,
    /// Who or what had it loaded.
    pub by: String,
    /// The version that loaded it.
    pub portguard: String,
    /// The image's digest.
    pub image: String,
    /// `observe` or `enforce`.
    pub mode: Mode,
    /// `pass` or `drop`.
    pub posture: Posture,
    /// The same of what leaves; none: it is not looked at.
    #[serde(default)]
    pub outbound: Option<Outbound>,
    /// How many rules there are.
    pub rules: usize,
    /// The products, with their policies.
    pub products: Vec<ProductInForce>,
}

/// What a daemon guards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The daemon's version.
    pub portguard: String,
    /// The site file.
    pub site: String,
    /// What enforces; `None` after `portguard detach`.
    pub generation: Option<GenerationInForce>,
    /// The interfaces that are guarded.
    pub interfaces: Vec<GuardedInterface>,
    /// Those of the site file that are not there.
    pub absent: Vec<String>,
    /// Since the filter was first put on.
    pub counted: Counted,
    /// What was dropped, or would have been, in the last minute; less where the daemon is younger.
    pub last_minute: Count,
    /// Seconds in which what is in force must be confirmed, or it is taken back; `None` where nothing waits.
    pub unconfirmed: Option<u64>,
    /// What somebody should look at.
    pub troubles: Vec<Trouble>,
}

impl Status {
    /// The guarded interfaces, each with how.
    pub fn guarded(&self) -> Vec<String> {
        self.interfaces.iter().map(GuardedInterface::text).collect()
    }

    /// In one line.
    pub fn line(&self) -> String {
        let interfaces = self.guarded();
        let guarding = if interfaces.is_empty() { "no interface".to_owned() } else { interfaces.join(", ") };
        let mut text = format!("guarding {guarding}");
        if !self.absent.is_empty() {
            text = format!("{text}; waiting for {}", self.absent.join(", "));
        }
        if let Some(GenerationInForce { number, mode, posture, outbound, rules, image, .. }) =
            &self.generation
        {
            let image = image.get(..12).unwrap_or_default();
            let outbound = outbound.map_or_else(String::new, |Outbound { mode, posture, attach: _ }| {
                format!(", outbound {mode} and {posture}")
            });
            text = format!(
                "{text}; mode {mode}, posture {posture}{outbound}, {rules} rules, generation {number}, image {image}"
            );
        }
        match self.troubles.len() {
            0 => text,
            1 => format!("{text}; 1 trouble, see `portguard status`"),
            many => format!("{text}; {many} troubles, see `portguard status`"),
        }
    }
}

pub(super) fn generation(enforcement: &Enforcement) -> Option<GenerationInForce> {
    let particulars = enforcement.particulars()?.clone();
    Some(GenerationInForce {
        number: enforcement.filter().current()?.number(),
        since: particulars.since,
        by: particulars.by,
        portguard: particulars.portguard,
        image: particulars.image,
        mode: particulars.mode,
        posture: particulars.posture,
        outbound: particulars.outbound,
        rules: particulars.rules,
        products: particulars.products,
    })
}

pub(super) fn interfaces(enforcement: &Enforcement) -> Vec<GuardedInterface> {
    let filter = enforcement.filter();
    let leaving = |index: u32| {
        let mut leaving = filter.guarded_towards(Direction::Out);
        leaving.find(|interface| interface.index == index).map(|interface| match interface.hook() {
            Hook::Clsact => "clsact".to_owned(),
            _ => AttachedMode::Tcx.name().to_owned(),
        })
    };
    let guarded = filter.guarded();
    guarded
        .map(|interface| GuardedInterface {
            name: interface.name.clone(),
            attached: interface.mode.name().to_owned(),
            outbound: leaving(interface.index),
        })
        .collect()
}

pub(super) fn absent(enforcement: &Enforcement) -> Vec<String> {
    let wanted = enforcement.interfaces();
    let is_there = |interface: &&ImageInterface, direction| {
        let mut guarded = enforcement.filter().guarded_towards(direction);
        guarded.any(|guarded| interface_for(wanted, &guarded.name) == Some(*interface))
    };
    let guards_outbound = enforcement.judges_outbound();
    let is_guarded = |interface: &&ImageInterface| {
        is_there(interface, Direction::In) && (!guards_outbound || is_there(interface, Direction::Out))
    };
    wanted.iter().filter(|interface| !is_guarded(interface)).map(|interface| interface.name.clone()).collect()
}
