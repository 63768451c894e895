//! The controller: puts the site in force, keeps it in force whatever happens to interfaces and files, and answers.
//!
//! What enforces lives in the kernel and outlives the daemon. A daemon that starts takes over what it finds; one that ends,
//! in whatever way, leaves it. Only [`Request::Detach`] and [`detach`] open the node.

mod archive;
mod calling;
mod candidate;
mod cgroups;
mod clock;
mod control;
mod due;
mod enforcement;
mod error;
mod follow;
mod gather;
mod harvest;
mod in_force;
mod keeping;
mod memory;
mod metrics;
mod particulars;
mod privileges;
mod protocol;
mod readings;
mod recent;
mod replacement;
mod resolving;
mod senders;
mod signals;
mod site;
mod status;
mod store;
mod stream;
mod telling;
mod troubles;
mod watcher;

use std::{
    borrow::Cow,
    convert::Infallible,
    fmt,
    future::pending,
    path::{Path, PathBuf, absolute},
    time::Duration,
};

use tokio::time::{MissedTickBehavior, interval};

use portguard_common::abi::DropEvent;

pub use calling::{ask, follow};
pub use error::{DaemonError, Silent};
pub use particulars::ProductInForce;
pub use protocol::{PROTOCOL_VERSION, Reply, Request};
pub use status::{GenerationInForce, GuardedInterface, Status, Trouble};
pub use store::site_in_force;

use crate::{
    audit::{self, ChangeKind, Limits},
    datapath::{self, DatapathError, Filter, Network},
    input::Loaded,
    lint::Surroundings,
    notify,
    observe::{CounterReport, Idle},
};
use archive::{Archive, Asked};
use control::{Answer, ControlSocket, Query};
use due::Due;
use enforcement::Enforcement;
use gather::Brought;
use metrics::Metrics;
use recent::Recent;
use resolving::Resolving;
use signals::{Signals, Told};
use site::Asker;
use store::{Kept, Pending, Store};
use stream::{EventStream, LogStream};
use telling::Telling;
use troubles::{Subject, Troubles};
use watcher::Watcher;

/// Where the control socket is unless the caller says otherwise.
pub const RUNTIME_DIR: &str = "/run/portguard";
/// Where what outlives a reboot is kept unless the caller says otherwise.
pub const STATE_DIR: &str = "/var/lib/portguard";
/// Where the BPF file system is unless the caller says otherwise.
pub const BPFFS: &str = "/sys/fs/bpf";

/// How often links and pins are looked at: nobody tells when one is taken off by force.
const ROUND: Duration = Duration::from_secs(2);
/// How often drops are counted for [`Status::last_minute`], and brought to the audit store.
const SAMPLE: Duration = Duration::from_secs(10);
/// How long the audit store may take before somebody is told.
const STALLED: Duration = Duration::from_secs(30);
/// How often it is looked whether something is to be sealed or has been kept for long enough.
const KEEP: Duration = Duration::from_mins(5);
/// How long news of interfaces are gathered after a look at them: the first is followed at once.
const INTERFACES: Duration = Duration::from_millis(50);
/// How long news of files are gathered: tools write several, one after the other.
const FILES: Duration = Duration::from_millis(300);
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
    /// The directory for what outlives a reboot.
    pub state_dir: PathBuf,
    /// The BPF file system.
    pub bpffs: PathBuf,
    /// What is known of the machine, for what is odd about a site.
    pub surroundings: Surroundings,
}

/// How a daemon leaves its node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The filter enforces on.
    Guarded,
    /// On these interfaces it ends with the process, since somebody has taken their pins away; on others it enforces on.
    Unpinned(Vec<String>),
    /// It enforces on as long as a process is left in this mount namespace: the pins go with the last one.
    Private,
    /// The filter was taken off before.
    Open,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Guarded => f.write_str("what was guarded is guarded still; `portguard detach` opens it"),
            Self::Unpinned(interfaces) => write!(
                f,
                "NOT guarded any more: {}, whose filter ends with this process, since its pin is gone; start portguard again",
                interfaces.join(", ")
            ),
            Self::Private => f.write_str(
                "guarded only as long as a process is left that sees the BPF file system with the pins, which process 1 does \
                 not: if this was the last one in its mount namespace, the node is open",
            ),
            Self::Open => f.write_str("nothing is guarded, since the filter was taken off"),
        }
    }
}

