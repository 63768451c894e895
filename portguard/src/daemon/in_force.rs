//! What there is to say when a site has come in force: which generation that is, and what is guarded no more, or not yet.

use super::enforcement::Installed;
use crate::{datapath::Change, input::Bundle};

/// A site that is in force.
pub(super) struct InForce {
    generation: String,
    interfaces: String,
    /// What it was read from.
    pub(super) bundle: Bundle,
}

impl InForce {
    /// As generation `number`. Of its interfaces those that are `missing` are not there.
    pub(super) fn new(number: u64, installed: &Installed, missing: &[String], bundle: Bundle) -> Self {
        let (generation, released) = match installed {
            Installed::Same => (format!("nothing has changed: generation {number} goes on"), &[][..]),
            Installed::New(changes) => (format!("generation {number} is in force"), changes.as_slice()),
        };
        let released = released.iter().filter_map(|change| match change {
            Change::Released { interface } => Some(format!("; {interface} is not guarded any more")),
            _ => None,
        });
        let missing =
            missing.iter().map(|name| format!("; {name} is not there: it is guarded when it comes"));
        Self { generation, interfaces: released.chain(missing).collect(), bundle }
    }

    /// In a sentence without an end; `how` it is in force.
    pub(super) fn said(&self, how: &str) -> String {
        format!("{}{how}{}", self.generation, self.interfaces)
    }
}
