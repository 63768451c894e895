//! What is shown, and what is told apart.

use insta::{assert_json_snapshot, assert_snapshot};
use portguard::{input::site_of_text, suggest::Why};

use crate::{SITE, addresses, both, newly_in, pasted, row, suggest};

/// A peer that is missing in the cluster, a client at an undocumented port, a scan, late answers, something seen once.
fn story() -> Vec<portguard::audit::DropRow> {
    let mut rows = vec![
        row("10.0.0.4", "8001/tcp", "source_not_admitted", 40),
        row("10.0.0.4", "20001/tcp", "source_not_admitted", 900),
        row("10.30.4.17", "8091/tcp", "source_not_admitted", 1234),
        row("10.30.4.16", "8091/tcp", "source_not_admitted", 56),
        row("10.2.0.7", "9300/tcp", "undocumented", 77),
        row("10.2.0.7", "9301/tcp", "undocumented", 78),
        row("10.9.9.9", "22/tcp", "source_not_admitted", 12),
        row("10.2.0.8", "icmpv4/8", "source_not_admitted", 30),
        row("192.0.2.53", "40001/udp", "no_socket", 19),
        row("10.30.4.18", "8004/tcp", "source_not_admitted", 50),
        row("10.30.4.19", "8088/tcp", "source_not_admitted", 2),
        row("10.30.4.20", "8088/tcp", "stale", 2000),
        row("10.9.0.7", "22/tcp", "source_not_admitted", 500),
    ];
    let ports = [21, 23, 25, 80, 110, 443, 3306, 3389, 8091];
    rows.extend(ports.map(|port| row("203.0.113.9", &format!("{port}/tcp"), "undocumented", 3)));
    rows
}

#[test]
fn lines_come_with_what_speaks_for_them() {
    let suggestions = suggest(&both(), story(), 0);
    assert_snapshot!(suggestions.to_string());
    assert_json_snapshot!(suggestions);
}

#[test]
fn a_site_with_them_is_sound_and_lets_in_whom_they_name() {
    let old = both();
    let suggestions = suggest(&old, story(), 0);
    let new = pasted(SITE, &suggestions).matrix;
    let named = ["10.0.0.4", "10.30.4.16", "10.30.4.17", "10.2.0.7", "10.9.9.9", "10.2.0.8"];
    assert_eq!(newly_in(&old, &new), addresses(&named));
    let again = suggest(&new, story(), 0);
    assert!(again.is_empty(), "there is nothing left to suggest: {again}");
    let mut backwards = story();
    backwards.reverse();
    assert_eq!(suggest(&old, backwards, 0), suggestions, "whatever the order of the rows");
}

#[test]
fn what_is_no_use_of_a_port_is_told_apart() {
    let mut rows = story();
    rows.extend((1..=16).map(|host| row(&format!("198.51.100.{host}"), "23/tcp", "undocumented", 12)));
    let suggestions = suggest(&both(), rows, 0);
    let swept = suggestions.set_aside.iter().filter(|aside| aside.why == Why::Sweep);
    assert_eq!(swept.count(), 16);
    let aside = suggestions.set_aside.iter().filter(|aside| aside.why != Why::Sweep);
    let aside = aside.map(|aside| (aside.source.to_string(), aside.why));
    let expected = [
        ("10.30.4.18", Why::NodeOnly),
        ("10.30.4.19", Why::Few),
        ("192.0.2.53", Why::Late),
        ("203.0.113.9", Why::Scan),
    ];
    assert_eq!(aside.collect::<Vec<_>>(), expected.map(|(source, why)| (source.to_owned(), why)));
}

#[test]
fn who_only_pings_is_given_no_role() {
    let rows = vec![row("10.2.0.8", "icmpv4/8", "source_not_admitted", 30)];
    let suggestions = suggest(&both(), rows, 0);
    assert!(suggestions.joins.is_empty());
    assert_eq!(suggestions.rules[0].ports, ["icmp/8"]);
}

#[test]
fn a_prefix_that_is_wider_than_what_was_seen_says_so() {
    let neighbours = ["10.30.4.16", "10.30.4.17", "10.30.4.18"];
    let rows = || neighbours.map(|source| row(source, "8091/tcp", "source_not_admitted", 40)).to_vec();
    let exact = suggest(&both(), rows(), 0).to_string();
    assert!(exact.contains(r#"["10.30.4.16/31", "10.30.4.18"]"#) && !exact.contains("WIDER"), "{exact}");
    let wider = suggest(&both(), rows(), 1).to_string();
    assert!(wider.contains("by 1 address\n") && wider.contains(r#"["10.30.4.16/30"]"#), "{wider}");
}

#[test]
fn with_posture_pass_ports_that_are_open_are_told_and_no_rule_is_drafted() {
    let site = SITE.replace("posture = \"drop\"", "posture = \"pass\"");
    let matrix = site_of_text("site.toml".as_ref(), &site).unwrap().matrix;
    let rows = vec![row("10.2.0.7", "9300/tcp", "undocumented", 77)];
    let suggestions = suggest(&matrix, rows, 0);
    assert!(suggestions.is_empty());
    assert_snapshot!(suggestions.to_string());
}

#[test]
fn every_way_to_write_a_site_can_be_pasted_into() {
    let sites = [
        SITE.to_owned(),
        SITE.replace("clients = \"any\"", "clients = \"apps\""),
        "mode = \"observe\"\nposture = \"drop\"\ninterfaces = { eth0 = {} }\ngroups = { a = [\"10.0.0.1\"] }\nproducts = { \
         cache = { policy = \"redis-enterprise\", roles = { internal = \"a\", external = [], active-active = [] } } }\nrules = [{ \
         name = \"ssh\", ports = [\"22/tcp\"], from = [\"a\"] }]\n"
            .to_owned(),
        "mode = \"observe\"\nposture = \"drop\"\n[interfaces.eth0]\n".to_owned(),
    ];
    for site in sites {
        let old = site_of_text("site.toml".as_ref(), &site).unwrap().matrix;
        let rows = vec![
            row("192.0.2.4", "8001/tcp", "source_not_admitted", 40),
            row("192.0.2.4", "9300/tcp", "undocumented", 40),
        ];
        let suggestions = suggest(&old, rows, 0);
        let new = pasted(&site, &suggestions).matrix;
        assert_eq!(newly_in(&old, &new), addresses(&["192.0.2.4"]), "{site}");
    }
}
