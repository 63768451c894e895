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
    /// To compile the site once more, for this reason.
    again: (Timer, Option<Again>),
    /// To look whether the site's files say something else.
    pub(super) files: Timer,
    /// To ask for host names again.
    pub(super) names: Timer,
    /// To take back what nobody has confirmed.
    pub(super) confirmation: Timer,
}

/// What the same site is compiled for once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// An interface has come for which there was no place.
    Interface,
    /// The node has begun or ceased to send on what comes in for others.
    Forwarding,
}

impl Again {
    /// For people.
    pub(super) fn says(self) -> &'static str {
        match self {
            Self::Interface => "a new interface",
            Self::Forwarding => "a change of forwarding",
        }
    }
}

impl Due {
    /// The site is to be compiled once more, at once or `rest` after that was done last.
    pub(super) fn again(&mut self, why: Again, rest: Duration) {
        self.again.0.soon(rest);
        self.again.1 = Some(why);
    }

    /// Waits until it is to be.
    pub(super) async fn wait_again(&self) {
        self.again.0.wait().await;
    }

    /// It is being done, for this reason.
    pub(super) fn take_again(&mut self) -> Option<Again> {
        self.again.0.done();
        self.again.1.take()
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_done_again_rests_between_two_tries_however_often_it_is_asked_for() {
        const REST: Duration = Duration::from_millis(100);
        let mut due = Due::default();
        due.again(Again::Forwarding, REST);
        due.wait_again().await;
        assert_eq!(due.take_again(), Some(Again::Forwarding));
        let tried = Instant::now();
        for _ in 0..3 {
            due.again(Again::Interface, REST);
        }
        due.wait_again().await;
        assert!(tried.elapsed() >= REST / 2, "{:?}", tried.elapsed());
        assert_eq!(due.take_again(), Some(Again::Interface));
        assert_eq!(due.take_again(), None);
    }
}
