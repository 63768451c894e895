//! Sets of addresses as ranges, so that many prefixes together can be asked what one prefix cannot say.

use std::{collections::BTreeSet, net::IpAddr};

use ipnet::IpNet;

/// Which of the two families, and the address as a number.
type Point = (Family, u128);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Family {
    V4,
    V6,
}

/// Addresses `first..=last` of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Range {
    first: Point,
    last: Point,
}

/// An end of a range; at one address what begins comes before what ends, since both hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Edge {
    First,
    Last,
}

/// Ranges in ascending order that neither overlap nor touch.
#[derive(Clone, Debug, Default)]
pub(super) struct AddressSet(Vec<Range>);

fn point(address: IpAddr) -> Point {
    match address {
        IpAddr::V4(address) => (Family::V4, u128::from(address.to_bits())),
        IpAddr::V6(address) => (Family::V6, address.to_bits()),
    }
}

fn range(prefix: &IpNet) -> Range {
    Range { first: point(prefix.network()), last: point(prefix.broadcast()) }
}

impl AddressSet {
    pub(super) fn new<'p>(prefixes: impl IntoIterator<Item = &'p IpNet>) -> Self {
        let mut ranges: Vec<Range> = prefixes.into_iter().map(range).collect();
        ranges.sort_unstable();
        let mut merged: Vec<Range> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match merged.last_mut() {
                Some(previous) if touches(*previous, range.first) => {
                    previous.last = previous.last.max(range.last);
                }
                _ => merged.push(range),
            }
        }
        Self(merged)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The range that holds `point`.
    fn around(&self, point: Point) -> Option<&Range> {
        let position = self.0.partition_point(|range| range.last < point);
        self.0.get(position).filter(|range| range.first <= point)
    }

    /// The families of which it holds more addresses than a prefix of some length, each with that length: more than a
    /// site's administrators can have.
    pub(super) fn wide_families(&self) -> impl Iterator<Item = (&'static str, u8)> {
        let limits = [(Family::V4, "IPv4", 16, 1_u128 << 16), (Family::V6, "IPv6", 32, 1_u128 << 96)];
        limits.into_iter().filter_map(|(family, name, length, limit)| {
            let ranges = self.0.iter().filter(|range| range.first.0 == family);
            let count = ranges.fold(0_u128, |count, Range { first, last }| {
                count.saturating_add(last.1 - first.1).saturating_add(1)
            });
            (count > limit).then_some((name, length))
        })
    }

    pub(super) fn meets(&self, other: &Self) -> bool {
        let (few, many) = if self.0.len() <= other.0.len() { (self, other) } else { (other, self) };
        few.0.iter().any(|range| {
            let position = many.0.partition_point(|other| other.last < range.first);
            many.0.get(position).is_some_and(|other| other.first <= range.last)
        })
    }

    /// Whether each of its addresses is in one of `others`. Stops at the first that is not.
    pub(super) fn is_within(&self, others: &[&Self]) -> bool {
        self.0.iter().all(|range| {
            let mut next = range.first;
            loop {
                let mut reach = None;
                for other in others.iter().filter_map(|other| other.around(next)) {
                    if other.last >= range.last {
                        return true;
                    }
                    reach = reach.max(Some(other.last));
                }
                match reach {
                    None => return false,
                    Some((family, last)) => next = (family, last + 1),
                }
            }
        })
    }

    /// Of many sets those that have an address to themselves, in one pass over all of them.
    pub(super) fn with_an_address_alone(sets: &[(usize, &Self)]) -> BTreeSet<usize> {
        let mut edges: Vec<(Point, Edge, usize)> = Vec::new();
        for &(name, set) in sets {
            for range in &set.0 {
                edges.push((range.first, Edge::First, name));
                edges.push((range.last, Edge::Last, name));
            }
        }
        edges.sort_unstable();
        let mut alone = BTreeSet::new();
        let mut open = 0_usize;
        // Of one open set this is the name.
        let mut names = 0_usize;
        for (position, &((family, at), edge, name)) in edges.iter().enumerate() {
            open = if edge == Edge::First { open + 1 } else { open - 1 };
            names ^= name;
            let holds_an_address = match (edge, edges.get(position + 1)) {
                (_, None) => false,
                (Edge::First, Some(&(next, next_edge, _))) => next != (family, at) || next_edge == Edge::Last,
                (Edge::Last, Some(&((_, next), Edge::First, _))) => at + 1 < next,
                (Edge::Last, Some(&((_, next), Edge::Last, _))) => at < next,
            };
            if open == 1 && holds_an_address {
                alone.insert(names);
            }
        }
        alone
    }

    /// Whether it is the whole internet, as far as one of the families goes: every public address. A list that leaves out
    /// private networks means it as well as `0.0.0.0/0` does.
    pub(super) fn is_the_internet(&self) -> bool {
        let v4 = PUBLIC_V4.map(|(first, last)| Range {
            first: point(IpAddr::from(first)),
            last: point(IpAddr::from(last)),
        });
        let (first, last) = PUBLIC_V6;
        let v6 = Range { first: (Family::V6, first), last: (Family::V6, last) };
        [Self(v4.to_vec()), Self(vec![v6])].iter().any(|public| public.is_within(&[self]))
    }
}

/// Whether a range that begins at `next` goes on where `previous` ends, or earlier.
fn touches(previous: Range, next: Point) -> bool {
    previous.last.0 == next.0 && next.1 <= previous.last.1.saturating_add(1)
}

