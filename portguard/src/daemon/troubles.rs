//! What is wrong at present, and since when. Told when it begins and when it ends, and by `status` in between.

use std::collections::BTreeMap;

use super::{clock, status::Trouble};

/// What a trouble is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    /// The site file cannot be put in force.
    Site,
    /// An interface is not as it should be.
    Interface(String),
    /// The counts of former generations cannot be put away.
    Ledger,
    /// The audit store cannot be written.
    Archive,
    /// The table of drops cannot be read.
    Drops,
    /// Events of drops cannot be heard.
    Events,
    /// Events cannot be handed on.
    Sink,
    /// The kernel does not tell of changes.
    Network,
    /// A change of the node cannot be followed.
    Following,
    /// The site's files cannot be followed.
    Files,
    /// Host names do not stand for what they should.
    Names,
    /// What is in force cannot be kept for the next boot.
    State,
    /// The process may do more than it needs.
    Privileges,
    /// Metrics cannot be served.
    Metrics,
    /// The pins go with the mount namespace.
    Namespace,
}

/// What there are troubles about, in words for programs.
const WORDS: [&str; 15] = [
    "site",
    "interface",
    "ledger",
    "archive",
    "drops",
    "events",
    "sink",
    "network",
    "following",
    "files",
    "names",
    "state",
    "privileges",
    "metrics",
    "namespace",
];

impl Subject {
    /// Its word.
    fn word(&self) -> &'static str {
        match self {
            Self::Site => "site",
            Self::Interface(_) => "interface",
            Self::Ledger => "ledger",
            Self::Archive => "archive",
            Self::Drops => "drops",
            Self::Events => "events",
            Self::Sink => "sink",
            Self::Network => "network",
            Self::Following => "following",
            Self::Files => "files",
            Self::Names => "names",
            Self::State => "state",
            Self::Privileges => "privileges",
            Self::Metrics => "metrics",
            Self::Namespace => "namespace",
        }
    }
}

/// The troubles at present.
#[derive(Debug, Default)]
pub(super) struct Troubles(BTreeMap<Subject, Trouble>);

impl Troubles {
    /// Notes what is wrong with `subject`.
    pub(super) fn note(&mut self, subject: Subject, says: String) {
        if self.0.get(&subject).is_some_and(|known| known.says == says) {
            return;
        }
        tracing::error!("{says}");
        let since = self.0.get(&subject).map_or_else(clock::now, |known| known.since);
        self.0.insert(subject, Trouble { since, says });
    }

    /// Nothing is wrong with `subject` any more.
    pub(super) fn over(&mut self, subject: &Subject) {
        if let Some(Trouble { says, .. }) = self.0.remove(subject) {
            tracing::info!("no more: {says}");
        }
    }

    /// Nothing is wrong any more with interfaces that are not `present`.
    pub(super) fn forget_interfaces(&mut self, present: impl Fn(&str) -> bool) {
        let is_gone = |subject: &&Subject| matches!(subject, Subject::Interface(name) if !present(name));
        for subject in self.0.keys().filter(is_gone).cloned().collect::<Vec<_>>() {
            self.over(&subject);
        }
    }

    /// Whether anything is wrong with `subject`.
    pub(super) fn has(&self, subject: &Subject) -> bool {
        self.0.contains_key(subject)
    }

    /// How many there are, by what they are about; what they could be about stands there with 0.
    pub(super) fn counts(&self) -> Vec<(&'static str, u64)> {
        let mut counts: BTreeMap<&'static str, u64> = WORDS.into_iter().map(|word| (word, 0)).collect();
        for subject in self.0.keys() {
            *counts.entry(subject.word()).or_default() += 1;
        }
        counts.into_iter().collect()
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<Trouble> {
        self.0.values().cloned().collect()
    }
}
