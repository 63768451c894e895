//! Source addresses: as a large site has them, and as an adversary of the tables would choose them.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

/// Whose addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
    /// Half of each.
    Both,
}

/// Hosts of one subnet.
const HOSTS: u32 = 64;

/// `count` prefixes as a large site has them: hosts that share subnets of 64, an eighth whole networks (`/24`; `/64` and
/// `/48`). The same in every run.
pub(super) fn spread(count: u32, family: Family) -> Vec<IpNet> {
    let (v4, v6) = match family {
        Family::V4 => (count, 0),
        Family::V6 => (0, count),
        Family::Both => (count - count / 2, count / 2),
    };
    let v4 = (0..v4).map(|index| IpNet::V4(spread4(index)));
    v4.chain((0..v6).map(|index| IpNet::V6(spread6(index)))).collect()
}

fn spread4(index: u32) -> Ipv4Net {
    let (group, place) = (index / 8, index % 8);
    let (network, len) = if place == 7 {
        // Networks of their own, in 64.0.0.0/4: 4,096 times 256, scattered.
        (0x4000_0000 | scatter(group, 20) << 8, 24)
    } else {
        let host = group * 7 + place;
        let subnet = 0x0a00_0000 | scatter(host / HOSTS, 16) << 8;
        (subnet | (host % HOSTS + 1), 32)
    };
    Ipv4Net::new(Ipv4Addr::from(network), len).expect("at most 32").trunc()
}

fn spread6(index: u32) -> Ipv6Net {
    let (group, place) = (index / 8, index % 8);
    let site = 0x2001_0db8_u128 << 96;
    let (network, len) = match (place, group % 2) {
        (7, 0) => (0x2a00_u128 << 112 | u128::from(group) << 80, 48),
        (7, _) => (0x2a01_u128 << 112 | u128::from(group) << 64, 64),
        _ => {
            let host = group * 7 + place;
            (site | u128::from(host / HOSTS) << 64 | u128::from(host % HOSTS + 1), 128)
        }
    };
    Ipv6Net::new(Ipv6Addr::from(network), len).expect("at most 128").trunc()
}

/// The numbers of `bits` bits in another order: neighbours end up apart.
fn scatter(number: u32, bits: u32) -> u32 {
    number.wrapping_mul(0x9e37_79b1) & ((1 << bits) - 1)
}

/// `count` single addresses of one family, each anywhere: the worst for the IPv4 trie, whose nodes then hold one
/// address each. The same in every run.
pub(super) fn random(count: u32, family: Family) -> Vec<IpNet> {
    let mut random = StdRng::seed_from_u64(4);
    let mut prefixes = BTreeSet::new();
    while prefixes.len() < count as usize {
        let address = if family == Family::V6 {
            IpAddr::V6(Ipv6Addr::from(0x2 << 124 | random.random::<u128>() >> 4))
        } else {
            IpAddr::V4(Ipv4Addr::from(random.random_range(0x0100_0000..0x7f00_0000_u32)))
        };
        prefixes.insert(IpNet::from(address));
    }
    prefixes.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::{Family, spread};

    #[test]
    fn a_million_different_prefixes_come_out() {
        let mut prefixes = spread(1_000_000, Family::Both);
        prefixes.sort_unstable();
        prefixes.dedup();
        assert_eq!(prefixes.len(), 1_000_000);
    }
}
