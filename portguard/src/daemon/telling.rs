//! Telling of drops as they happen: whoever follows, and the sink that the site names.

use std::{
    convert::Infallible,
    io,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use portguard_common::abi::DropEvent;
use tokio::sync::broadcast;

use super::{
    Daemon, DaemonError,
    enforcement::Enforcement,
    harvest::{Clocks, first_drop},
    particulars::Particulars,
    senders::Senders,
    stream::{EventStream, LogStream},
    troubles::Subject,
};
use crate::{
    audit::{Detail, Limits},
    datapath::Generation,
    events::{Event, Known, Sink},
    site::EventsTo,
};

/// How many may follow at once.
const MOST_FOLLOWERS: usize = 8;
/// How many events a follower may be behind.
const BACKLOG: usize = 4096;
/// How many bunches of events a sink may be behind.
const SINK_BACKLOG: usize = 256;
/// How long a new sink is waited for.
const FIRST_TRY: Duration = Duration::from_secs(1);

/// What is told once: address, zone, port and reason.
type Kind = (Option<IpAddr>, String, String, String);

/// Who is told.
pub(super) struct Telling {
    known: Known<Kind>,
    senders: Senders,
    followers: broadcast::Sender<Event>,
    sink: Option<SinkThread>,
    /// Why the sink that the site names is not there.
    no_thread: Option<String>,
}

impl Telling {
    pub(super) fn new() -> Self {
        let (followers, _) = broadcast::channel(BACKLOG);
        Self { known: Known::default(), senders: Senders::default(), followers, sink: None, no_thread: None }
    }

    /// Who sent what was not to leave.
    pub(super) fn senders(&self) -> &Senders {
        &self.senders
    }

    /// Tells of an event of `stream`.
    fn hear(&mut self, stream: &EventStream, event: &DropEvent) {
        let process = self.senders.learn(stream.generation(), event);
        let drops = first_drop(event, stream.chart(), Clocks::now(), process);
        let kind = (drops.source, drops.zone.clone(), drops.port.clone(), drops.reason.clone());
        if self.known.is_news(kind, Instant::now()) {
            self.tell(vec![Event::first(drops)]);
        }
    }

    /// All events from now on.
    pub(super) fn follow(&self) -> Result<broadcast::Receiver<Event>, DaemonError> {
        if self.followers.receiver_count() >= MOST_FOLLOWERS {
            return Err(DaemonError::TooManyFollowers(MOST_FOLLOWERS));
        }
        Ok(self.followers.subscribe())
    }

    /// From now on the sink is this one.
    fn change_sink(&mut self, to: Option<&EventsTo>) {
        if self.sink.as_ref().map(|sink| &sink.to) == to {
            return;
        }
        // First, since the other sink may be the same file.
        self.sink = None;
        (self.sink, self.no_thread) = match to.map(SinkThread::new).transpose() {
            Ok(sink) => (sink, None),
            Err(error) => (None, Some(format!("the sink of events has no thread: {error}"))),
        };
    }

    /// Tries once more what could not be done: the journal may be back, or the disk mended.
    fn retry(&self) {
        if let Some(sink) = self.sink.as_ref().filter(|sink| sink.trouble().is_some()) {
            sink.retry();
        }
    }

    fn trouble(&self) -> Option<String> {
        self.no_thread.clone().or_else(|| self.sink.as_ref().and_then(SinkThread::trouble))
    }

    fn tell(&self, events: Vec<Event>) {
        if let Some(sink) = &self.sink {
            sink.take(events.clone());
        }
        for event in events {
            // An error means that nobody follows.
            let _: Result<usize, broadcast::error::SendError<Event>> = self.followers.send(event);
        }
    }
}

/// A sink's thread: a slow disk keeps nobody waiting who guards.
struct SinkThread {
    to: EventsTo,
    events: mpsc::SyncSender<Vec<Event>>,
    trouble: Arc<Mutex<Option<String>>>,
}

impl SinkThread {
    fn new(to: &EventsTo) -> io::Result<Self> {
        let mut sink = Sink::new(to);
        let (events, received) = mpsc::sync_channel::<Vec<Event>>(SINK_BACKLOG);
        let (trying, tried) = mpsc::channel::<Infallible>();
        let trouble = Arc::new(Mutex::new(None));
        let told = Arc::clone(&trouble);
        let mut take = move |events: Vec<Event>| {
            let trouble = sink.take(&events).err().map(|error| story(&error));
            *told.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
        };
        let run = move || {
            take(Vec::new());
            drop(trying);
            received.into_iter().for_each(take);
        };
        thread::Builder::new().name("events".to_owned()).spawn(run)?;
        // Whether it can be had at all is known then, unless it hangs.
        let _: Result<Infallible, mpsc::RecvTimeoutError> = tried.recv_timeout(FIRST_TRY);
        Ok(Self { to: to.clone(), events, trouble })
    }

    fn retry(&self) {
        // One that is full is being tried.
        let _: Result<(), mpsc::TrySendError<Vec<Event>>> = self.events.try_send(Vec::new());
    }

    fn take(&self, events: Vec<Event>) {
        let missed = events.len();
        if self.events.try_send(events).is_err() {
            *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(format!("the sink of events is too slow: {missed} events were not written"));
        }
    }

    fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn story(error: &crate::events::SinkError) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}")
}

