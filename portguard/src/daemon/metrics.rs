//! Metrics: where the site wants them, and what they say.

use std::net::SocketAddr;

use portguard_common::abi::DropTally;
use tokio::sync::mpsc;

use super::{Daemon, DaemonError, clock, status, store::Pending, troubles::Subject};
use crate::{
    metrics::{Counts, EventCounts, Generation, InterfaceState, Scrape, Server, Snapshot},
    observe::{Count, RangeRow, ReasonRow},
};

/// What metrics tell and nobody else remembers, and who serves them.
pub(super) struct Metrics {
    started: u64,
    reloaded: Option<u64>,
    lost: Count,
    events: EventCounts,
    /// `None` where the site wants none, or its address cannot be had.
    server: Option<Server>,
    ask: mpsc::Sender<Scrape>,
    asked: mpsc::Receiver<Scrape>,
}

impl Metrics {
    pub(super) fn new() -> Self {
        // One is enough: the server asks when it has its last answer.
        let (ask, asked) = mpsc::channel(1);
        let (lost, events) = (Count::default(), EventCounts::default());
        Self { started: clock::now(), reloaded: None, lost, events, server: None, ask, asked }
    }

    /// The next question.
    pub(super) async fn next(&mut self) -> Scrape {
        match self.asked.recv().await {
            Some(scrape) => scrape,
            // This holds a sender itself.
            None => std::future::pending().await,
        }
    }

    /// A site is in force.
    pub(super) fn reloaded(&mut self) {
        self.reloaded = Some(clock::now());
    }

    /// Adds what a reading of the tables of drops says of itself.
    pub(super) fn count(&mut self, tally: &DropTally) {
        self.lost.packets += tally.lost.packets;
        self.lost.bytes += tally.lost.bytes;
        self.events.told += tally.told;
        self.events.withheld += tally.withheld;
        self.events.unheard += tally.unheard;
    }

    /// From now on metrics are served there, or nowhere.
    fn serve_at(&mut self, address: Option<SocketAddr>) -> std::io::Result<()> {
        let is_right = |server: &Server| Some(server.address()) == address && !server.has_ended();
        if self.server.as_ref().is_some_and(is_right) {
            return Ok(());
        }
        // First, since the other address may be a part of this one.
        self.server = None;
        self.server = address.map(|address| Server::start(address, self.ask.clone())).transpose()?;
        Ok(())
    }
}

impl Daemon {
    /// Goes by what the site says of metrics. An address that cannot be had is tried again: it may be one that the node is
    /// still to get.
    pub(super) fn go_by_metrics(&mut self) {
        if !self.may_make_threads {
            return;
        }
        let Some(loaded) = &self.loaded else { return };
        let address = loaded.metrics();
        match (self.metrics.serve_at(address), address) {
            (Err(error), Some(address)) => {
                let says = format!("metrics cannot be served on {address}: {error}");
                self.troubles.note(Subject::Metrics, says);
            }
            _ => self.troubles.over(&Subject::Metrics),
        }
    }

    /// Answers a question.
    pub(super) fn tell_metrics(&self, scrape: Scrape) {
        // A server that has waited too long wants no answer.
        let _: Result<(), Snapshot> = scrape.send(self.snapshot());
    }

    fn snapshot(&self) -> Snapshot {
        let enforcement = self.enforcement.as_ref();
        let guarded = enforcement.map(status::interfaces).unwrap_or_default().into_iter();
        let absent = enforcement.map(status::absent).unwrap_or_default().into_iter();
        let unresolved = self.loaded.as_ref().map_or(0, |loaded| {
            let answers = self.kept.names.answers(&loaded.host_names());
            answers.values().filter(|answer| answer.failure.is_some()).count()
        });
        Snapshot {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: self.metrics.started,
            reloaded: self.metrics.reloaded,
            generation: enforcement.and_then(status::generation).map(|generation| Generation {
                number: generation.number,
                since: generation.since,
                mode: generation.mode,
                posture: generation.posture,
                image: generation.image,
            }),
            interfaces: guarded
                .map(|interface| InterfaceState { name: interface.name, attached: Some(interface.attached) })
                .chain(absent.map(|name| InterfaceState { name, attached: None }))
                .collect(),
            counts: self.counts().ok(),
            lost: self.metrics.lost,
            events: self.metrics.events,
            troubles: self.troubles.counts(),
            site_broken: self.troubles.has(&Subject::Site),
            unconfirmed: self.kept.pending.as_ref().and_then(Pending::remaining).is_some(),
            unresolved: unresolved.try_into().unwrap_or(u64::MAX),
            audit_failing: self.troubles.has(&Subject::Archive),
        }
    }

    fn counts(&self) -> Result<Counts, DaemonError> {
        let (totals, chart) = self.enforcement.as_ref().ok_or(DaemonError::Detached)?.totals()?;
        Ok(Counts {
            ranges: RangeRow::all(&totals, chart),
            reasons: ReasonRow::all(&totals, chart),
            undocumented: totals.undocumented(),
        })
    }
}
