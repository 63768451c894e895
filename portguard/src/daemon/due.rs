//! Things to be done at a time: news that come in a bunch are followed once.

use std::{
    future::pending,
    time::{Duration, Instant},
};

use tokio::time::sleep_until;

/// What is due when.
#[derive(Debug, Default)]
pub(super) struct Due {
    /// To look after the interfaces.
    pub(super) interfaces: Timer,
    /// To compile for the node's addresses.
    pub(super) addresses: Timer,
    /// To look whether the site's files say something else.
    pub(super) files: Timer,
    /// To ask for host names again.
    pub(super) names: Timer,
    /// To take back what nobody has confirmed.
    pub(super) confirmation: Timer,
}

/// One thing that may be due.
#[derive(Debug, Default)]
pub(super) struct Timer {
    at: Option<Instant>,
    last: Option<Instant>,
}

impl Timer {
    /// At once, or `rest` after it was done last.
    pub(super) fn soon(&mut self, rest: Duration) {
        let now = Instant::now();
        let at = self.last.map_or(now, |last| now.max(last + rest));
        self.at = Some(self.at.map_or(at, |known| known.min(at)));
    }

    /// In `delay`, if it is not due before.
    pub(super) fn within(&mut self, delay: Duration) {
        let at = Instant::now() + delay;
        self.at = Some(self.at.map_or(at, |known| known.min(at)));
    }

    /// It is being done.
    pub(super) fn done(&mut self) {
        (self.at, self.last) = (None, Some(Instant::now()));
    }

    /// Waits until it is due.
    pub(super) async fn wait(&self) {
        match self.at {
            Some(at) => sleep_until(at.into()).await,
            None => pending().await,
        }
    }
}
