//! All that is told at one time.

use crate::{
    matrix::{Mode, Posture},
    observe::{Count, Counted, RangeRow, ReasonRow},
};

/// What a node has counted and how it is. Times are seconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The daemon's version.
    pub version: String,
    /// When the daemon began.
    pub started: u64,
    /// When a site was put in force last, or was found to be so.
    pub reloaded: Option<u64>,
    /// What enforces; `None` where nothing does that this daemon can read.
    pub generation: Option<Generation>,
    /// The interfaces of the site.
    pub interfaces: Vec<InterfaceState>,
    /// What the kernel has counted; `None` where nothing can be read.
    pub counts: Option<Counts>,
    /// Packets that were dropped, or would have been, and for whose sources there was no room, since the daemon began.
    pub lost: Count,
    /// What has become of the kernel's events since the daemon began.
    pub events: EventCounts,
    /// How many troubles there are, by what they are about.
    pub troubles: Vec<(&'static str, u64)>,
    /// Whether the site file is something else than what is in force.
    pub site_broken: bool,
    /// Whether what is in force waits to be confirmed.
    pub unconfirmed: bool,
    /// Host names of the site of which nobody knows at present what they stand for.
    pub unresolved: u64,
    /// Whether the audit store cannot be written.
    pub audit_failing: bool,
}

/// The generation that enforces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    /// Its number.
    pub number: u64,
    /// Since when it is in force.
    pub since: u64,
    /// Its mode.
    pub mode: Mode,
    /// Its posture.
    pub posture: Posture,
    /// Its image's digest.
    pub image: String,
}

/// An interface of the site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceState {
    /// Its name.
    pub name: String,
    /// `native` or `generic`; `None`: it is not guarded.
    pub attached: Option<String>,
}

/// What the kernel has counted since the filter was first put on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// By range of ports.
    pub ranges: Vec<RangeRow>,
    /// By reason, all of them.
    pub reasons: Vec<ReasonRow>,
    /// At undocumented ports.
    pub undocumented: Counted,
}

/// What has become of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventCounts {
    /// Handed to the daemon.
    pub told: u64,
    /// Not made, since too many had been within a moment.
    pub withheld: u64,
    /// Lost, since the daemon did not listen fast enough.
    pub unheard: u64,
}