/// A node that is being guarded.
pub struct Daemon {
    site: PathBuf,
    object: Cow<'static, [u8]>,
    bpffs: PathBuf,
    surroundings: Surroundings,
    signals: Signals,
    store: Store,
    kept: Kept,
    /// `None` after the filter was taken off.
    enforcement: Option<Enforcement>,
    /// What is in force as it was read; `None` where what was found enforces and its site cannot be read.
    loaded: Option<Loaded>,
    network: Network,
    /// `None` until the daemon has begun.
    socket: Option<ControlSocket>,
    troubles: Troubles,
    recent: Recent,
    due: Due,
    watcher: Watcher,
    resolving: Resolving,
    archive: Archive,
    brought: Brought,
    /// The first drops of the generation that enforces.
    events: Option<EventStream>,
    /// What its program says, where it was built to say something.
    program_log: Option<LogStream>,
    telling: Telling,
    metrics: Metrics,
    /// Questions about what is being brought in.
    asked: Vec<Asked>,
    /// Who asks for what is being done.
    login: Option<String>,
    /// Whether privileges were given up: a thread has those of whoever makes it.
    may_make_threads: bool,
}

impl Daemon {
    /// Puts the site in force, or takes over what is, and opens the control socket.
    ///
    /// Where a generation enforces already, a site that cannot be put in force does not keep the daemon from starting:
    /// the generation goes on, and `status` tells.
    pub async fn start(options: Options) -> Result<Self, DaemonError> {
        let signals = Signals::new()?;
        let Options { site, object, runtime_dir, state_dir, bpffs, surroundings } = options;
        privileges::narrow().map_err(DaemonError::Privileges)?;
        let object = match object {
            Some(object) => Cow::Owned(object),
            None => Cow::Borrowed(datapath::embedded().ok_or(DatapathError::NoObject)?),
        };
        let archive = Archive::new(state_dir.join(audit::FILE), Limits::default());
        let store = Store::new(state_dir);
        let network = Network::open()?;
        let mut daemon = Self {
            // Alike wherever the daemon is started from.
            site: absolute(&site).unwrap_or(site),
            object,
            bpffs,
            surroundings,
            signals,
            kept: store.load(),
            store,
            enforcement: None,
            loaded: None,
            network,
            socket: None,
            troubles: Troubles::default(),
            recent: Recent::default(),
            due: Due::default(),
            watcher: Watcher::new(),
            resolving: Resolving::new(),
            archive,
            brought: Brought::default(),
            events: None,
            program_log: None,
            telling: Telling::new(),
            metrics: Metrics::new(),
            asked: Vec::new(),
            login: None,
            may_make_threads: false,
        };
        daemon.begin(runtime_dir).await?;
        Ok(daemon)
    }

    async fn begin(&mut self, runtime_dir: PathBuf) -> Result<(), DaemonError> {
        // Before anything is touched, so that a first start with a broken site leaves nothing.
        let opening = self.opening();
        let present = self.network.present().await?;
        let (enforcement, changes) = Enforcement::open(&self.bpffs, &present)?;
        let armed = enforcement.is_armed();
        self.enforcement = Some(enforcement);
        self.tell(&changes);
        let begun = async {
            self.socket = Some(ControlSocket::open(runtime_dir).await?);
            // With what it took over. Nothing of a start that comes to nothing is written.
            let says = format!("portguard {} has begun", env!("CARGO_PKG_VERSION"));
            self.record_change(ChangeKind::Start, "start", says, None);
            self.put(opening?, "start", &Asker::default()).await
        };
        match begun.await {
            Ok(in_force) => self.keep(in_force.bundle),
            Err(error) if armed && self.socket.is_some() => self.note_site(&error),
            Err(error) => return Err(self.abandon(armed, error)),
        }
        self.note_namespace();
        self.tend().await?;
        self.give_up_privileges();
        self.sample();
        if let Some(left) = self.kept.pending.as_ref().and_then(Pending::remaining) {
            self.due.confirmation.within(left);
        }
        Ok(())
    }

