//! A live view of what is dropped and passed: what is known, and the frame that shows it.
//!
//! Takes what the daemon answers, one [`Sample`] after the other, each with its time on whatever clock, and draws. It neither asks
//! nor waits, and knows no terminal.

mod rates;
mod view;
mod words;

use std::{collections::VecDeque, time::Duration};

use crate::{audit::Drops, daemon::Status, observe::CounterReport};
use rates::Rates;

pub use view::{Palette, draw};

/// How many samples the line of drops goes back: ten minutes, at one in two seconds.
const HISTORY: usize = 300;
/// After how long without an answer somebody is told. The daemon is asked more often.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the daemon said at about one time.
#[derive(Clone, Debug)]
pub struct Sample {
    /// What is in force.
    pub status: Status,
    /// What was counted; none after the filter was taken off.
    pub counters: Option<CounterReport>,
    /// Who was dropped lately; none where the store cannot be read.
    pub drops: Option<Drops>,
}

/// All that is shown.
#[derive(Debug, Default)]
pub struct Top {
    now: Duration,
    /// When the view began, or when there was last an answer.
    heard: Duration,
    last: Option<(Duration, Sample)>,
    rates: Rates,
    /// Packets a second that were dropped, or would have been, the latest last; `None`: nobody said.
    history: VecDeque<Option<u64>>,
    /// Why there is no answer.
    refusal: Option<String>,
}

impl Top {
    /// The daemon has answered at `now`, or why it has not.
    pub fn take(&mut self, now: Duration, answer: Result<Sample, String>) {
        self.now = now;
        let sample = match answer {
            Ok(sample) => sample,
            Err(why) => {
                self.refusal = Some(why);
                self.remember(None);
                return;
            }
        };
        let before = self.last.take();
        self.rates =
            Rates::between(before.as_ref().map(|(at, sample)| (now.saturating_sub(*at), sample)), &sample);
        self.remember(before.is_some().then(|| self.rates.refused()));
        (self.heard, self.refusal) = (now, None);
        self.last = Some((now, sample));
    }

    /// It is `now`, and nothing has been said.
    pub fn pass(&mut self, now: Duration) {
        self.now = now;
    }

    fn remember(&mut self, refused: Option<u64>) {
        self.history.push_back(refused);
        if self.history.len() > HISTORY {
            self.history.pop_front();
        }
    }

    /// For how long nobody has answered, and why, if that is known.
    fn silence(&self) -> Option<(Duration, &str)> {
        let silent = self.now.saturating_sub(self.heard);
        match &self.refusal {
            Some(why) => Some((silent, why)),
            None => (silent > PATIENCE).then_some((silent, "the daemon is busy, or hangs")),
        }
    }
}

#[cfg(test)]
mod tests;