impl Daemon {
    /// Listens to the events of the generation that enforces; those of the one before are told to the end.
    pub(super) fn listen_to_drops(&mut self) {
        let current = self.enforcement.as_ref().and_then(|enforcement| enforcement.filter().current());
        if self.events.as_ref().map(EventStream::generation) == current.map(Generation::number) {
            return;
        }
        let stream = current.and_then(|generation| {
            let chart = Particulars::of(generation)?.chart;
            Some(EventStream::of(generation, chart))
        });
        let stream = stream.transpose();
        let log = self.enforcement.as_mut().and_then(Enforcement::take_log);
        match log.map(LogStream::of).transpose() {
            Ok(log) => self.program_log = log,
            Err(error) => tracing::warn!("what the program says cannot be heard: {}", error.whole_story()),
        }
        if let (Some(_), Some(enforcement)) = (&self.events, &self.enforcement) {
            // A packet that is under way in the generation before may be about to be told of.
            enforcement.filter().settle();
        }
        self.hear_drops();
        self.events = None;
        match stream {
            Ok(stream) => {
                self.events = stream;
                self.troubles.over(&Subject::Events);
            }
            Err(error) => self.troubles.note(Subject::Events, error.whole_story()),
        }
    }

    /// Goes by what the site says of events, and of how long they are kept.
    pub(super) fn go_by_audit(&mut self) {
        if !self.may_make_threads {
            return;
        }
        let Some(audit) = self.loaded.as_ref().map(|loaded| loaded.audit().clone()) else { return };
        let bytes = u64::from(audit.mebibytes) << 20;
        self.archive.limit(Limits { days: audit.days, bytes, ..Limits::default() });
        self.telling.change_sink(audit.events.as_ref());
        self.note_sink();
    }

    /// Looks whether the sink takes events, and tries it where it did not.
    pub(super) fn look_after_sink(&mut self) {
        self.telling.retry();
        self.note_sink();
    }

    fn note_sink(&mut self) {
        match self.telling.trouble() {
            Some(why) => self.troubles.note(Subject::Sink, why),
            None => self.troubles.over(&Subject::Sink),
        }
    }

    pub(super) fn hear_drop(&mut self, event: &DropEvent) {
        if let Some(stream) = &self.events {
            self.telling.hear(stream, event);
        }
    }

    /// Tells of what has come and was not waited for.
    pub(super) fn hear_drops(&mut self) {
        let Some(stream) = &mut self.events else { return };
        for event in stream.rest().collect::<Vec<_>>() {
            self.telling.hear(stream, &event);
        }
    }

    /// Tells what tables that were read say.
    pub(super) fn tell_sums(&mut self, details: &[Detail], now: u64) {
        for detail in details {
            self.telling.tell(Event::sums(detail, now));
        }
        self.note_sink();
    }
}
