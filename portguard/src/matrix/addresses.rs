//! Sets of addresses of both families, with the algebra that comparing two sites needs. Exact: nothing is sampled.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};

/// Disjoint ranges, ascending, that do not touch.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Ranges(Vec<(u128, u128)>);

impl Ranges {
    fn new(mut ranges: Vec<(u128, u128)>) -> Self {
        ranges.sort_unstable();
        let mut merged: Vec<(u128, u128)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match merged.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                _ => merged.push((first, last)),
            }
        }
        Self(merged)
    }

    fn without(&self, other: &Self) -> Self {
        let mut left = Vec::new();
        let mut others = other.0.iter().peekable();
        for &(mut first, last) in &self.0 {
            let mut used_up = false;
            while let Some(&&(from, to)) = others.peek() {
                if to < first {
                    others.next();
                    continue;
                }
                if from > last {
                    break;
                }
                if from > first {
                    left.push((first, from - 1));
                }
                if to >= last {
                    used_up = true;
                    break;
                }
                first = to + 1;
            }
            if !used_up {
                left.push((first, last));
            }
        }
        Self(left)
    }
}

/// A set of addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Addresses {
    v4: Ranges,
    v6: Ranges,
}

impl Addresses {
    /// Every address there is.
    pub(super) fn everyone() -> Self {
        Self { v4: Ranges(vec![(0, u32::MAX.into())]), v6: Ranges(vec![(0, u128::MAX)]) }
    }

    /// The addresses that one of the prefixes holds.
    pub(super) fn of<'p>(prefixes: impl Iterator<Item = &'p IpNet>) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for prefix in prefixes {
            match prefix {
                IpNet::V4(net) => {
                    v4.push((net.network().to_bits().into(), net.broadcast().to_bits().into()));
                }
                IpNet::V6(net) => v6.push((net.network().to_bits(), net.broadcast().to_bits())),
            }
        }
        Self { v4: Ranges::new(v4), v6: Ranges::new(v6) }
    }

    /// The addresses that `other` does not hold.
    pub(super) fn without(&self, other: &Self) -> Self {
        Self { v4: self.v4.without(&other.v4), v6: self.v6.without(&other.v6) }
    }

    /// Whether all addresses of IPv4, and of IPv6, are among them.
    pub(super) fn whole_families(&self) -> (bool, bool) {
        let Self { v4, v6 } = Self::everyone();
        (self.v4 == v4, self.v6 == v6)
    }

    /// Whether the two have an address in common.
    pub(super) fn meets(&self, other: &Self) -> bool {
        self.without(other) != *self
    }

    /// The addresses of these families.
    pub(super) fn only(&self, (v4, v6): (bool, bool)) -> Self {
        let keep = |ranges: &Ranges, kept| if kept { ranges.clone() } else { Ranges::default() };
        Self { v4: keep(&self.v4, v4), v6: keep(&self.v6, v6) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.v4.0.is_empty() && self.v6.0.is_empty()
    }

    /// The prefixes of the addresses that are missing from the families of these, if those are fewer.
    pub(super) fn complement_if_shorter(&self) -> Option<Vec<IpNet>> {
        let families = (!self.v4.0.is_empty(), !self.v6.0.is_empty());
        let missing = Self::everyone().only(families).without(self).prefixes();
        (missing.len() < self.prefixes().len()).then_some(missing)
    }

    /// The fewest prefixes that hold these addresses and no others, ascending.
    pub(super) fn prefixes(&self) -> Vec<IpNet> {
        let v4 = self.v4.0.iter().flat_map(|&(first, last)| {
            let address = |bits| Ipv4Addr::from_bits(u32::try_from(bits).expect("made of 32 bits"));
            Ipv4Subnets::new(address(first), address(last), 0).map(IpNet::V4)
        });
        let v6 = self.v6.0.iter().flat_map(|&(first, last)| {
            Ipv6Subnets::new(Ipv6Addr::from_bits(first), Ipv6Addr::from_bits(last), 0).map(IpNet::V6)
        });
        v4.chain(v6).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(prefixes: &[&str]) -> Addresses {
        Addresses::of(prefixes.iter().map(|text| text.parse().unwrap()).collect::<Vec<IpNet>>().iter())
    }

    fn text(addresses: &Addresses) -> String {
        addresses.prefixes().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn split_prefixes_are_the_prefix() {
        assert_eq!(set(&["10.0.0.0/25", "10.0.0.128/25"]), set(&["10.0.0.0/24"]));
        assert_eq!(set(&["0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1"]), Addresses::everyone());
        assert_eq!(text(&Addresses::everyone()), "0.0.0.0/0 ::/0");
    }

    #[test]
    fn everybody_but_a_few_is_said_by_the_few() {
        let most = Addresses::everyone().without(&set(&["10.0.0.5/32"]));
        assert_eq!(most.complement_if_shorter(), Some(vec!["10.0.0.5/32".parse().unwrap()]));
        assert_eq!(most.only((true, false)).complement_if_shorter(), most.complement_if_shorter());
        assert_eq!(set(&["10.0.0.5/32"]).complement_if_shorter(), None);
        assert_eq!(Addresses::everyone().complement_if_shorter(), Some(Vec::new()));
    }

    #[test]
    fn a_host_leaves_a_hole_in_its_network() {
        let left = set(&["10.0.0.0/29", "::/126"]).without(&set(&["10.0.0.5/32", "::/128"]));
        assert_eq!(text(&left), "10.0.0.0/30 10.0.0.4/32 10.0.0.6/31 ::1/128 ::2/127");
    }

    proptest! {
        #[test]
        fn ranges_behave_like_sets(
            left in proptest::collection::vec((0..40_u128, 0..12_u128), 0..6),
            right in proptest::collection::vec((0..40_u128, 0..12_u128), 0..6),
        ) {
            let ranges = |list: &[(u128, u128)]| list.iter().map(|&(at, len)| (at, at + len)).collect::<Vec<_>>();
            let (left, right) = (ranges(&left), ranges(&right));
            let holds = |list: &[(u128, u128)], it| list.iter().any(|&(first, last)| (first..=last).contains(&it));
            let difference = Ranges::new(left.clone()).without(&Ranges::new(right.clone()));
            for it in 0..60 {
                prop_assert_eq!(holds(&difference.0, it), holds(&left, it) && !holds(&right, it), "{}", it);
            }
            prop_assert!(difference.0.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0));
        }
    }
}
