//! What is in force: the filter in the kernel together with what is known of it.

use std::path::Path;

use super::{
    DaemonError,
    candidate::Candidate,
    particulars::{Particulars, Provenance},
};
use crate::{
    compile::ImageInterface,
    datapath::{Change, Filter, Loaded, Present, resolve},
    matrix::Matrix,
    observe::{CounterReport, Idle, Totals},
};

/// What a candidate has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Installed {
    /// It was in force already.
    Same,
    /// It has taken over.
    New,
}

/// The filter, and what is known of the generation that enforces.
pub(super) struct Enforcement {
    filter: Filter,
    /// `None` where nothing was ever loaded, or another version's generation enforces.
    particulars: Option<Particulars>,
    /// An interface has come for which the generation has no place.
    is_full: bool,
}

impl Enforcement {
    /// Takes over what is pinned in the BPF file system `bpffs`.
    pub(super) fn open(bpffs: &Path, present: &[Present]) -> Result<(Self, Vec<Change>), DaemonError> {
        let (filter, changes) = Filter::open(bpffs, present)?;
        let particulars = filter.current().and_then(Particulars::of);
        Ok((Self { filter, particulars, is_full: false }, changes))
    }

    /// Whether a generation enforces.
    pub(super) fn is_armed(&self) -> bool {
        self.filter.current().is_some()
    }

    /// Puts `candidate`, which was compiled from `matrix`, in force, unless a generation that does the same is.
    pub(super) fn install(
        &mut self,
        candidate: Candidate,
        matrix: &Matrix,
        object: &[u8],
        provenance: Provenance,
        present: &[Present],
    ) -> Result<Installed, DaemonError> {
        let Candidate { image, identity } = candidate;
        if self.particulars.is_some() && !self.is_full && self.identity() == Some(&identity) {
            return Ok(Installed::Same);
        }
        let links = resolve(image.interfaces(), present);
        let particulars = Particulars::new(matrix, &image, provenance);
        let loaded = Loaded::new(object, &image, &links)?;
        // The tables are in the kernel now, and are large.
        drop(image);
        self.filter.replace(loaded, &links, particulars.to_words())?;
        (self.particulars, self.is_full) = (Some(particulars), false);
        Ok(Installed::New)
    }

    /// Looks after the interfaces.
    pub(super) fn tend(&mut self, present: &[Present]) -> Result<Vec<Change>, DaemonError> {
        let wanted = resolve(self.interfaces(), present);
        let changes = self.filter.tend(&wanted, present)?;
        self.is_full = changes.iter().any(|change| matches!(change, Change::NoPlace { .. }));
        Ok(changes)
    }

    /// Moves the counts of generations that are no longer in force to the ledger.
    pub(super) fn enter_retired(&mut self) -> Result<(), DaemonError> {
        if self.filter.retired().next().is_none() {
            return Ok(());
        }
        self.filter.settle();
        let mut totals = self.ledger();
        for generation in self.filter.retired() {
            if let Some(particulars) = Particulars::of(generation) {
                totals.add(&generation.counters()?, &particulars.chart);
            } else {
                tracing::warn!(
                    generation = generation.number(),
                    "another version's generation: what it counted cannot be read and is lost"
                );
            }
        }
        let ledger = serde_json::to_vec(&totals).expect("numbers and texts are JSON");
        Ok(self.filter.enter(ledger)?)
    }

    /// All counters, over all generations since the filter was first put on.
    pub(super) fn report(&self, idle: Idle) -> Result<CounterReport, DaemonError> {
        let mut totals = self.ledger();
        for generation in self.filter.retired() {
            if let Some(particulars) = Particulars::of(generation) {
                totals.add(&generation.counters()?, &particulars.chart);
            }
        }
        let particulars = self.particulars.as_ref().ok_or(DaemonError::OtherVersion)?;
        if let Some(current) = self.filter.current() {
            totals.add(&current.counters()?, &particulars.chart);
        }
        Ok(CounterReport::new(&totals, &particulars.chart, idle))
    }

    /// What is known of the generation that enforces.
    pub(super) fn particulars(&self) -> Option<&Particulars> {
        self.particulars.as_ref()
    }

    /// The interfaces that it is for.
    pub(super) fn interfaces(&self) -> &[ImageInterface] {
        self.particulars.as_ref().map(|particulars| particulars.interfaces.as_slice()).unwrap_or_default()
    }

    /// The filter.
    pub(super) fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Takes the filter off.
    pub(super) fn detach(self) -> Result<(), DaemonError> {
        Ok(self.filter.detach()?)
    }

    fn identity(&self) -> Option<&str> {
        self.filter.current().map(crate::datapath::Generation::identity)
    }

    fn ledger(&self) -> Totals {
        let Some(bytes) = self.filter.ledger() else { return Totals::default() };
        serde_json::from_slice(bytes).unwrap_or_else(|error| {
            tracing::error!(%error, "the ledger of counts cannot be read; counting starts anew");
            Totals::default()
        })
    }
}
