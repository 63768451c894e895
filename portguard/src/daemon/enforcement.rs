//! What is in force: the filter in the kernel together with what is known of it.

use std::path::Path;

use portguard_common::abi::DropTally;

use super::{
    DaemonError,
    candidate::Candidate,
    harvest::{Clocks, detail},
    particulars::{self, Particulars, Provenance},
    senders::Senders,
};
use crate::{
    audit::Detail,
    compile::{ImageInterface, interface_for},
    datapath::{Change, Epoch, Filter, Generation, Link, Loaded, Present, ProgramLog, resolve},
    matrix::{Matrix, Outbound},
    observe::{Chart, CounterReport, Idle, Totals},
};

/// What a candidate has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Installed {
    /// It was in force already.
    Same,
    /// It has taken over, and interfaces were let go of.
    New(Vec<Change>),
}

/// What becomes of interfaces that are guarded and that the candidate has no name for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unnamed {
    /// Somebody has asked for what the site says now.
    LetGo,
    /// The site is what it was, and somebody has renamed them.
    Keep,
}

/// The filter, and what is known of the generation that enforces.
pub(super) struct Enforcement {
    filter: Filter,
    /// `None` where nothing was ever loaded, or another version's generation enforces.
    particulars: Option<Particulars>,
    /// An interface has come for which the generation has no place.
    is_full: bool,
    /// Whether the node was seen to send on what comes in for others when this was put in force.
    forwards: bool,
    /// The epoch of the generation that enforces which is still, and not cleared yet.
    still: Option<u32>,
    /// The generation and epoch that were news last.
    told: Option<(u64, u32)>,
}

/// What was read of the tables of drops.
#[derive(Clone, Debug, Default)]
pub(super) struct Gathered {
    /// That of generations which are no longer in force.
    pub(super) retired: Vec<Detail>,
    /// That of the one that is.
    current: Option<Detail>,
    /// What was not read before.
    pub(super) news: Vec<Detail>,
    /// What that does not say, and what became of its events.
    pub(super) tally: DropTally,
    /// The counts at that time.
    pub(super) totals: Option<CounterReport>,
    /// The generation that enforced, and its epoch that was read.
    read: Option<(u64, u32)>,
    /// The last of the generations that were no longer in force.
    last_retired: Option<u64>,
}

impl Gathered {
    /// All of it.
    pub(super) fn details(&self) -> impl Iterator<Item = Detail> {
        self.retired.iter().chain(&self.current).cloned()
    }

    /// Takes `detail`, which was read of `epoch`, for news unless that was told by now; what was told last then.
    fn tell(&mut self, detail: Detail, epoch: &Epoch, told: Option<(u64, u32)>) -> Option<(u64, u32)> {
        let this = (detail.generation, epoch.number);
        if told.is_some_and(|told| this <= told) {
            return told;
        }
        self.news.push(detail);
        let DropTally { lost, told, withheld, unheard, .. } = epoch.tally;
        self.tally.lost.packets += lost.packets;
        self.tally.lost.bytes += lost.bytes;
        self.tally.told += told;
        self.tally.withheld += withheld;
        self.tally.unheard += unheard;
        Some(this)
    }
}

impl Enforcement {
    /// Takes over what is pinned in the BPF file system `bpffs`.
    pub(super) fn open(bpffs: &Path, present: &[Present]) -> Result<(Self, Vec<Change>), DaemonError> {
        let (filter, changes) = Filter::open(bpffs, present)?;
        let particulars = filter.current().and_then(Particulars::of);
        let mut enforcement =
            Self { filter, particulars, is_full: false, forwards: false, still: None, told: None };
        enforcement.still = enforcement.find_still()?;
        Ok((enforcement, changes))
    }

    /// Whether a generation enforces.
    pub(super) fn is_armed(&self) -> bool {
        self.filter.current().is_some()
    }

