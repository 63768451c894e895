//! Addresses and prefixes as people write them.

use std::net::IpAddr;

use ipnet::IpNet;
use miette::Diagnostic;

use super::{Fault, Faults, Located};

/// Reads an address (`10.0.0.1`) or a prefix in canonical form (`10.0.0.0/8`).
pub fn prefix<F: Diagnostic + From<Fault>>(
    text: &Located<String>,
    faults: &mut Faults<F>,
) -> Option<Located<IpNet>> {
    match parse(text) {
        Ok(prefix) => Some(Located::new(prefix, text.at)),
        Err(fault) => {
            faults.push(fault);
            None
        }
    }
}

fn parse(text: &Located<String>) -> Result<IpNet, Fault> {
    let written = text.as_str();
    let prefix = match written.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address),
        Err(_) => written.parse::<IpNet>().map_err(|_| Fault::BadPrefix {
            text: shortened(written),
            at: text.at,
            remedy: remedy_for(written),
        })?,
    };
    if let IpAddr::V6(address) = prefix.addr()
        && let Some(plain) = address.to_ipv4_mapped()
    {
        let remedy = match prefix.prefix_len().checked_sub(96) {
            Some(32) => format!("write \"{plain}\""),
            Some(length) => format!("write \"{plain}/{length}\""),
            None => "write the IPv4 prefix that you mean".to_owned(),
        };
        return Err(Fault::MappedAddress { text: written.to_owned(), at: text.at, remedy });
    }
    if prefix.trunc() != prefix {
        return Err(Fault::HostBits {
            text: written.to_owned(),
            length: prefix.prefix_len(),
            network: prefix.trunc().to_string(),
            host: prefix.addr().to_string(),
            at: text.at,
        });
    }
    Ok(prefix)
}

/// What the writer of something that is no prefix most likely wanted.
fn remedy_for(written: &str) -> &'static str {
    if written.contains('%') {
        "leave out the interface after `%`: an address in a group holds on every interface of a rule's zones"
    } else if written.contains('-') {
        "write a range of addresses as prefixes, for example \"10.0.0.0/30\" for 10.0.0.0 to 10.0.0.3"
    } else if written.contains(|letter: char| letter.is_ascii_alphabetic()) && !written.contains(':') {
        "write addresses, for example \"10.0.0.1\" or \"2001:db8::/64\"; in the groups of a site file \"name:HOST\" is a host \
         name that is looked up"
    } else {
        "write an address or a prefix, for example \"10.0.0.1\", \"10.0.0.0/24\" or \"2001:db8::/64\""
    }
}

/// The text as a message can hold it.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 60;
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    text.chars().take(LONGEST).chain(['…']).collect()
}

/// A prefix as people write it: a host without its length.
pub fn short_prefix(prefix: &IpNet) -> String {
    if prefix.prefix_len() == prefix.max_prefix_len() {
        prefix.addr().to_string()
    } else {
        prefix.to_string()
    }
}

/// The prefixes in ascending order, without those that are there twice or that lie inside another one.
pub fn outermost(prefixes: &[Located<IpNet>]) -> Vec<Located<IpNet>> {
    let mut sorted: Vec<Located<IpNet>> = prefixes.to_vec();
    sorted.sort_by_key(|prefix| (prefix.value, prefix.at.offset()));
    sorted.dedup_by(|inner, outer| outer.value.contains(&inner.value));
    sorted
}

/// The prefixes in ascending order, without those that are there twice or that lie inside another one, which are
/// faults. Sorted by address and length a prefix follows all that hold it, so one pass with a stack finds them.
pub fn disjoint_prefixes<F: Diagnostic + From<Fault>>(
    list: &str,
    prefixes: &[Located<IpNet>],
    faults: &mut Faults<F>,
) -> Vec<Located<IpNet>> {
    let mut sorted: Vec<Located<IpNet>> = prefixes.to_vec();
    sorted.sort_by_key(|prefix| (prefix.value, prefix.at.offset()));
    let mut outermost: Vec<Located<IpNet>> = Vec::with_capacity(sorted.len());
    for prefix in sorted {
        match outermost.last() {
            Some(outer) if outer.value == prefix.value => faults.push(Fault::PrefixTwice {
                prefix: short_prefix(&prefix.value),
                list: list.to_owned(),
                at: prefix.at,
                first: outer.at,
            }),
            Some(outer) if outer.value.contains(&prefix.value) => faults.push(Fault::PrefixInside {
                inner: short_prefix(&prefix.value),
                outer: short_prefix(&outer.value),
                list: list.to_owned(),
                at: prefix.at,
                outer_at: outer.at,
            }),
            _ => outermost.push(prefix),
        }
    }
    outermost
}

#[cfg(test)]
mod tests {
    use super::*;

    fn located(text: &str) -> Located<String> {
        Located::new(text.to_owned(), (0, text.len()).into())
    }

    #[test]
    fn an_address_is_a_prefix_of_full_length() {
        assert_eq!(parse(&located("10.0.0.1")).unwrap().to_string(), "10.0.0.1/32");
        assert_eq!(parse(&located("2001:db8::/64")).unwrap().to_string(), "2001:db8::/64");
        assert_eq!(parse(&located("::/0")).unwrap().to_string(), "::/0");
    }

    #[test]
    fn host_bits_are_refused_with_the_network_and_the_host() {
        let Err(Fault::HostBits { network, host, .. }) = parse(&located("10.1.2.3/8")) else { panic!() };
        assert_eq!((network.as_str(), host.as_str()), ("10.0.0.0/8", "10.1.2.3"));
    }

    #[test]
    fn a_mapped_address_is_refused_with_its_plain_form() {
        let Err(Fault::MappedAddress { remedy, .. }) = parse(&located("::ffff:10.0.0.0/104")) else {
            panic!()
        };
        assert_eq!(remedy, "write \"10.0.0.0/8\"");
        let Err(Fault::MappedAddress { remedy, .. }) = parse(&located("::ffff:10.0.0.1")) else { panic!() };
        assert_eq!(remedy, "write \"10.0.0.1\"");
    }

    #[test]
    fn what_is_no_prefix_is_refused() {
        for text in
            ["", "10.0.0", "10.0.0.0/33", "fe80::1%eth0", "db.example.com", "10.0.0.1-10.0.0.9", "01.2.3.4"]
        {
            assert!(matches!(parse(&located(text)), Err(Fault::BadPrefix { .. })), "{text}");
        }
    }

    #[test]
    fn the_outer_prefix_is_found_past_inner_ones() {
        let list: Vec<Located<IpNet>> =
            ["10.0.1.0/24", "10.0.0.0/8", "10.200.0.0/16", "11.0.0.0/8", "10.0.1.0/24"]
                .iter()
                .enumerate()
                .map(|(position, text)| Located::new(text.parse().unwrap(), (position, 1).into()))
                .collect();
        let mut faults: Faults<Fault> = Faults::default();
        let kept = disjoint_prefixes("`g`", &list, &mut faults);
        assert_eq!(kept.len(), 2);
        assert_eq!(faults.into_sorted().len(), 3);
    }
}
