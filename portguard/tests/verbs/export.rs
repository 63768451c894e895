//! What `export` writes. That nft takes it and gives the same verdicts is for the tests of the lab.

use std::fs;

use insta::assert_snapshot;

use crate::{answer, support::portguard};

#[test]
fn a_site_with_zones_a_tunnel_and_mode_observe() {
    assert_snapshot!(answer(&["export", "nft", "--site", "sites/own-policies.toml"]));
}

#[test]
fn a_site_that_is_open_to_everybody_names_no_address() {
    let shown = answer(&["export", "nft", "--site", "sites/odd.toml"]);
    assert_snapshot!(shown);
}

#[test]
fn a_site_with_dhcp_pings_and_rules_for_the_node_alone() {
    let shown = answer(&["export", "nft", "--site", "sites/both.toml"]);
    let lines: Vec<&str> = shown
        .lines()
        .filter(|line| {
            ["iifname", "icmp", "admits nobody", "ssh", "8444"].iter().any(|word| line.contains(word))
        })
        .collect();
    assert_snapshot!(lines.join("\n"));
}

#[test]
fn interfaces_by_pattern_are_asked_the_narrowest_first_and_never_the_loopback() {
    let shown = answer(&["export", "nft", "--site", "sites/patterns.toml"]);
    let lines: Vec<&str> = shown
        .lines()
        .filter(|line| line.contains("goto") || line.contains("iif") || line.contains("DHCP"))
        .collect();
    assert_snapshot!(lines.join("\n"));
}

#[test]
fn failsafe_groups_are_admitted_whatever_they_want() {
    assert_snapshot!(answer(&["export", "nft", "--site", "sites/failsafe.toml"]));
}

#[test]
fn outbound_rules_are_left_out_and_the_ruleset_says_so() {
    let shown = answer(&["export", "nft", "--site", "sites/outbound.toml"]);
    assert!(shown.contains("\n# - What leaves is not judged:"), "{shown}");
    assert!(!shown.contains("relay") && !shown.contains("208.83.110.20"), "{shown}");
}

#[test]
fn the_same_site_gives_the_same_text_under_every_name_of_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join("copy.toml");
    fs::copy(crate::support::directory().join("sites/both.toml"), &copy).unwrap();
    let first = answer(&["export", "nft", "--site", "sites/both.toml"]);
    assert_eq!(first, answer(&["export", "nft", "--site", &copy.display().to_string()]));
}

#[test]
fn what_cannot_be_exported_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let odd = directory.path().join("odd.toml");
    for (snapshot, name) in [("export-interface", "eth\\\\0"), ("export-pattern", "eth?")] {
        fs::write(&odd, format!("mode = \"observe\"\nposture = \"drop\"\n[interfaces.\"{name}\"]\n"))
            .unwrap();
        assert_snapshot!(snapshot, answer(&["export", "nft", "--site", &odd.display().to_string()]));
    }
    assert_snapshot!("export-wrong-site", answer(&["export", "nft", "--site", "invalid/no-interface.toml"]));
    assert_snapshot!("export-firewall", portguard(&["export", "pf", "--site", "sites/both.toml"]));
}
