//! Who is at the other end, as people write it: `Internal, External`, `Admin IP addresses and all nodes`.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{
    Peer,
    cells::{shortened, without_remarks},
};

/// The peers of a cell, each once; none if nothing is in it.
pub(super) fn read(text: &str) -> Vec<Peer> {
    let text = without_remarks(text);
    let mut peers: Vec<Peer> = Vec::new();
    for part in parts(&text) {
        if let Some(peer) = peer(part)
            && !peers.contains(&peer)
            && peers.len() < MOST
        {
            peers.push(peer);
        }
    }
    peers
}

/// More peers in one cell are no list of roles.
const MOST: usize = 50;

/// What stands between commas and the like; between slashes too, unless they belong to a prefix.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ';', '\n'])
        .flat_map(|part| part.split(" and "))
        .flat_map(|part| part.split(" or "))
        .flat_map(|part| part.split(" & "))
        .flat_map(|part| {
            let slash = if part.trim().parse::<IpNet>().is_ok() { '\n' } else { '/' };
            part.split(slash)
        })
        .map(str::trim)
        .filter(|part| !part.is_empty())
}

fn peer(part: &str) -> Option<Peer> {
    if let Some(address) = address(part) {
        let everyone = address.prefix_len() == 0;
        return Some(if everyone { Peer::Named("anyone".to_owned()) } else { Peer::Address(address) });
    }
    let mut words: Vec<&str> = part.split_whitespace().collect();
    let lower = words.join(" ").to_lowercase();
    // `Administrators IP addresses` are administrators.
    for ending in [&["ip", "addresses"][..], &["ip", "address"], &["ips"]] {
        let tail = words.len().saturating_sub(ending.len());
        if tail > 0 && words[tail..].iter().map(|word| word.to_lowercase()).eq(ending.iter().copied()) {
            words.truncate(tail);
        }
    }
    match lower.as_str() {
        "self" | "localhost" | "loopback" | "same node" | "this node" | "same host" => Some(Peer::Node),
        "any" | "anywhere" | "everyone" | "*" | "internet" => Some(Peer::Named("anyone".to_owned())),
        "-" | "none" | "n.a." => None,
        _ => Some(words.join(" ")).filter(|words| !shortened(words).is_empty()).map(Peer::Named),
    }
}

/// An address or a prefix that a policy may fix.
fn address(text: &str) -> Option<IpNet> {
    let host = || text.parse::<IpAddr>().ok().map(IpNet::from);
    let net = text.parse().ok().or_else(host)?;
    let mapped = matches!(net, IpNet::V6(net) if net.addr().to_ipv4_mapped().is_some());
    (net.trunc() == net && !mapped).then_some(net)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peers(text: &str) -> Vec<String> {
        let shown = |peer: Peer| match peer {
            Peer::Unnamed => "?".to_owned(),
            Peer::Node => "self".to_owned(),
            Peer::Address(net) => net.to_string(),
            Peer::Named(words) => words,
        };
        read(text).into_iter().map(shown).collect()
    }

    #[test]
    fn peers_are_read_as_people_write_them() {
        assert_eq!(peers("Internal, External, Active-Active"), ["Internal", "External", "Active-Active"]);
        assert_eq!(peers("Admin IP addresses and all nodes"), ["Admin", "all nodes"]);
        assert_eq!(peers("SMTP relay (provided by customer)"), ["SMTP relay"]);
        assert_eq!(peers("Internal/External"), ["Internal", "External"]);
        assert_eq!(peers("localhost"), ["self"]);
        assert_eq!(peers("0.0.0.0/0 or any"), ["anyone"]);
        assert_eq!(peers(""), [""; 0]);
    }

    #[test]
    fn addresses_that_a_policy_may_fix_are_addresses() {
        assert_eq!(peers("208.83.110.20, 17.0.0.0/8"), ["208.83.110.20/32", "17.0.0.0/8"]);
        assert_eq!(peers("2001:db8::/32"), ["2001:db8::/32"]);
        assert_eq!(peers("::ffff:10.0.0.1"), ["::ffff:10.0.0.1"]);
    }
}
