//! What is said over the control socket: one line of JSON each way.

use std::error::Error;

use serde::{Deserialize, Serialize};

use crate::{
    datapath::Attached,
    matrix::{Matrix, Mode, Posture},
    observe::{CounterReport, Idle},
};

/// Raised when a request or a reply changes its meaning.
pub const PROTOCOL_VERSION: u32 = 1;

/// A line with the version that its writer speaks.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Versioned<T> {
    pub(super) version: u32,
    #[serde(flatten)]
    pub(super) body: T,
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
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", content = "with", rename_all = "snake_case")]
pub enum Reply {
    /// To [`Request::Status`].
    Status(Status),
    /// To [`Request::Counters`].
    Counters(CounterReport),
    /// Why there is no answer.
    Error(String),
}

impl Reply {
    /// The answer that there is none, with all that led to it.
    pub(super) fn error(error: &dyn Error) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        Self::Error(text)
    }
}

/// An interface that is being guarded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardedInterface {
    /// Its name.
    pub name: String,
    /// `native` or `generic`.
    pub attached: String,
}

/// What a daemon guards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// `observe` or `enforce`.
    pub mode: String,
    /// `pass` or `drop`.
    pub posture: String,
    /// The image's digest.
    pub digest: String,
    /// The interfaces.
    pub interfaces: Vec<GuardedInterface>,
    /// The rules in force.
    pub rules: usize,
}

impl Status {
    pub(super) fn new(matrix: &Matrix, attached: &Attached) -> Self {
        Self {
            mode: match matrix.mode {
                Mode::Observe => "observe",
                Mode::Enforce => "enforce",
            }
            .to_owned(),
            posture: match matrix.posture {
                Posture::Pass => "pass",
                Posture::Drop => "drop",
            }
            .to_owned(),
            digest: attached.digest().to_string(),
            interfaces: attached
                .interfaces()
                .iter()
                .map(|interface| GuardedInterface {
                    name: interface.name.clone(),
                    attached: interface.mode.name().to_owned(),
                })
                .collect(),
            rules: matrix.rules.len(),
        }
    }
}
