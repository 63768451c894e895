//! What `matrix` shows of what, in each format.

use insta::assert_snapshot;

use crate::answer;

#[test]
fn the_matrix_as_csv() {
    assert_snapshot!(answer(&["matrix", "--site", "sites/own-policies.toml", "--format", "csv"]));
}

#[test]
fn rules_for_one_port_of_any_transport() {
    assert_snapshot!(answer(&["matrix", "--site", "sites/services.toml", "--port", "2003"]));
}

#[test]
fn rules_for_a_port_of_a_group_of_a_product() {
    let wanted = ["--port", "9443/tcp", "--port", "icmp", "--group", "blue", "--product", "blue-cache"];
    assert_snapshot!(answer(&[&["matrix", "--site", "sites/twins.toml"], &wanted[..]].concat()));
}

#[test]
fn two_products_of_one_policy_are_told_apart() {
    assert_snapshot!(answer(&["matrix", "--site", "sites/twins.toml", "--port", "20001"]));
}

#[test]
fn nothing_that_is_wanted_is_said_in_words() {
    assert_snapshot!(answer(&["matrix", "--site", "sites/twins.toml", "--group", "spare"]));
}

#[test]
fn what_two_products_add_up_to() {
    let by_port = ["matrix", "--site", "sites/twins.toml", "--by", "port"];
    assert_snapshot!("add-up-table", answer(&by_port));
    assert_snapshot!(
        "add-up-json",
        answer(&[&by_port[..], &["--port", "9443", "--format", "json"]].concat())
    );
    assert_snapshot!(
        "add-up-one-product",
        answer(&[&by_port[..], &["--product", "green-cache", "--format", "csv"]].concat())
    );
}

#[test]
fn by_port_with_zones_and_outbound_rules() {
    let by_port = ["matrix", "--site", "sites/own-policies.toml", "--by", "port", "--format", "markdown"];
    assert_snapshot!(answer(&by_port));
}

#[test]
fn what_the_site_does_not_know_is_refused_with_what_it_knows() {
    for (name, wanted) in [
        ("unknown-group", ["--group", "bleu"]),
        ("unknown-product", ["--product", "bleu-cache"]),
        ("no-port", ["--port", "8086/http"]),
    ] {
        assert_snapshot!(name, answer(&["matrix", "--site", "sites/twins.toml", wanted[0], wanted[1]]));
    }
}

#[test]
fn failsafe_groups_are_a_rule_for_everything_and_are_admitted_to_each_port() {
    let site = ["matrix", "--site", "sites/failsafe.toml"];
    assert_snapshot!("failsafe-table", answer(&site));
    assert_snapshot!(
        "failsafe-csv",
        answer(&[&site[..], &["--port", "9999/tcp", "--format", "csv"]].concat())
    );
    assert_snapshot!(
        "failsafe-json",
        answer(&[&site[..], &["--group", "admins", "--format", "json"]].concat())
    );
    assert_snapshot!("failsafe-by-port", answer(&[&site[..], &["--by", "port"]].concat()));
    let by_port = [&site[..], &["--by", "port", "--port", "9999/tcp", "--format", "csv"]].concat();
    assert_snapshot!("failsafe-by-port-csv", answer(&by_port));
}

#[test]
fn where_what_leaves_is_judged_outbound_rows_stand_with_their_destinations() {
    let of_nodes = [
        "matrix",
        "--site",
        "sites/outbound.toml",
        "--port",
        "25/tcp",
        "--port",
        "2181/tcp",
        "--port",
        "53/udp",
    ];
    assert_snapshot!("outbound", answer(&of_nodes));
    let by_port = [&of_nodes[..], &["--by", "port", "--format", "csv"]].concat();
    assert_snapshot!("outbound-by-port", answer(&by_port));
}
