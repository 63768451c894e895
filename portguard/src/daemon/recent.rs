//! Drops of the last minute, from samples of a counter that only grows.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::observe::Count;

/// How far back it looks.
const SPAN: Duration = Duration::from_mins(1);

/// Samples of the last minute, oldest first.
#[derive(Debug, Default)]
pub(super) struct Recent(VecDeque<(Instant, Count)>);

impl Recent {
    /// Takes a sample.
    pub(super) fn sample(&mut self, at: Instant, count: Count) {
        // The oldest that is kept is the youngest that is a minute old.
        while self.0.get(1).is_some_and(|(second, _)| at.duration_since(*second) >= SPAN) {
            self.0.pop_front();
        }
        self.0.push_back((at, count));
    }

    /// What has come to `count` since a minute ago, or since the first sample.
    pub(super) fn grown(&self, count: Count) -> Count {
        let oldest = self.0.front().map_or(count, |(_, oldest)| *oldest);
        Count {
            packets: count.packets.saturating_sub(oldest.packets),
            bytes: count.bytes.saturating_sub(oldest.bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_a_minute_does_not_count() {
        let start = Instant::now();
        let count = |packets| Count { packets, bytes: packets * 60 };
        let mut recent = Recent::default();
        assert_eq!(recent.grown(count(7)), count(0), "before the first sample nothing is known");
        for second in [0, 15, 30, 45, 60, 75, 90] {
            recent.sample(start + Duration::from_secs(second), count(second));
        }
        assert_eq!(recent.grown(count(100)), count(70), "since the sample at 30 s");
    }
}