    /// What the daemon guards.
    pub fn status(&self) -> Status {
        let report = self.report(Idle::Hide).ok();
        let counted = report.as_ref().map(CounterReport::totals).unwrap_or_default();
        let enforcement = self.enforcement.as_ref();
        let pending = self.kept.pending.as_ref();
        Status {
            portguard: env!("CARGO_PKG_VERSION").to_owned(),
            site: self.site.display().to_string(),
            generation: enforcement.and_then(status::generation),
            interfaces: enforcement.map(status::interfaces).unwrap_or_default(),
            absent: enforcement.map(status::absent).unwrap_or_default(),
            last_minute: self.recent.grown(counted.refused()),
            counted,
            unconfirmed: pending.map(|pending| pending.remaining().map_or(0, |left| left.as_secs())),
            troubles: self.troubles.all(),
        }
    }

    /// Guards the node until SIGINT or SIGTERM, also one that came while it started, and leaves it as it is.
    pub async fn serve(mut self) -> Result<End, DaemonError> {
        let (mut rounds, mut samples, mut keeping) = (interval(ROUND), interval(SAMPLE), interval(KEEP));
        let mut alive = interval(notify::watchdog().unwrap_or(SAMPLE));
        for ticks in [&mut rounds, &mut samples, &mut keeping, &mut alive] {
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        notify::ready(&self.status().line());
        loop {
            tokio::select! {
                told = self.signals.next() => match told {
                    Told::End => break,
                    Told::Reload => self.hang_up().await,
                },
                change = self.network.next() => self.hear(change),
                () = self.watcher.next() => self.due.files.within(FILES),
                found = self.resolving.next() => self.learn_names(found).await,
                () = self.due.interfaces.wait() => self.look_after().await,
                () = self.due.addresses.wait() => self.readdress().await,
                () = self.due.wait_again() => self.do_again().await,
                () = self.due.files.wait() => self.reread_files().await,
                () = self.due.names.wait() => self.ask_for_names(),
                () = self.due.confirmation.wait() => self.expire().await,
                _ = rounds.tick() => self.go_round().await,
                _ = samples.tick() => self.sample(),
                _ = keeping.tick() => self.archive.keep(clock::now()),
                done = self.archive.next() => self.archived(done),
                event = next_event(&mut self.events) => self.hear_drop(&event),
                scrape = self.metrics.next() => self.tell_metrics(scrape),
                _ = alive.tick() => notify::alive(),
                never = hear_program(&mut self.program_log) => match never {},
                query = next(&mut self.socket) => self.answer(query).await,
            }
        }
        let end = self.end();
        notify::stopping(&end.to_string());
        self.gather_last().await;
        self.record_change(ChangeKind::Stop, "a signal", end.to_string(), None);
        self.end_record().await;
        Ok(end)
    }

    fn end(&self) -> End {
        let Some(enforcement) = &self.enforcement else { return End::Open };
        let unpinned = enforcement.filter().unpinned().map(|guarded| guarded.name.clone());
        let end = match unpinned.collect::<Vec<_>>() {
            none if none.is_empty() && datapath::goes_with_the_namespace(&self.bpffs) => End::Private,
            none if none.is_empty() => return End::Guarded,
            interfaces => End::Unpinned(interfaces),
        };
        tracing::error!("{end}");
        end
    }

    /// Looks whether the pins are anybody else's to see.
    fn note_namespace(&mut self) {
        if datapath::goes_with_the_namespace(&self.bpffs) {
            let says = format!(
                "the BPF file system at {} is mounted where process 1 does not see it: the end of the last process in this mount \
                 namespace, which may be this one, will open the node. Mount it outside (`mount -t bpf bpf /sys/fs/bpf`), and \
                 start portguard where it sees that",
                self.bpffs.display()
            );
            self.troubles.note(Subject::Namespace, says);
        }
    }

    async fn hang_up(&mut self) {
        notify::reloading();
        // What came of it is in the log, and in `status`.
        let _: Result<String, DaemonError> = self.reload("SIGHUP", &Asker::default()).await;
        notify::ready(&self.status().line());
    }

    async fn answer(&mut self, Query { request, caller, login, answer }: Query) {
        let reply = if request.changes() && !caller.is_root() {
            tracing::warn!(
                uid = caller.uid,
                "{request} was asked for by somebody who is not root, and refused"
            );
            Answer::Once(Reply::Error(format!("only root may ask for `{request}`")))
        } else if request.is_announced() && !caller.hears_of_it() {
            tracing::warn!("{request} was asked for by somebody who has given up since, and is not done");
            return;
        } else {
            self.login = login;
            let reply = self.reply(&request).await;
            self.login = None;
            if request.changes() {
                notify::status(&self.status().line());
            }
            reply.unwrap_or_else(|error| Answer::Once(Reply::error(&error)))
        };
        // A caller that has hung up wants no answer.
        let _: Result<(), Answer> = answer.send(reply);
    }

    async fn reply(&mut self, request: &Request) -> Result<Answer, DaemonError> {
        Ok(Answer::Once(match request.clone() {
            Request::Status => Reply::Status(Box::new(self.status())),
            Request::Counters { idle } => Reply::Counters(self.report(idle)?),
            Request::Follow => return Ok(Answer::Events(self.telling.follow()?)),
            Request::Drops { filter } => return Ok(Answer::Later(self.ask_archive(filter))),
            Request::Reload { session, despite_ssh } => {
                Reply::Done(self.reload("portguard reload", &Asker { session, despite_ssh }).await?)
            }
            Request::Apply { path, confirm, session, despite_ssh } => {
                let patience = confirm.map(Duration::from_secs);
                Reply::Done(self.apply(&path, patience, &Asker { session, despite_ssh }).await?)
            }
            Request::Confirm => Reply::Done(self.confirm()?),
            Request::Rollback => Reply::Done(self.rollback().await?),
            Request::Detach => {
                self.gather_last().await;
                Reply::Done(self.detach()?)
            }
        }))
    }

    async fn go_round(&mut self) {
        self.save_again();
        self.look_after().await;
    }

    /// Whether somebody has taken the filter off.
    fn is_detached(&self) -> bool {
        !self.enforcement.as_ref().is_some_and(Enforcement::is_armed)
    }

    fn detach(&mut self) -> Result<String, DaemonError> {
        let Some(enforcement) = self.enforcement.take() else { return Err(DaemonError::Detached) };
        enforcement.detach()?;
        let said = "the filter is off: nothing is guarded until `portguard reload`, or the next start";
        tracing::warn!("{said}");
        self.events = None;
        self.record_change(ChangeKind::Detach, "portguard detach", said.to_owned(), None);
        Ok(said.to_owned())
    }

    fn report(&self, idle: Idle) -> Result<CounterReport, DaemonError> {
        self.enforcement.as_ref().ok_or(DaemonError::Detached)?.report(idle)
    }

    /// What is done from here on needs few of them, and may be done by several threads.
    fn give_up_privileges(&mut self) {
        if let Err(error) = privileges::join(control::GROUP) {
            tracing::warn!(
                "the record is for root alone, since the daemon cannot join {}: {error}",
                control::GROUP
            );
        }
        if let Err(error) = privileges::give_up() {
            self.troubles.note(Subject::Privileges, format!("privileges that are not needed stay: {error}"));
        }
        let followed = self.watcher.begin();
        self.note_following(followed);
        if let Err(error) = self.archive.begin() {
            self.note_archive(&format!("it has no thread: {error}"));
        }
        self.may_make_threads = true;
        self.go_by_audit();
        self.go_by_metrics();
    }

    /// Gives up; where nothing enforced before, nothing is left.
    fn abandon(&mut self, armed: bool, error: DaemonError) -> DaemonError {
        if !armed
            && let Some(enforcement) = self.enforcement.take()
            && let Err(second) = enforcement.detach()
        {
            tracing::warn!("{}", second.whole_story());
        }
        error
    }
}

/// The next question; the socket is there as long as the daemon serves.
async fn next(socket: &mut Option<ControlSocket>) -> Query {
    match socket {
        Some(socket) => socket.next().await,
        None => pending().await,
    }
}

/// The next event; there may be no generation.
async fn next_event(events: &mut Option<EventStream>) -> DropEvent {
    match events {
        Some(events) => events.next().await,
        None => pending().await,
    }
}

/// Hands on what the program says; most say nothing.
async fn hear_program(log: &mut Option<LogStream>) -> Infallible {
    match log {
        Some(log) => log.run().await,
        None => pending().await,
    }
}

/// Takes the filter off without a daemon. `false`: there was none.
pub fn detach(bpffs: &Path) -> Result<bool, DaemonError> {
    Ok(Filter::remove(bpffs)?)
}
