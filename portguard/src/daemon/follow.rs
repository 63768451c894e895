//! Following what happens to the node: interfaces, addresses, and what was counted by generations that went.

use std::time::{Duration, Instant};

use super::{
    ADDRESSES, Daemon, DaemonError, INTERFACES,
    candidate::Candidate,
    due::Again,
    enforcement::{Enforcement, Installed, Unnamed},
    memory,
    site::Asker,
    troubles::Subject,
};
use crate::{
    datapath::{self, Change, Generation, Network, NetworkChange},
    input::Bundle,
    matrix::Posture,
    observe::Idle,
};

/// How long it takes until a change that could not be followed is tried again.
const RETRY: Duration = Duration::from_secs(1);

impl Daemon {
    pub(super) fn hear(&mut self, change: Option<NetworkChange>) {
        match change {
            Some(NetworkChange::Interfaces) => self.due.interfaces.soon(INTERFACES),
            Some(NetworkChange::Addresses) => self.due.addresses.within(ADDRESSES),
            None => match Network::open() {
                Ok(network) => {
                    self.network = network;
                    self.due.interfaces.soon(INTERFACES);
                    self.due.addresses.within(ADDRESSES);
                    self.troubles.over(&Subject::Network);
                }
                Err(error) => self.troubles.note(Subject::Network, error.whole_story()),
            },
        }
    }

    pub(super) async fn look_after(&mut self) {
        self.due.interfaces.done();
        self.go_by_metrics();
        match self.tend().await {
            Ok(()) => self.troubles.over(&Subject::Network),
            Err(error) => self.troubles.note(Subject::Network, error.whole_story()),
        }
        if self.enforcement.as_ref().is_some_and(Enforcement::has_retired) {
            self.gather();
        }
    }

    /// Guards what is to be guarded and is not.
    pub(super) async fn tend(&mut self) -> Result<(), DaemonError> {
        let present = self.network.present().await?;
        let Some(enforcement) = &mut self.enforcement else { return Ok(()) };
        let changes = enforcement.tend(&present)?;
        let full = changes.iter().any(|change| matches!(change, Change::NoPlace { .. }));
        let forwarded = enforcement.forwards();
        self.tell(&changes);
        self.troubles.forget_interfaces(|name| present.iter().any(|interface| interface.name == name));
        if full {
            // The same site, with a table that has room.
            self.due.again(Again::Interface, RETRY);
        } else if self.forwards()?.is_some_and(|now| now != forwarded) {
            self.due.again(Again::Forwarding, RETRY);
        }
        Ok(())
    }

    /// Whether the node sends on what comes in for others, if that matters to the site. Nobody tells when that is switched.
    fn forwards(&self) -> Result<Option<bool>, DaemonError> {
        let matters = self.loaded.as_ref().is_some_and(|loaded| loaded.matrix.transit == Posture::Pass);
        Ok(if matters { Some(datapath::forwards()?) } else { None })
    }

    /// Compiles the site once more, for what has changed.
    pub(super) async fn do_again(&mut self) {
        if let Some(why) = self.due.take_again() {
            self.follow_up(why.says()).await;
        }
    }

    /// The node's own addresses are part of a generation.
    pub(super) async fn readdress(&mut self) {
        self.due.addresses.done();
        self.follow_up("a change of the node's addresses").await;
    }

    /// Puts the same site in force for the node as it is now; what is in the way is told.
    pub(super) async fn follow_up(&mut self, by: &str) {
        match self.recompile(by).await {
            Ok(()) => self.troubles.over(&Subject::Following),
            Err(error) => {
                let why = error.whole_story();
                self.troubles.note(Subject::Following, format!("{by} cannot be followed: {why}"));
                // An interface that was just to be guarded is to be guarded by the generation that is.
                self.due.interfaces.soon(Duration::ZERO);
                self.due.addresses.within(RETRY);
            }
        }
        self.gather();
        memory::give_back();
    }

    async fn recompile(&mut self, by: &str) -> Result<(), DaemonError> {
        let Some(loaded) = &self.loaded else { return Ok(()) };
        let candidate = Candidate::new(&loaded.matrix, &self.object)?;
        let present = self.network.present().await?;
        let provenance = self.provenance(by);
        let Some(enforcement) = &mut self.enforcement else { return Ok(()) };
        let installed = enforcement.install(
            candidate,
            &loaded.matrix,
            &self.object,
            provenance,
            &present,
            Unnamed::Keep,
        )?;
        if let Installed::New(changes) = installed {
            let number = enforcement.filter().current().map_or(0, Generation::number);
            tracing::info!("generation {number} is in force, because of {by}");
            self.tell(&changes);
            self.record_generation(by, None, None);
            self.tell_transit();
        }
        Ok(())
    }

    /// Says so where packets pass that no rule admits, since they are for others.
    pub(super) fn tell_transit(&self) {
        let lets = self.loaded.as_ref().is_some_and(|loaded| loaded.matrix.transit == Posture::Pass);
        if lets && self.enforcement.as_ref().is_some_and(Enforcement::forwards) {
            tracing::info!(
                "this node forwards: what it sends on to others passes as `transit`, whatever the rules say of the port; \
                 transit = \"drop\" in the site file has it judged"
            );
        }
    }

    /// Puts the site's files in force if they say something else than when they were read last.
    pub(super) async fn reread_files(&mut self) {
        self.due.files.done();
        let read = Bundle::read(&self.site).ok().map(|(_, bundle)| bundle);
        match read {
            Some(bundle) if self.kept.pending.as_ref().is_some_and(|pending| pending.bundle == bundle) => {}
            // Whatever was wrong with it in between is mended.
            Some(bundle) if self.kept.in_force.as_ref() == Some(&bundle) => {
                self.troubles.over(&Subject::Site);
            }
            Some(bundle) if self.kept.shunned.as_deref() == Some(&bundle.digest()) => {
                self.troubles.note(Subject::Site, self.other_file());
            }
            // Nobody but a person ends that.
            _ if self.is_detached() => {
                let says = "the site's files have changed while the filter is off: `portguard reload` puts them in force";
                self.troubles.note(Subject::Site, says.to_owned());
            }
            _ => {
                // What came of it is in the log, and in `status`.
                let _: Result<String, DaemonError> =
                    self.reload("a change of the site's files", &Asker::default()).await;
            }
        }
    }

    pub(super) fn sample(&mut self) {
        if let Ok(report) = self.report(Idle::Hide) {
            self.recent.sample(Instant::now(), report.totals().refused());
        }
        self.gather();
    }

    pub(super) fn tell(&mut self, changes: &[Change]) {
        for change in changes {
            match change {
                Change::Unguarded { interface, .. } | Change::Unpinned { interface, .. } => {
                    self.troubles.note(Subject::Interface(interface.clone()), change.to_string());
                }
                Change::Guarded { interface, .. } | Change::PinRestored { interface } => {
                    tracing::info!("{change}");
                    self.troubles.over(&Subject::Interface(interface.clone()));
                }
                Change::Gone { interface } | Change::Released { interface } => {
                    tracing::warn!("{change}");
                    self.troubles.over(&Subject::Interface(interface.clone()));
                }
                _ => tracing::warn!("{change}"),
            }
        }
    }
}
