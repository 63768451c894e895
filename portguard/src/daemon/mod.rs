//! The controller: puts the site in force, keeps it in force whatever happens to interfaces and files, and answers.
//!
//! What enforces lives in the kernel and outlives the daemon. A daemon that starts takes over what it finds; one that ends,
//! in whatever way, leaves it. Only [`Request::Detach`] and [`detach`] open the node.

mod candidate;
mod clock;
mod control;
mod due;
mod enforcement;
mod error;
mod particulars;
mod protocol;
mod recent;
mod status;
mod troubles;

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::{MissedTickBehavior, interval},
};

pub use control::ask;
pub use error::DaemonError;
pub use particulars::ProductInForce;
pub use protocol::{PROTOCOL_VERSION, Reply, Request};
pub use status::{GenerationInForce, GuardedInterface, Status, Trouble};

use crate::{
    datapath::{self, Change, DatapathError, Filter, Network, NetworkChange},
    input::InputError,
    lint::Surroundings,
    matrix::Matrix,
    observe::{CounterReport, Idle},
    reading::Colour,
};
use candidate::Candidate;
use control::{ControlSocket, Query};
use due::Due;
use enforcement::{Enforcement, Installed};
use particulars::Provenance;
use recent::Recent;
use troubles::{Subject, Troubles};

/// Where the control socket is unless the caller says otherwise.
pub const RUNTIME_DIR: &str = "/run/portguard";
/// Where the BPF file system is unless the caller says otherwise.
pub const BPFFS: &str = "/sys/fs/bpf";

/// How often links and pins are looked at: nobody tells when one is taken off by force.
const ROUND: Duration = Duration::from_secs(2);
/// How often drops are counted for [`Status::last_minute`].
const SAMPLE: Duration = Duration::from_secs(15);
/// How long news of interfaces are gathered after a look at them: the first is followed at once.
const INTERFACES: Duration = Duration::from_millis(50);
/// How long news of addresses are gathered: each set of addresses is a generation.
const ADDRESSES: Duration = Duration::from_millis(300);

/// What the daemon needs to begin.
pub struct Options {
    /// The site file.
    pub site: PathBuf,
    /// The eBPF object; `None` for the one in the binary.
    pub object: Option<Vec<u8>>,
    /// The directory for the control socket.
    pub runtime_dir: PathBuf,
    /// The BPF file system.
    pub bpffs: PathBuf,
    /// What is known of the machine, for what is odd about a site.
    pub surroundings: Surroundings,
}

/// A node that is being guarded.
pub struct Daemon {
    site: PathBuf,
    object: Cow<'static, [u8]>,
    bpffs: PathBuf,
    surroundings: Surroundings,
    /// `None` after the filter was taken off.
    enforcement: Option<Enforcement>,
    network: Network,
    socket: ControlSocket,
    troubles: Troubles,
    recent: Recent,
    due: Due,
}

impl Daemon {
    /// Puts the site in force, or takes over what is, and opens the control socket.
    ///
    /// Where a generation enforces already, a site that cannot be put in force does not keep the daemon from starting:
    /// the generation goes on, and `status` tells.
    pub async fn start(options: Options) -> Result<Self, DaemonError> {
        let Options { site, object, runtime_dir, bpffs, surroundings } = options;
        let object = match object {
            Some(object) => Cow::Owned(object),
            None => Cow::Borrowed(datapath::embedded().ok_or(DatapathError::NoObject)?),
        };
        let read = read(&site, &surroundings);
        let network = Network::open()?;
        let present = network.present().await?;
        let (enforcement, changes) = Enforcement::open(&bpffs, &present)?;
        let socket = match ControlSocket::open(runtime_dir).await {
            Ok(socket) => socket,
            Err(error) => return Err(abandon(enforcement, error)),
        };
        let mut daemon = Self {
            site,
            object,
            bpffs,
            surroundings,
            enforcement: None,
            network,
            socket,
            troubles: Troubles::default(),
            recent: Recent::default(),
            due: Due::default(),
        };
        daemon.tell(&changes);
        daemon.begin(enforcement, read).await?;
        daemon.sample();
        Ok(daemon)
    }

    async fn begin(
        &mut self,
        mut enforcement: Enforcement,
        read: Result<Matrix, DaemonError>,
    ) -> Result<(), DaemonError> {
        let present = self.network.present().await?;
        let installed = read.and_then(|matrix| Candidate::new(matrix, &self.object)).and_then(|candidate| {
            enforcement.install(candidate, &self.object, self.provenance("start"), &present)
        });
        match installed {
            Err(error) if !enforcement.is_armed() => return Err(abandon(enforcement, error)),
            installed => {
                self.enforcement = Some(enforcement);
                if let Err(error) = installed {
                    self.note_site(&error);
                }
            }
        }
        self.put_counts_away();
        self.tend().await
    }