/// Unicast without the networks that RFC 6890 keeps off the internet. Blocks that hold several small such networks
/// (192/8, 198/8, 203/8) are left out as a whole: nobody opens a port to all the rest and means it.
const PUBLIC_V4: [([u8; 4], [u8; 4]); 9] = [
    ([1, 0, 0, 0], [9, 255, 255, 255]),
    ([11, 0, 0, 0], [100, 63, 255, 255]),
    ([100, 128, 0, 0], [126, 255, 255, 255]),
    ([128, 0, 0, 0], [169, 253, 255, 255]),
    ([169, 255, 0, 0], [172, 15, 255, 255]),
    ([172, 32, 0, 0], [191, 255, 255, 255]),
    ([193, 0, 0, 0], [198, 17, 255, 255]),
    ([199, 0, 0, 0], [202, 255, 255, 255]),
    ([204, 0, 0, 0], [223, 255, 255, 255]),
];
/// What IANA gives out: 2000::/3.
const PUBLIC_V6: (u128, u128) = (0x2000 << 112, (0x4000 << 112) - 1);

#[cfg(test)]
mod tests {
    use super::*;

    fn set(prefixes: &[&str]) -> AddressSet {
        let prefixes: Vec<IpNet> = prefixes.iter().map(|text| text.parse().unwrap()).collect();
        AddressSet::new(&prefixes)
    }

    #[test]
    fn halves_make_a_whole_and_a_gap_does_not() {
        assert!(set(&["10.0.0.0/24"]).is_within(&[&set(&["10.0.0.0/25"]), &set(&["10.0.0.128/25"])]));
        assert!(!set(&["10.0.0.0/24"]).is_within(&[&set(&["10.0.0.0/25"]), &set(&["10.0.0.129/32"])]));
        assert!(!set(&["10.0.0.0/24"]).is_within(&[]));
        assert!(set(&["::1/128", "10.0.0.1/32"]).is_within(&[&set(&["10.0.0.0/8"]), &set(&["::/0"])]));
        assert!(!set(&["::1/128"]).is_within(&[&set(&["0.0.0.0/0"])]), "the families are apart");
        assert!(set(&[]).is_within(&[]), "nobody is everywhere");
    }

    #[test]
    fn sets_meet_where_they_share_an_address() {
        let few = set(&["10.0.0.4/30", "10.9.0.0/16"]);
        assert!(few.meets(&set(&["10.0.0.7/32"])) && set(&["10.0.0.7/32"]).meets(&few));
        assert!(!few.meets(&set(&["10.0.0.8/32", "10.0.0.3/32", "2001:db8::/32"])));
    }

    #[test]
    fn who_has_an_address_alone_is_found_in_one_pass() {
        let sets = [
            set(&["10.0.0.0/24", "::1/128"]),
            set(&["10.0.0.0/25"]),
            set(&["10.0.0.128/25", "10.0.1.0/32"]),
            set(&["::1/128"]),
            set(&["10.0.1.0/32", "10.0.1.2/32"]),
            set(&["10.0.1.2/31"]),
        ];
        let named: Vec<(usize, &AddressSet)> = sets.iter().enumerate().collect();
        assert_eq!(AddressSet::with_an_address_alone(&named), BTreeSet::from([5]));
        assert_eq!(AddressSet::with_an_address_alone(&named[..4]), BTreeSet::from([2]));
        assert_eq!(AddressSet::with_an_address_alone(&named[1..2]), BTreeSet::from([1]));
    }

    #[test]
    fn the_internet_has_many_names() {
        for prefixes in [
            &["0.0.0.0/0"][..],
            &["::/0"],
            &["2000::/3"],
            &["0.0.0.0/1", "128.0.0.0/1"],
            &[
                "0.0.0.0/5",
                "8.0.0.0/7",
                "11.0.0.0/8",
                "12.0.0.0/6",
                "16.0.0.0/4",
                "32.0.0.0/3",
                "64.0.0.0/2",
                "128.0.0.0/1",
            ],
        ] {
            assert!(set(prefixes).is_the_internet(), "{prefixes:?}");
        }
    }

    #[test]
    fn large_networks_are_not_the_internet() {
        for prefixes in [
            &["10.0.0.0/8"][..],
            &["0.0.0.0/1"],
            &["2000::/4"],
            &["fc00::/7"],
            &["128.0.0.0/1", "64.0.0.0/2"],
            &[],
        ] {
            assert!(!set(prefixes).is_the_internet(), "{prefixes:?}");
        }
    }

    #[test]
    fn a_set_is_wide_when_all_of_it_together_is() {
        let wide = |prefixes| set(prefixes).wide_families().map(|(family, _)| family).collect::<Vec<_>>();
        assert_eq!(wide(&["10.0.0.0/16", "2001:db8::/32"]), [""; 0]);
        assert_eq!(wide(&["10.0.0.0/16", "10.9.0.1/32", "2001:db8::/32"]), ["IPv4"]);
        assert_eq!(wide(&["10.0.0.0/17", "10.9.0.0/17", "2001:db8::/32", "::1/128"]), ["IPv6"]);
        assert_eq!(wide(&["0.0.0.0/0", "::/0"]), ["IPv4", "IPv6"]);
    }

    #[test]
    fn the_last_address_of_all_is_no_overflow() {
        let all = set(&["::/1", "8000::/1", "ffff::/16", "128.0.0.0/1"]);
        assert!(set(&["::/0"]).is_within(&[&all]));
        assert!(!set(&["0.0.0.0/0"]).is_within(&[&all]));
    }
}