    /// Whether the node sent on what comes in for others when this was put in force.
    pub(super) fn forwards(&self) -> bool {
        self.forwards
    }

    /// Puts `candidate`, which was compiled from `matrix`, in force, unless a generation that does the same is.
    pub(super) fn install(
        &mut self,
        candidate: Candidate,
        matrix: &Matrix,
        object: &[u8],
        provenance: Provenance,
        present: &[Present],
        unnamed: Unnamed,
    ) -> Result<Installed, DaemonError> {
        let Candidate { image, identity, forwards } = candidate;
        if self.particulars.is_some() && !self.is_full && self.identity() == Some(&identity) {
            self.forwards = forwards;
            return Ok(Installed::Same);
        }
        let mut links = resolve(image.interfaces(), present, image.outbound());
        // Those that are left out are told of as not guarded, whenever the interfaces are looked after.
        links.retain(Link::is_needed);
        if unnamed == Unnamed::Keep {
            links.extend(self.filter.unnamed(&links, present)?);
        }
        let instance = match self.instance() {
            Some(instance) => instance.to_owned(),
            None => particulars::new_instance().map_err(DaemonError::NoRandomness)?,
        };
        let particulars = Particulars::new(matrix, &image, provenance, instance);
        let loaded = Loaded::new(object, &image, &links)?;
        // The tables are in the kernel now, and are large.
        drop(image);
        let changes = self.filter.replace(loaded, &links, particulars.to_words())?;
        (self.particulars, self.is_full, self.still) = (Some(particulars), false, None);
        self.forwards = forwards;
        Ok(Installed::New(changes))
    }

    /// Looks after the interfaces.
    pub(super) fn tend(&mut self, present: &[Present]) -> Result<Vec<Change>, DaemonError> {
        let wanted = resolve(self.interfaces(), present, self.outbound().map(|outbound| outbound.attach));
        let changes = self.filter.tend(&wanted, present)?;
        self.is_full = changes.iter().any(|change| matches!(change, Change::NoPlace { .. }));
        Ok(changes)
    }

    /// Whether the generation that enforces judges what leaves, too.
    pub(super) fn judges_outbound(&self) -> bool {
        self.outbound().is_some()
    }

    fn outbound(&self) -> Option<Outbound> {
        self.particulars.as_ref().and_then(|particulars| particulars.outbound)
    }

    /// Whether a generation's counts are still to be moved to the ledger.
    pub(super) fn has_retired(&self) -> bool {
        self.filter.retired().next().is_some()
    }

    /// Which filter counts: another one begins at zero.
    pub(super) fn instance(&self) -> Option<&str> {
        self.particulars.as_ref().map(|particulars| particulars.instance.as_str())
    }

    /// Begins another epoch, unless the last one is not cleared yet or it `is_quiet`: nothing was dropped since. The one that
    /// has ended; whatever is noted in it is told by now, too.
    pub(super) fn end_epoch(&mut self, is_quiet: bool) -> Result<Option<u32>, DaemonError> {
        match self.still {
            Some(number) => Ok(Some(number)),
            None if is_quiet => Ok(None),
            None => Ok(self.filter.turn()?),
        }
    }

    /// Reads who was dropped, in the epoch that has `ended` and by generations that are no longer in force.
    pub(super) fn gather(&mut self, ended: Option<u32>, senders: &Senders) -> Result<Gathered, DaemonError> {
        let clocks = Clocks::now();
        let mut gathered = Gathered::default();
        if self.has_retired() {
            self.filter.settle();
        }
        for generation in self.filter.retired() {
            gathered.last_retired = Some(generation.number());
            let Some(Particulars { chart, .. }) = Particulars::of(generation) else { continue };
            let now = generation.drops().epoch()?;
            for number in [now.wrapping_sub(1), now] {
                let epoch = generation.drops().read(number)?;
                if !epoch.is_empty() {
                    let detail = detail(generation.number(), &epoch, &chart, clocks, senders);
                    gathered.retired.push(detail.clone());
                    self.told = gathered.tell(detail, &epoch, self.told);
                }
            }
        }
        let epoch = ended.map(|number| self.read(number)).transpose()?.flatten();
        if let (Some(epoch), Some(particulars), Some(current)) =
            (epoch.filter(|epoch| !epoch.is_empty()), &self.particulars, self.filter.current())
        {
            self.still = Some(epoch.number);
            gathered.read = Some((current.number(), epoch.number));
            let detail = detail(current.number(), &epoch, &particulars.chart, clocks, senders);
            gathered.current = Some(detail.clone());
            self.told = gathered.tell(detail, &epoch, self.told);
        }
        Ok(gathered)
    }

