//! Shadowed rules and lost sessions, against oracles that ask address by address and port by port.

mod support;

use std::{collections::BTreeSet, fmt::Write as _, path::Path};

use portguard::{
    input::site_of_text,
    lint::{Surroundings, Warning},
};
use proptest::prelude::*;
use support::{portguard, portguard_in};

/// A rule as a list: whom it admits, to which ports.
#[derive(Clone, Debug)]
struct Listed {
    sources: BTreeSet<u8>,
    ports: BTreeSet<u16>,
}

/// Prefixes of 10.0.0.0/28 by their first address and length, and a few ports.
fn listed() -> impl Strategy<Value = (Vec<(u8, u8)>, BTreeSet<u16>)> {
    let prefix =
        (0..16_u8, 29..=32_u8).prop_map(|(address, length)| (address & !((1 << (32 - length)) - 1), length));
    (prop::collection::vec(prefix, 0..4), prop::collection::btree_set(1..7_u16, 1..4))
}

/// The prefixes less those that lie in others, which a group may not hold, and the rule that they make.
fn rule(prefixes: &[(u8, u8)], ports: &BTreeSet<u16>) -> (Vec<(u8, u8)>, Listed) {
    let holds = |(address, length): (u8, u8)| address..=address + ((1_u8 << (32 - length)) - 1);
    let mut kept: Vec<(u8, u8)> = Vec::new();
    let mut sorted = prefixes.to_vec();
    sorted.sort_by_key(|&(address, length)| (length, address));
    for prefix in sorted {
        if !kept.iter().any(|&outer| holds(outer).contains(&prefix.0)) {
            kept.push(prefix);
        }
    }
    let sources = kept.iter().flat_map(|&prefix| holds(prefix)).collect();
    (kept, Listed { sources, ports: ports.clone() })
}

fn admitted<'r>(rules: impl Iterator<Item = &'r Listed>) -> BTreeSet<(u8, u16)> {
    rules
        .flat_map(|rule| rule.sources.iter().flat_map(|&from| rule.ports.iter().map(move |&to| (from, to))))
        .collect()
}

fn idle_rules(site: &str) -> BTreeSet<usize> {
    let loaded = site_of_text(Path::new("site.toml"), site).expect("the site holds together");
    let warnings = loaded.lint(&Surroundings::default()).warnings;
    let idle = warnings.into_iter().filter_map(|warning| match warning {
        Warning::IdleRule { rule, .. } => Some(rule[1..].parse().expect("rules are called r0, r1, …")),
        _ => None,
    });
    idle.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn without_the_idle_rules_nothing_changes_and_without_any_other_something_does(
        rules in prop::collection::vec(listed(), 1..6),
        repeated in 0..3_usize,
    ) {
        let mut groups = String::new();
        let mut tables = String::new();
        let mut lists = Vec::new();
        // Beyond some number of rules for one port another way is taken: copies of the first lead there.
        let copies = std::iter::repeat_n(&rules[0], repeated * 20);
        for (number, (prefixes, ports)) in rules.iter().chain(copies).enumerate() {
            let (prefixes, list) = rule(prefixes, ports);
            let prefixes: Vec<String> =
                prefixes.iter().map(|(address, length)| format!("\"10.0.0.{address}/{length}\"")).collect();
            let ports: Vec<String> = ports.iter().map(|port| format!("\"{port}/tcp\"")).collect();
            writeln!(groups, "g{number} = [{}]", prefixes.join(", ")).unwrap();
            writeln!(tables, "[[rules]]\nname = \"r{number}\"\nports = [{}]\nfrom = [\"g{number}\"]", ports.join(", ")).unwrap();
            lists.push(list);
        }
        let site = format!("mode = \"observe\"\nposture = \"pass\"\n[interfaces.eth0]\n[groups]\n{groups}{tables}");
        let idle = idle_rules(&site);
        let without = |left_out: Option<usize>| {
            let left = |number: &usize| !idle.contains(number) && Some(*number) != left_out;
            admitted((0..lists.len()).filter(left).map(|number| &lists[number]))
        };
        prop_assert_eq!(admitted(lists.iter()), without(None), "{:?} are not idle in\n{}", idle, site);
        for (number, list) in lists.iter().enumerate() {
            if !idle.contains(&number) && !list.sources.is_empty() {
                prop_assert_ne!(without(None), without(Some(number)), "r{} is idle in\n{}", number, site);
            }
        }
    }
}

#[test]
fn a_session_is_lost_exactly_where_explain_says_that_its_packets_drop() {
    for file in ["warnings/ssh-by-rule.toml", "warnings/ssh-by-posture.toml", "sites/both.toml"] {
        for client in ["203.0.113.9", "10.9.0.7", "192.0.2.200", "2001:db8:2::7"] {
            for port in ["22", "443", "2222", "8443"] {
                let zone: &[&str] = if file.ends_with("by-rule.toml") { &["--zone", "front"] } else { &[] };
                let question = ["explain", "--site", file, "--from", client, "--to", &format!("{port}/tcp")];
                let drops = portguard(&[&question, zone].concat()).starts_with("exit code 1\n");
                let session = [("SSH_CLIENT", format!("{client} 53122 {port}"))];
                let session = session.each_ref().map(|(name, value)| (*name, value.as_str()));
                let asked = portguard_in(&session, &["check", file]).contains("PG0307");
                assert_eq!(asked, drops, "{client} to {port} in {file}");
            }
        }
    }
}
