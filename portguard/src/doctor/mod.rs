//! Doctor: what this machine lacks to be guarded, said before anything is tried.
//!
//! A [`Check`] says what was found, what needs it and what to do. Features are tried, never concluded from a version
//! number: what distributions put into their kernels is another matter than what the number says. What this process may
//! not see is said to be [`State::Unseen`], not guessed.

mod bpffs;
mod capabilities;
mod features;
mod interfaces;
mod kernel;
mod machine;
mod memory;
mod network;
#[cfg(test)]
mod tests;
mod text;
mod translation;

use serde::Serialize;

pub use capabilities::Capabilities;
pub use machine::Machine;

use crate::{
    compile::{Image, ImageInterface},
    lint::LocalPorts,
    matrix::Matrix,
};

/// One question and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was asked about.
    pub subject: String,
    /// How it stands.
    pub state: State,
    /// What was found.
    pub found: String,
    /// What depends on it.
    pub needed_for: &'static str,
    /// What to do, where there is something to do.
    pub remedy: Option<String>,
}

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Fine,
    /// It works, and there is something to know.
    Notice,
    /// This process may not see it.
    Unseen,
    /// Without it the node cannot be guarded.
    Missing,
}

/// The whole answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Examination {
    /// Whether nothing is missing.
    pub can_guard: bool,
    /// What was asked, in the order in which it is needed.
    pub checks: Vec<Check>,
}

/// The site that the machine is to guard.
pub struct Guarded<'s> {
    /// Its matrix.
    pub matrix: &'s Matrix,
    /// Its tables.
    pub image: &'s Image,
    /// The ports that the kernel gives to connections of the node's own, if that is known.
    pub local_ports: Option<LocalPorts>,
}

/// Examines `machine` by what it tells about itself, and the kernel that this process runs on by trying.
pub async fn examine(
    machine: &Machine,
    capabilities: &Capabilities,
    guarded: Option<&Guarded<'_>>,
) -> Examination {
    let mut checks = kernel::checks(machine);
    checks.extend(capabilities::checks(capabilities));
    checks.extend(features::checks(capabilities, guarded.map(|guarded| guarded.image)));
    checks.push(bpffs::check(machine, capabilities));
    checks.extend(memory::checks(machine, guarded.map(|guarded| guarded.image)));
    checks.push(network::translation(machine, translation::by_nftables()));
    if let Some(guarded) = guarded {
        checks.push(network::ephemeral_ports(guarded));
        let wanted: &[ImageInterface] = guarded.image.interfaces();
        checks.extend(interfaces::checks(machine, wanted).await);
    }
    Examination::new(checks)
}

impl Examination {
    fn new(checks: Vec<Check>) -> Self {
        Self { can_guard: checks.iter().all(|check| check.state != State::Missing), checks }
    }
}

impl Check {
    fn fine(subject: &str, needed_for: &'static str, found: impl Into<String>) -> Self {
        Self {
            subject: subject.to_owned(),
            state: State::Fine,
            found: found.into(),
            needed_for,
            remedy: None,
        }
    }

    /// The same check, which does not stand well.
    fn but(self, state: State, remedy: impl Into<String>) -> Self {
        Self { state, remedy: Some(remedy.into()), ..self }
    }
}
