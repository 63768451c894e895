//! Addresses as few prefixes, which hold no more than was seen, or no more than so many beside.

use std::{collections::BTreeSet, net::IpAddr};

use ipnet::IpNet;

/// No prefix is wider than 256 addresses, whatever is allowed.
const WIDEST: u8 = 8;

/// Prefixes that hold `sources`, each with at most `widen` addresses that are none of them; and how many those are.
pub(super) fn summarise(sources: &BTreeSet<IpAddr>, widen: u32) -> (Vec<IpNet>, u64) {
    let exact: Vec<IpNet> = sources.iter().map(|&source| IpNet::from(source)).collect();
    let mut prefixes = IpNet::aggregate(&exact);
    let mut unseen = 0;
    if widen > 0 {
        for free in (1..=WIDEST).rev() {
            prefixes = merge(prefixes, free, widen.into(), &mut unseen);
        }
    }
    prefixes.sort();
    (prefixes, unseen)
}

/// Puts prefixes together that lie in one with `free` free bits.
fn merge(prefixes: Vec<IpNet>, free: u8, widen: u64, unseen: &mut u64) -> Vec<IpNet> {
    let parent = |prefix: &IpNet| {
        let length = prefix.max_prefix_len() - free;
        (prefix.prefix_len() > length)
            .then(|| IpNet::new(prefix.addr(), length).expect("it is shorter than an address").trunc())
    };
    let parents: BTreeSet<IpNet> = prefixes.iter().filter_map(parent).collect();
    let mut left = prefixes;
    for parent in parents {
        let (within, others): (Vec<IpNet>, Vec<IpNet>) =
            left.into_iter().partition(|prefix| parent.contains(prefix));
        let more = size(&parent) - within.iter().map(size).sum::<u64>();
        left = others;
        if within.len() > 1 && more <= widen {
            *unseen += more;
            left.push(parent);
        } else {
            left.extend(within);
        }
    }
    left
}

fn size(prefix: &IpNet) -> u64 {
    1 << (prefix.max_prefix_len() - prefix.prefix_len()).min(63)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(sources: &[&str], widen: u32) -> (String, u64) {
        let sources = sources.iter().map(|source| source.parse().unwrap()).collect();
        let (prefixes, unseen) = summarise(&sources, widen);
        (prefixes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "), unseen)
    }

    #[test]
    fn without_leave_a_prefix_holds_nothing_but_what_was_seen() {
        let sources = ["10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.7", "10.0.0.9", "2001:db8::1"];
        assert_eq!(summary(&sources, 0), ("10.0.0.4/30 10.0.0.9/32 2001:db8::1/128".to_owned(), 0));
    }

    #[test]
    fn with_leave_it_holds_so_many_more_and_says_how_many() {
        let sources = ["10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.9.9"];
        assert_eq!(summary(&sources, 1), ("10.0.0.4/30 10.0.9.9/32".to_owned(), 1));
        assert_eq!(summary(&sources, u32::MAX), ("10.0.0.0/24 10.0.9.9/32".to_owned(), 253));
    }
}
