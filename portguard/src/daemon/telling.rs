//! Telling of drops as they happen: whoever follows, and the sink that the site names.

use std::{
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::Instant,
};

use portguard_common::{abi::DropEvent, drops::DropKey};
use tokio::sync::broadcast;

use super::{
    Daemon, DaemonError,
    enforcement::Enforcement,
    harvest::{Clocks, first_drop},
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

/// Who is told.
pub(super) struct Telling {
    known: Known<DropKey>,
    followers: broadcast::Sender<Event>,
    sink: Option<SinkThread>,
}

impl Telling {
    pub(super) fn new() -> Self {
        let (followers, _) = broadcast::channel(BACKLOG);
        Self { known: Known::default(), followers, sink: None }
    }

    /// All events from now on.
    pub(super) fn follow(&self) -> Result<broadcast::Receiver<Event>, DaemonError> {
        if self.followers.receiver_count() >= MOST_FOLLOWERS {
            return Err(DaemonError::TooManyFollowers(MOST_FOLLOWERS));
        }
        Ok(self.followers.subscribe())
    }

    /// From now on the sink is this one.
    fn change_sink(&mut self, to: Option<&EventsTo>) -> Result<(), String> {
        if self.sink.as_ref().map(|sink| &sink.to) == to {
            return Ok(());
        }
        self.sink = None;
        self.sink = to.map(SinkThread::new).transpose()?;
        Ok(())
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
    fn new(to: &EventsTo) -> Result<Self, String> {
        let mut sink = Sink::open(to).map_err(|error| story(&error))?;
        let (events, received) = mpsc::sync_channel::<Vec<Event>>(SINK_BACKLOG);
        let trouble = Arc::new(Mutex::new(None));
        let told = Arc::clone(&trouble);
        let run = move || {
            for events in received {
                let trouble = sink.take(&events).err().map(|error| story(&error));
                *told.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
            }
        };
        thread::Builder::new().name("events".to_owned()).spawn(run).map_err(|error| error.to_string())?;
        Ok(Self { to: to.clone(), events, trouble })
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
        let stream = current.map(EventStream::of).transpose();
        let log = self.enforcement.as_mut().and_then(Enforcement::take_log);
        match log.map(LogStream::of).transpose() {
            Ok(log) => self.program_log = log,
            Err(error) => tracing::warn!("what the program says cannot be heard: {}", error.whole_story()),
        }
        let rest: Vec<DropEvent> = self.events.take().map(|mut old| old.rest().collect()).unwrap_or_default();
        for event in rest {
            self.hear_drop(&event);
        }
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
        let to = audit.events;
        match self.telling.change_sink(to.as_ref()) {
            Ok(()) => self.troubles.over(&Subject::Sink),
            Err(why) => self.troubles.note(Subject::Sink, why),
        }
    }

    pub(super) fn hear_drop(&mut self, event: &DropEvent) {
        let known = self.enforcement.as_ref().and_then(Enforcement::particulars);
        let Some(particulars) = known else { return };
        if self.telling.known.is_news(event.key, Instant::now()) {
            let drops = first_drop(event, &particulars.chart, Clocks::now());
            self.telling.tell(vec![Event::first(drops)]);
        }
    }

    /// Tells what tables that were read say.
    pub(super) fn tell_sums(&mut self, details: &[Detail], now: u64) {
        for detail in details {
            self.telling.tell(Event::sums(detail, now));
        }
        match self.telling.sink.as_ref().and_then(SinkThread::trouble) {
            Some(why) => self.troubles.note(Subject::Sink, why),
            None => self.troubles.over(&Subject::Sink),
        }
    }
}
