//! The signals that the daemon heeds. From before its start on, so that none ends it halfway: what comes while it starts is heeded
//! when it has.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::DaemonError;

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// To end.
    End,
    /// To put the site file as it is now in force.
    Reload,
}

/// Signals that were not heeded yet; of a kind, one.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    /// Takes them from now on.
    pub(super) fn new() -> Result<Self, DaemonError> {
        let of = |kind| signal(kind).map_err(DaemonError::Signals);
        Ok(Self {
            interrupt: of(SignalKind::interrupt())?,
            terminate: of(SignalKind::terminate())?,
            hangup: of(SignalKind::hangup())?,
        })
    }

    /// The next one.
    pub(super) async fn next(&mut self) -> Told {
        tokio::select! {
            // Whoever is told to end reloads nothing before.
            biased;
            _ = self.interrupt.recv() => Told::End,
            _ = self.terminate.recv() => Told::End,
            _ = self.hangup.recv() => Told::Reload,
        }
    }
}
