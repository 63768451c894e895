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
fn what_leaves_has_chains_of_its_own() {
    assert_snapshot!(answer(&["export", "nft", "--site", "sites/leaving.toml"]));
}

#[test]
fn what_leaves_is_refused_only_counted_or_not_there_as_the_site_says() {
    let directory = tempfile::tempdir().unwrap();
    let enforced = fs::read_to_string(crate::support::directory().join("sites/leaving.toml")).unwrap();
    let export = |outbound: &str| {
        let site = directory.path().join("site.toml");
        fs::write(&site, enforced.replace("outbound = \"enforce\"", &format!("outbound = \"{outbound}\"")))
            .unwrap();
        answer(&["export", "nft", "--site", &site.display().to_string()])
    };
    let refused = |shown: &str| -> Vec<String> {
        let lines = shown.lines().filter(|line| line.contains("refused: site/mail"));
        lines.map(|line| line.trim().to_owned()).collect()
    };
    let line = |verdict: &str, why: &str| {
        format!("tcp dport {{ 25 }} counter {verdict} comment \"{why}refused: site/mail (site file:26)\"")
    };
    let [enforce, observe, off] = ["enforce", "observe", "off"].map(export);
    assert_eq!(refused(&enforce), vec![line("goto refuse", ""); 2]);
    assert_eq!(refused(&observe), vec![line("accept", "would drop: "); 2]);
    assert!(!observe.contains("refuse ") && !observe.contains("reject"), "{observe}");
    assert_eq!(refused(&off), Vec::<String>::new());
    for word in ["output", "out-", "oifname", "daddr", "relay", "What leaves"] {
        assert!(!off.contains(word), "{word}: {off}");
    }
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