    /// Clears what was read, which is kept elsewhere now.
    pub(super) fn clear(&mut self, gathered: &Gathered) -> Result<(), DaemonError> {
        let Some((generation, epoch)) = gathered.read else { return Ok(()) };
        if self.filter.current().map(Generation::number) == Some(generation) && self.still == Some(epoch) {
            self.filter.clear(epoch)?;
            self.still = None;
        }
        Ok(())
    }

    /// Moves the counts of the generations that were no longer in force then to the ledger.
    pub(super) fn enter_retired(&mut self, gathered: &Gathered) -> Result<(), DaemonError> {
        let Some(last) = gathered.last_retired else { return Ok(()) };
        let mut totals = self.ledger();
        for generation in self.filter.retired().filter(|generation| generation.number() <= last) {
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
        Ok(self.filter.enter(last, ledger)?)
    }

    /// What a daemon that was killed has read, or was about to.
    fn find_still(&self) -> Result<Option<u32>, DaemonError> {
        let Some(current) = self.filter.current() else { return Ok(None) };
        let before = current.drops().epoch()?.wrapping_sub(1);
        Ok((!current.drops().read(before)?.is_empty()).then_some(before))
    }

    fn read(&self, number: u32) -> Result<Option<Epoch>, DaemonError> {
        Ok(self.filter.current().map(|current| current.drops().read(number)).transpose()?)
    }

    /// All counters, over all generations since the filter was first put on.
    pub(super) fn report(&self, idle: Idle) -> Result<CounterReport, DaemonError> {
        let (totals, chart) = self.totals()?;
        Ok(CounterReport::new(&totals, chart, idle))
    }

    /// What all generations have counted, and what the counters of the one in force are.
    pub(super) fn totals(&self) -> Result<(Totals, &Chart), DaemonError> {
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
        Ok((totals, &particulars.chart))
    }

    /// What is known of the generation that enforces.
    pub(super) fn particulars(&self) -> Option<&Particulars> {
        self.particulars.as_ref()
    }

    /// What the program says, where it was built to say something; once.
    pub(super) fn take_log(&mut self) -> Option<ProgramLog> {
        self.filter.take_log()
    }

    /// The interfaces that it is for.
    pub(super) fn interfaces(&self) -> &[ImageInterface] {
        self.particulars.as_ref().map(|particulars| particulars.interfaces.as_slice()).unwrap_or_default()
    }

    /// Of the interfaces that it is for, those that are not among `present`.
    pub(super) fn missing(&self, present: &[Present]) -> Vec<String> {
        let wanted = self.interfaces();
        let stands = |one: &&ImageInterface| {
            present.iter().any(|interface| interface_for(wanted, &interface.name) == Some(*one))
        };
        wanted.iter().filter(|one| !stands(one)).map(|one| one.name.clone()).collect()
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
        self.filter.current().map(Generation::identity)
    }

    fn ledger(&self) -> Totals {
        let Some(bytes) = self.filter.ledger() else { return Totals::default() };
        serde_json::from_slice(bytes).unwrap_or_else(|error| {
            tracing::error!(%error, "the ledger of counts cannot be read; counting starts anew");
            Totals::default()
        })
    }
}
