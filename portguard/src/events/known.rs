//! Which kinds of drops were told of lately: the kernel tells the first of a kind in each filling of its table, people
//! want it once.

use std::{
    collections::HashMap,
    hash::Hash,
    time::{Duration, Instant},
};

/// How long a kind that stays away is known.
const MEMORY: Duration = Duration::from_mins(10);
/// How many kinds are known at most.
const MOST: usize = 4096;

/// The kinds that were told of lately.
#[derive(Debug)]
pub struct Known<K> {
    seen: HashMap<K, Instant>,
}

impl<K> Default for Known<K> {
    fn default() -> Self {
        Self { seen: HashMap::new() }
    }
}

impl<K: Eq + Hash> Known<K> {
    /// Whether `kind` is to be told: it was not seen lately. It is known from then on.
    pub fn is_news(&mut self, kind: K, now: Instant) -> bool {
        if self.seen.len() >= MOST && !self.seen.contains_key(&kind) {
            self.seen.retain(|_, seen| now.duration_since(*seen) < MEMORY);
            if self.seen.len() >= MOST {
                // A flood: what is known of it is worth nothing.
                self.seen.clear();
            }
        }
        let before = self.seen.insert(kind, now);
        before.is_none_or(|before| now.duration_since(before) >= MEMORY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_news_once_until_it_has_stayed_away_for_long() {
        let mut known = Known::default();
        let start = Instant::now();
        let news: Vec<bool> = [0, 10, 500, 1000, 1700]
            .map(|at| known.is_news("kind", start + Duration::from_secs(at)))
            .to_vec();
        assert_eq!(news, [true, false, false, false, true]);
        assert!(known.is_news("other", start));
    }

    #[test]
    fn a_flood_of_kinds_takes_a_bounded_memory() {
        let mut known = Known::default();
        let start = Instant::now();
        for kind in 0..20_000 {
            assert!(known.is_news(kind, start));
            assert!(known.seen.len() <= MOST);
        }
    }
}
