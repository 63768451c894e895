//! Drift: what listens on a node, held against its matrix.
//!
//! Pure comparison of a [`Matrix`] with [`Listener`]s that somebody else has read (`sockets`). It judges what *listens*,
//! not what the filter does: a port where nobody listens is none the less guarded. Of the filter it judges what holds it:
//! links and pins, as somebody else has read them (`datapath`).

mod find;
mod listener;
mod mooring;
mod text;

use serde::Serialize;

pub use listener::{Bound, Families, Listener, Process};
pub use mooring::{Loose, Mooring, Pins};

use crate::matrix::{Matrix, PortRange};

/// Rules for more ports than this hold a stock from which a product takes what it needs: nobody expects a listener on
/// each of them, nor takes a socket in them for the product's own.
const FEW: usize = 16;

/// Where a node's listeners and its matrix differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// Listeners that the network can reach and that no rule names.
    pub undocumented: Vec<Undocumented>,
    /// Listeners that the network can reach, at ports that are for the node itself.
    pub exposed: Vec<Mismatch>,
    /// Listeners on loopback alone, at ports that are open to others.
    pub loopback_only: Vec<Mismatch>,
    /// Rules for ports where nobody listens.
    pub silent: Vec<Silent>,
    /// Interfaces and pins that are not as loaded. None: no filter is pinned here, or this process may not see it.
    pub loose: Option<Vec<Loose>>,
    /// UDP sockets at ephemeral ports that no rule names: clients that wait for answers, most likely.
    pub clients: Vec<Socket>,
    /// How many listeners there are.
    pub listeners: usize,
    /// Of how many the process is not known.
    pub unnamed: usize,
}

/// The sockets at one port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Socket {
    /// `8086/tcp`.
    pub port: String,
    /// Where they listen, as `ss` writes it: `0.0.0.0`, `[::1]`, `*` for every address of both families.
    pub addresses: Vec<String>,
    /// Whose they are, as far as this process may see.
    pub processes: Vec<Process>,
}

/// A listener that no rule names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Undocumented {
    /// What listens.
    #[serde(flatten)]
    pub socket: Socket,
    /// The rules that would name the port, and why they do not.
    pub switched_off: Vec<String>,
}

/// A listener at another place than its rules mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mismatch {
    /// What listens.
    #[serde(flatten)]
    pub socket: Socket,
    /// The rules that name the port, each with its line.
    pub rules: Vec<String>,
}

/// A rule and those of its ports where nobody listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Silent {
    /// The ports: `8004, 8006`, `10000-19999`.
    pub ports: String,
    /// `tcp` or `udp`.
    pub protocol: String,
    /// What they are for.
    pub description: String,
    /// The rule with its line.
    pub rule: String,
    /// Whether a listener is expected: not in a range that a product takes ports from, nor where nobody is admitted.
    pub expected: bool,
}

/// Whether a documented port where nobody listens is drift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// It is: the service is down, or it has moved.
    IsDrift,
    /// It is not: the node does not run all that its documents speak of.
    IsAllowed,
}

impl Drift {
    /// Compares. At `ephemeral` ports the kernel lets sockets of the node's own begin.
    pub fn new(matrix: &Matrix, listeners: &[Listener], ephemeral: PortRange) -> Self {
        find::drift(matrix, listeners, ephemeral)
    }

    /// Compares what holds the filter, too.
    #[must_use]
    pub fn and_filter(mut self, matrix: &Matrix, moorings: &[Mooring], pins: &Pins) -> Self {
        self.loose = Some(mooring::loose(matrix, moorings, pins));
        self
    }

    /// Whether anything is odd.
    pub fn is_found(&self, silence: Silence) -> bool {
        let Self { undocumented, exposed, loopback_only, silent, loose, .. } = self;
        let missing = silence == Silence::IsDrift && silent.iter().any(|rule| rule.expected);
        let adrift = loose.as_ref().is_some_and(|loose| !loose.is_empty());
        missing || adrift || !undocumented.is_empty() || !exposed.is_empty() || !loopback_only.is_empty()
    }
}
