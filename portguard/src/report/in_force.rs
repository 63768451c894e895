//! What is in force, and who says so.

use serde::Serialize;

use crate::{
    audit::{Change, ChangeKind},
    daemon::Status,
    matrix::{Mode, Outbound, Posture},
};

/// What is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InForce {
    /// Who says so.
    pub witness: Witness,
    /// The generation that enforces; `None` where none does, or none is known of.
    pub generation: Option<GenerationKnown>,
    /// The interfaces that are guarded, each with how; empty where no daemon says it.
    pub interfaces: Vec<String>,
    /// Those of the site that are not guarded.
    pub absent: Vec<String>,
    /// What the daemon has to tell.
    pub troubles: Vec<String>,
}

/// Who says what is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Witness {
    /// The daemon that guards the node, asked when the report was made.
    Daemon,
    /// The last entry of the record. No daemon answered, or none was to be asked.
    Record,
    /// Nobody: no daemon answered, and the record has no entry about it.
    Nobody,
}

/// What is known of a generation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GenerationKnown {
    /// Its number.
    pub number: u64,
    /// The digest of its image.
    pub digest: String,
    /// Since when, in seconds since 1970.
    pub since: u64,
    /// Who or what had it loaded.
    pub by: String,
    /// The version that loaded it.
    pub portguard: Option<String>,
    /// `observe` or `enforce`; `None` where only a site can say it.
    pub mode: Option<Mode>,
    /// `pass` or `drop`.
    pub posture: Option<Posture>,
    /// The same of what leaves; `None` where it is not looked at, or where only a site can say it.
    pub outbound: Option<Outbound>,
}

impl InForce {
    /// By the answer of the daemon.
    pub fn of_daemon(status: &Status) -> Self {
        let generation = status.generation.as_ref().map(|generation| GenerationKnown {
            number: generation.number,
            digest: generation.image.clone(),
            since: generation.since,
            by: generation.by.clone(),
            portguard: Some(generation.portguard.clone()),
            mode: Some(generation.mode),
            posture: Some(generation.posture),
            outbound: generation.outbound,
        });
        Self {
            witness: Witness::Daemon,
            generation,
            interfaces: status.guarded(),
            absent: status.absent.clone(),
            troubles: status.troubles.iter().map(|trouble| trouble.says.clone()).collect(),
        }
    }

    /// By all that was recorded.
    pub(super) fn of_record(changes: &[Change]) -> Self {
        let last_of = |kinds: &[ChangeKind]| changes.iter().rev().find(|change| kinds.contains(&change.kind));
        // A daemon that took over what it found has recorded nothing but its start.
        let last = last_of(&[ChangeKind::Generation, ChangeKind::Detach])
            .or_else(|| last_of(&[ChangeKind::Start]).filter(|change| change.generation.is_some()));
        let known = last.filter(|change| change.kind != ChangeKind::Detach).and_then(|change| {
            Some(GenerationKnown {
                number: change.generation?,
                digest: change.digest.clone()?,
                since: change.at,
                by: change.by.clone(),
                portguard: None,
                mode: None,
                posture: None,
                outbound: None,
            })
        });
        Self {
            witness: if last.is_some() { Witness::Record } else { Witness::Nobody },
            generation: known,
            interfaces: Vec::new(),
            absent: Vec::new(),
            troubles: Vec::new(),
        }
    }

    /// A sentence on how that is known.
    pub fn says(&self) -> &'static str {
        match (self.witness, &self.generation) {
            (Witness::Daemon, Some(_)) => {
                "The daemon that guards this node said so when the report was made."
            }
            (Witness::Daemon, None) => {
                "The daemon says that the filter is off: nothing is guarded. What is said of rules below is what was kept."
            }
            (Witness::Record, Some(_)) => {
                "By the last entry of the record: no daemon was asked, or none answered. The filter stays in the kernel when a \
                 daemon ends."
            }
            (Witness::Record, None) => {
                "By the last entry of the record the filter was taken off: nothing is guarded."
            }
            (Witness::Nobody, _) => {
                "Unknown: no daemon was asked, or none answered, and the record says nothing about it."
            }
        }
    }
}
