//! Where events go beside the audit store: the journal, or a file of JSON lines.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write as _},
    os::unix::{
        fs::{MetadataExt as _, OpenOptionsExt as _},
        net::UnixDatagram,
    },
    path::PathBuf,
};

use thiserror::Error;
use tracing::Dispatch;
use tracing_subscriber::layer::SubscriberExt as _;

use super::Event;
use crate::{observe::Direction, site::EventsTo};

/// Where the journal listens.
const JOURNAL: &str = "/run/systemd/journal/socket";

/// Why an event could not be handed on.
#[derive(Debug, Error)]
pub enum SinkError {
    /// The file can't be written.
    #[error("cannot write events to {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// There is no journal.
    #[error("cannot reach the journal; is this a system with systemd?")]
    Journal(#[source] io::Error),
}

/// Takes events.
pub enum Sink {
    /// A file, opened anew when it is another one: whoever rotates it need not tell us.
    File {
        /// Its path.
        path: PathBuf,
        /// The file, if it is open.
        open: Option<File>,
    },
    /// The journal, if it was there once.
    Journald(Option<Dispatch>),
}

impl Sink {
    /// The sink that a site asks for. It is opened with what it takes first.
    pub fn new(to: &EventsTo) -> Self {
        match to {
            EventsTo::File(path) => Self::File { path: path.clone(), open: None },
            EventsTo::Journald => Self::Journald(None),
        }
    }

    /// Hands `events` on; none, to see whether that can be done.
    pub fn take(&mut self, events: &[Event]) -> Result<(), SinkError> {
        match self {
            Self::File { path, open } => {
                append(path, open, events).map_err(|source| SinkError::File { path: path.clone(), source })
            }
            Self::Journald(open) => {
                // The layer tells nobody that what it sends does not arrive.
                reach_journal().map_err(SinkError::Journal)?;
                let journal = match open {
                    Some(journal) => journal,
                    none => none.insert(journal().map_err(SinkError::Journal)?),
                };
                tracing::dispatcher::with_default(journal, || events.iter().for_each(log));
                Ok(())
            }
        }
    }
}

/// An empty message, which the journal takes for none.
fn reach_journal() -> io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    match socket.send_to(&[], JOURNAL) {
        // It is there, and behind.
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
        sent => sent.map(drop),
    }
}

fn journal() -> io::Result<Dispatch> {
    let layer = tracing_journald::layer()?
        .with_field_prefix(Some("PORTGUARD".to_owned()))
        .with_syslog_identifier("portguard-drops".to_owned());
    Ok(Dispatch::new(tracing_subscriber::registry().with(layer)))
}

fn append(path: &PathBuf, open: &mut Option<File>, events: &[Event]) -> io::Result<()> {
    let same = |file: &File| -> io::Result<bool> {
        let (ours, theirs) = (file.metadata()?, fs::metadata(path)?);
        Ok((ours.dev(), ours.ino()) == (theirs.dev(), theirs.ino()))
    };
    if !open.as_ref().is_some_and(|file| same(file).unwrap_or(false)) {
        *open = Some(OpenOptions::new().create(true).append(true).mode(0o640).open(path)?);
    }
    let mut lines = Vec::new();
    for event in events {
        serde_json::to_writer(&mut lines, event)?;
        lines.push(b'\n');
    }
    open.as_mut().map_or(Ok(()), |file| file.write_all(&lines))
}

fn log(event: &Event) {
    let name = |value: serde_json::Result<String>| value.unwrap_or_default().trim_matches('"').to_owned();
    let Event {
        event: kind,
        time,
        since,
        verdict,
        direction,
        source,
        zone,
        port,
        reason,
        rules,
        process,
        packets,
        bytes,
    } = event;
    // What is missing has no field.
    tracing::info!(
        event = name(serde_json::to_string(kind)),
        time = %time,
        since = since.map(|since| since.to_string()),
        verdict = verdict.map(|verdict| name(serde_json::to_string(&verdict))),
        direction = direction.map(Direction::name),
        source = source.map(|source| source.to_string()),
        zone,
        port,
        reason,
        rules = (!rules.is_empty()).then(|| rules.join("; ")),
        uid = process.as_ref().map(|process| process.uid),
        cgroup = process.as_ref().and_then(|process| process.cgroup.as_deref()),
        packets,
        bytes,
        "{}",
        event.says()
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::SourceDrops;

    fn event(packets: u64) -> Event {
        Event::first(SourceDrops {
            source: None,
            zone: "default".to_owned(),
            port: "-".to_owned(),
            reason: "short".to_owned(),
            rules: Vec::new(),
            process: None,
            would: true,
            packets,
            bytes: 60,
            first: 0,
            last: 0,
        })
    }

    #[test]
    fn a_rotated_file_is_left_alone_and_a_new_one_begun() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("drops.jsonl");
        let mut sink = Sink::new(&EventsTo::File(path.clone()));
        sink.take(&[event(1), event(2)]).expect("the file can be written");
        let rotated = directory.path().join("drops.jsonl.1");
        fs::rename(&path, &rotated).expect("it is there");
        sink.take(&[event(3)]).expect("the file can be written");
        let packets = |path| -> Vec<u64> {
            let text = fs::read_to_string(path).expect("it is there");
            text.lines().map(|line| serde_json::from_str::<Event>(line).expect("JSON").packets).collect()
        };
        assert_eq!((packets(&rotated), packets(&path)), (vec![1, 2], vec![3]));
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let mut sink = Sink::new(&EventsTo::File("/nowhere/drops.jsonl".into()));
        let error = sink.take(&[]).expect_err("there is no such directory");
        assert_eq!(error.to_string(), "cannot write events to /nowhere/drops.jsonl");
    }
}
