//! What is said over the control socket: a question, and one line of JSON or more that answer it.

use std::{error::Error, fmt, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::{DaemonError, Status};
use crate::{
    audit::{DropFilter, Drops},
    events::Event,
    lint::SshSession,
    observe::{CounterReport, Idle},
};

/// Raised when a request or a reply changes its meaning.
pub const PROTOCOL_VERSION: u32 = 4;

/// A line with the version that its writer speaks.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Versioned<T> {
    pub(super) version: u32,
    /// Who asks, by the name that they logged in with; for the record alone, and believed since only root changes anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) login: Option<String>,
    #[serde(flatten)]
    pub(super) body: T,
}

impl<T> Versioned<T> {
    /// In this version, said by nobody in particular.
    pub(super) fn new(body: T) -> Self {
        Self { version: PROTOCOL_VERSION, login: None, body }
    }
}

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Request {
    /// What is being guarded.
    Status,
    /// The counters.
    Counters {
        /// Whether those that counted nothing are told.
        idle: Idle,
    },
    /// Who was dropped where.
    Drops {
        /// Which of it.
        filter: DropFilter,
    },
    /// Drops from now on, as they happen: any number of replies.
    Follow,
    /// Put the site file as it is now in force.
    Reload {
        /// The SSH session that it is asked from.
        session: Option<SshSession>,
        /// Whether that may end.
        despite_ssh: bool,
    },
    /// Put the text of another file in the place of the site file's.
    Apply {
        /// The file.
        path: PathBuf,
        /// Seconds in which it must be confirmed, or it is taken back; `None`: it is in force at once and for good.
        confirm: Option<u64>,
        /// The SSH session that it is asked from.
        session: Option<SshSession>,
        /// Whether that may end.
        despite_ssh: bool,
    },
    /// Keep what waits to be confirmed.
    Confirm,
    /// Back to what was in force before.
    Rollback,
    /// Take the filter off.
    Detach,
}

impl Request {
    /// Whether its caller is told when it is begun, since it changes something or takes its time.
    pub(super) fn is_announced(&self) -> bool {
        self.changes() || matches!(self, Self::Drops { .. })
    }

    /// Whether it changes anything, so that root alone may ask for it.
    pub(super) fn changes(&self) -> bool {
        match self {
            Self::Status | Self::Counters { .. } | Self::Drops { .. } | Self::Follow => false,
            Self::Reload { .. } | Self::Apply { .. } | Self::Confirm | Self::Rollback | Self::Detach => true,
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Status => "status",
            Self::Counters { .. } => "counters",
            Self::Drops { .. } => "drops",
            Self::Follow => "drops --follow",
            Self::Reload { .. } => "reload",
            Self::Apply { .. } => "apply",
            Self::Confirm => "confirm",
            Self::Rollback => "rollback",
            Self::Detach => "detach",
        })
    }
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", content = "with", rename_all = "snake_case")]
pub enum Reply {
    /// To [`Request::Status`].
    Status(Box<Status>),
    /// To [`Request::Counters`].
    Counters(CounterReport),
    /// To [`Request::Drops`].
    Drops(Drops),
    /// To [`Request::Follow`], each time.
    Event(Box<Event>),
    /// To [`Request::Follow`]: so many events came faster than they were read.
    Missed(u64),
    /// What was asked for begins now, since its caller was there still; what comes of it follows.
    Begun,
    /// What was asked for is done; in a sentence, what came of it.
    Done(String),
    /// Why there is no answer.
    Error(String),
}

impl Reply {
    /// The answer that there is none, with all that led to it.
    pub(super) fn error(error: &DaemonError) -> Self {
        Self::Error(error.whole_story())
    }
}

impl DaemonError {
    /// The error with all that led to it; of a site file every diagnostic.
    pub(super) fn whole_story(&self) -> String {
        if let Self::Site(error) = self {
            return error.render(crate::reading::Colour::Never).trim_end().to_owned();
        }
        if let Self::Datapath(error) = self {
            return error.whole_story();
        }
        let mut text = self.to_string();
        let mut source = self.source();
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        text
    }
}
