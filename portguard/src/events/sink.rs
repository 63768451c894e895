//! Where events go beside the audit store: the journal, or a file of JSON lines.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::PathBuf,
};

use thiserror::Error;
use tracing::Dispatch;
use tracing_subscriber::layer::SubscriberExt as _;

use super::Event;
use crate::site::EventsTo;

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
    /// The journal.
    Journald(Dispatch),
}

impl Sink {
    /// The sink that a site asks for.
    pub fn open(to: &EventsTo) -> Result<Self, SinkError> {
        match to {
            EventsTo::File(path) => {
                let mut sink = Self::File { path: path.clone(), open: None };
                sink.take(&[])?;
                Ok(sink)
            }
            EventsTo::Journald => {
                let layer = tracing_journald::layer().map_err(SinkError::Journal)?;
                let layer = layer
                    .with_field_prefix(Some("PORTGUARD".to_owned()))
                    .with_syslog_identifier("portguard-drops".to_owned());
                Ok(Self::Journald(Dispatch::new(tracing_subscriber::registry().with(layer))))
            }
        }
    }

    /// Hands `events` on.
    pub fn take(&mut self, events: &[Event]) -> Result<(), SinkError> {
        match self {
            Self::File { path, open } => {
                append(path, open, events).map_err(|source| SinkError::File { path: path.clone(), source })
            }
            Self::Journald(journal) => {
                tracing::dispatcher::with_default(journal, || events.iter().for_each(log));
                Ok(())
            }
        }
    }
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
    let text = |word: &Option<String>| word.clone().unwrap_or_default();
    let name = |value: serde_json::Result<String>| value.unwrap_or_default().trim_matches('"').to_owned();
    let Event { event: kind, time, since: _, verdict, source, zone, port, reason, rules, packets, bytes } =
        event;
    tracing::info!(
        event = name(serde_json::to_string(kind)),
        time = %time,
        verdict = verdict.map(|verdict| name(serde_json::to_string(&verdict))),
        source = source.map(|source| source.to_string()),
        zone = text(zone),
        port = text(port),
        reason = text(reason),
        rules = rules.join("; "),
        packets,
        bytes,
        "{} to {} from {}: {} packets",
        text(reason),
        text(port),
        source.map_or_else(|| "an unknown source".to_owned(), |source| source.to_string()),
        packets
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
        let mut sink = Sink::open(&EventsTo::File(path.clone())).expect("the file can be written");
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
        let error = Sink::open(&EventsTo::File("/nowhere/drops.jsonl".into())).err().expect("an error");
        assert_eq!(error.to_string(), "cannot write events to /nowhere/drops.jsonl");
    }
}