    /// What the daemon guards.
    pub fn status(&self) -> Status {
        let report = self.report(Idle::Hide).ok();
        let counted = report.as_ref().map(CounterReport::totals).unwrap_or_default();
        let enforcement = self.enforcement.as_ref();
        Status {
            portguard: env!("CARGO_PKG_VERSION").to_owned(),
            site: self.site.display().to_string(),
            generation: enforcement.and_then(status::generation),
            interfaces: enforcement.map(status::interfaces).unwrap_or_default(),
            absent: enforcement.map(status::absent).unwrap_or_default(),
            last_minute: self.recent.grown(counted.refused()),
            counted,
            troubles: self.troubles.all(),
        }
    }

    /// Guards the node until SIGINT or SIGTERM, and leaves it guarded.
    pub async fn serve(mut self) -> Result<(), DaemonError> {
        let [mut interrupt, mut terminate, mut hangup] = [
            signals(SignalKind::interrupt())?,
            signals(SignalKind::terminate())?,
            signals(SignalKind::hangup())?,
        ];
        let (mut rounds, mut samples) = (interval(ROUND), interval(SAMPLE));
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        samples.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = interrupt.recv() => break,
                _ = terminate.recv() => break,
                _ = hangup.recv() => {
                    // What came of it is in the log, and in `status`.
                    let _: Result<String, DaemonError> = self.reload("SIGHUP").await;
                }
                change = self.network.next() => self.hear(change),
                () = self.due.interfaces.wait() => self.look_after().await,
                () = self.due.addresses.wait() => self.readdress().await,
                _ = rounds.tick() => self.look_after().await,
                _ = samples.tick() => self.sample(),
                query = self.socket.next() => self.answer(query).await,
            }
        }
        Ok(())
    }

    async fn answer(&mut self, Query { request, caller, answer }: Query) {
        let reply = if request.changes() && !caller.is_root() {
            tracing::warn!(
                uid = caller.uid,
                "{request} was asked for by somebody who is not root, and refused"
            );
            Reply::Error(format!("only root may ask for `{request}`"))
        } else {
            self.reply(&request).await.unwrap_or_else(|error| Reply::error(&error))
        };
        // A caller that has hung up wants no answer.
        let _: Result<(), Reply> = answer.send(reply);
    }

    async fn reply(&mut self, request: &Request) -> Result<Reply, DaemonError> {
        Ok(match request {
            Request::Status => Reply::Status(Box::new(self.status())),
            Request::Counters { idle } => Reply::Counters(self.report(*idle)?),
            Request::Reload => Reply::Done(self.reload("portguard reload").await?),
            Request::Detach => Reply::Done(self.detach()?),
        })
    }

    /// Puts the site file as it is now in force; after an error what was in force is so still.
    async fn reload(&mut self, by: &str) -> Result<String, DaemonError> {
        let reloaded = self.try_reload(by).await;
        match &reloaded {
            Ok(said) => {
                tracing::info!(by, "{said}");
                self.troubles.over(&Subject::Site);
            }
            Err(error) => self.note_site(error),
        }
        self.put_counts_away();
        reloaded
    }

    async fn try_reload(&mut self, by: &str) -> Result<String, DaemonError> {
        let candidate = Candidate::new(read(&self.site, &self.surroundings)?, &self.object)?;
        let present = self.network.present().await?;
        let provenance = self.provenance(by);
        let enforcement = match &mut self.enforcement {
            Some(enforcement) => enforcement,
            detached => detached.insert(Enforcement::open(&self.bpffs, &present)?.0),
        };
        let installed = enforcement.install(candidate, &self.object, provenance, &present)?;
        let number = enforcement.filter().current().map_or(0, datapath::Generation::number);
        self.tend().await?;
        Ok(match installed {
            Installed::Same => format!("nothing has changed: generation {number} goes on"),
            Installed::New => format!("generation {number} is in force"),
        })
    }

    fn detach(&mut self) -> Result<String, DaemonError> {
        let Some(enforcement) = self.enforcement.take() else { return Err(DaemonError::Detached) };
        enforcement.detach()?;
        let said = "the filter is off: nothing is guarded until `portguard reload`, or the next start";
        tracing::warn!("{said}");
        Ok(said.to_owned())
    }

    fn report(&self, idle: Idle) -> Result<CounterReport, DaemonError> {
        self.enforcement.as_ref().ok_or(DaemonError::Detached)?.report(idle)
    }

    fn hear(&mut self, change: Option<NetworkChange>) {
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

    async fn look_after(&mut self) {
        self.due.interfaces.done();
        match self.tend().await {
            Ok(()) => self.troubles.over(&Subject::Network),
            Err(error) => self.troubles.note(Subject::Network, error.whole_story()),
        }
        self.put_counts_away();
    }

    /// Guards what is to be guarded and is not.
    async fn tend(&mut self) -> Result<(), DaemonError> {
        let present = self.network.present().await?;
        let Some(enforcement) = &mut self.enforcement else { return Ok(()) };
        let changes = enforcement.tend(&present)?;
        let full = changes.iter().any(|change| matches!(change, Change::NoPlace { .. }));
        self.tell(&changes);
        if full {
            // The same site, with a table that has room.
            self.recompile("a new interface").await?;
        }
        Ok(())
    }

    /// The node's own addresses are part of a generation.
    async fn readdress(&mut self) {
        self.due.addresses.done();
        match self.recompile("a change of the node's addresses").await {
            Ok(()) => self.troubles.over(&Subject::Network),
            Err(error) => self.troubles.note(Subject::Network, error.whole_story()),
        }
    }

    async fn recompile(&mut self, by: &str) -> Result<(), DaemonError> {
        let Some(matrix) = self.enforcement.as_ref().and_then(Enforcement::matrix).cloned() else {
            return Ok(());
        };
        let candidate = Candidate::new(matrix, &self.object)?;
        let present = self.network.present().await?;
        let provenance = self.provenance(by);
        let Some(enforcement) = &mut self.enforcement else { return Ok(()) };
        if enforcement.install(candidate, &self.object, provenance, &present)? == Installed::New {
            let number = enforcement.filter().current().map_or(0, datapath::Generation::number);
            tracing::info!("generation {number} is in force, because of {by}");
        }
        Ok(())
    }

    fn put_counts_away(&mut self) {
        let Some(enforcement) = &mut self.enforcement else { return };
        match enforcement.enter_retired() {
            Ok(()) => self.troubles.over(&Subject::Ledger),
            Err(error) => self.troubles.note(Subject::Ledger, error.whole_story()),
        }
    }

    fn sample(&mut self) {
        if let Ok(report) = self.report(Idle::Hide) {
            self.recent.sample(Instant::now(), report.totals().refused());
        }
    }

    fn note_site(&mut self, error: &DaemonError) {
        let still = match self.enforcement.as_ref().and_then(Enforcement::particulars) {
            Some(_) => "what was in force is so still",
            None => "another generation enforces",
        };
        self.troubles.note(
            Subject::Site,
            format!("{} cannot be put in force, and {still}: {}", self.site.display(), error.whole_story()),
        );
    }

    fn tell(&mut self, changes: &[Change]) {
        for change in changes {
            match change {
                Change::Unguarded { interface, .. } | Change::Unpinned { interface, .. } => {
                    self.troubles.note(Subject::Interface(interface.clone()), change.to_string());
                }
                Change::Guarded { interface, .. } | Change::PinRestored { interface } => {
                    tracing::info!("{change}");
                    self.troubles.over(&Subject::Interface(interface.clone()));
                }
                Change::Gone { interface } => {
                    tracing::warn!("{change}");
                    self.troubles.over(&Subject::Interface(interface.clone()));
                }
                _ => tracing::warn!("{change}"),
            }
        }
    }

    fn provenance(&self, by: &str) -> Provenance {
        Provenance { site: self.site.display().to_string(), by: by.to_owned(), since: clock::now() }
    }
}

/// Takes the filter off without a daemon. `false`: there was none.
pub fn detach(bpffs: &Path) -> Result<bool, DaemonError> {
    Ok(Filter::remove(bpffs)?)
}

/// Gives up before anything enforces, and leaves nothing.
fn abandon(enforcement: Enforcement, error: DaemonError) -> DaemonError {
    if !enforcement.is_armed()
        && let Err(second) = enforcement.detach()
    {
        tracing::warn!("{}", second.whole_story());
    }
    error
}

fn read(site: &Path, around: &Surroundings) -> Result<Matrix, DaemonError> {
    let (matrix, odd) =
        candidate::read(site, around).map_err(|error: InputError| DaemonError::Site(Box::new(error)))?;
    let odd = odd.render(Colour::Never);
    if !odd.is_empty() {
        tracing::warn!("{}\n{}", site.display(), odd.trim_end());
    }
    Ok(matrix)
}

fn signals(kind: SignalKind) -> Result<Signal, DaemonError> {
    signal(kind).map_err(DaemonError::Signals)
}
