//! Which series there are, and what they say.

use std::{collections::BTreeSet, path::Path};

use insta::assert_snapshot;
use portguard::{
    compile::{Node, compile},
    input::site_of_text,
    matrix::{Mode, Posture},
    metrics::{Counts, EventCounts, Generation, InterfaceState, Snapshot, text},
    observe::{Chart, Count, CounterReport, Idle, RangeRow, Totals},
};
use serde_json::{Value, json};

/// Two products with a port in common, a range, and a rule of the site's own.
const SITE: &str = r#"
mode = "enforce"
posture = "drop"
[interfaces.eth0]
[groups]
cluster = ["10.0.0.1"]
apps = ["10.1.0.0/16"]
[products.tsdb]
policy = "influxdb-enterprise"
roles = { clients = ["apps"], data-nodes = ["cluster"], meta-nodes = ["cluster"], chronograf = [] }
[[rules]]
name = "exporters"
ports = ["9100-9110/tcp", "8086/tcp"]
from = ["apps"]
"#;

fn chart() -> Chart {
    let matrix = site_of_text(Path::new("site.toml"), SITE).expect("the site is sound").matrix;
    let image = compile(&matrix, &Node::new(Vec::new())).expect("the site is small");
    Chart::new(image.legend(), &matrix)
}

/// What was counted, as the ledger has it.
fn totals(ports: &[Value]) -> Totals {
    let reasons = json!({
        "admitted": { "counted": { "packets": 42, "bytes": 4200 }, "would_drop": count(0) },
        "source_not_admitted": { "counted": count(5), "would_drop": count(3) },
    });
    let undocumented = json!([[80, [1, 60, 2, 120, 3, 180]], [443, [10, 600, 0, 0, 0, 0]]]);
    let written = json!({ "ports": ports, "undocumented": undocumented, "reasons": reasons });
    serde_json::from_value(written).expect("totals are written so")
}

fn count(packets: u64) -> Value {
    json!({ "packets": packets, "bytes": packets * 60 })
}

/// One port's counts, by rule, and what was dropped.
fn port(number: u16, rules: &Value, dropped: u64) -> Value {
    json!([
        "default",
        { "port": { "transport": "tcp", "port": number } },
        { "rules": rules, "dropped": count(dropped), "would_drop": count(1) }
    ])
}

fn snapshot(totals: &Totals, chart: &Chart) -> Snapshot {
    Snapshot {
        version: "1.2.3".to_owned(),
        started: 1_700_000_000,
        reloaded: Some(1_700_000_100),
        generation: Some(Generation {
            number: 7,
            since: 1_700_000_050,
            mode: Mode::Enforce,
            posture: Posture::Drop,
            image: "0123abcd".to_owned(),
        }),
        interfaces: vec![
            InterfaceState { name: "eth0".to_owned(), attached: Some("native".to_owned()) },
            InterfaceState { name: "eth\"1".to_owned(), attached: None },
        ],
        counts: Some(Counts {
            ranges: RangeRow::all(totals, chart),
            reasons: CounterReport::new(totals, chart, Idle::Show).reasons,
            undocumented: totals.undocumented(),
        }),
        lost: Count { packets: 9, bytes: 540 },
        events: EventCounts { told: 3, withheld: 2, unheard: 1 },
        troubles: vec![("interface", 1), ("site", 0)],
        site_broken: true,
        unconfirmed: false,
        unresolved: 2,
        audit_failing: false,
    }
}

#[test]
fn what_is_served_is_what_the_manual_says() {
    let exporters =
        json!({ "site/exporters (site file:11)": count(4), "site/gone (site file:9)": count(99) });
    let http = json!({ "influxdb-enterprise/http (influxdb-enterprise.md:15)": count(42) });
    let ports = [
        port(22, &json!({ "site/ssh (site file:2)": count(77) }), 55),
        port(8086, &http, 5),
        port(9100, &exporters, 2),
        port(9107, &exporters, 3),
    ];
    let chart = chart();
    assert_snapshot!(text(snapshot(&totals(&ports), &chart)));
}

#[test]
fn the_manual_names_each_metric_and_no_other() {
    let chart = chart();
    let text = text(snapshot(&totals(&[]), &chart));
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let served: BTreeSet<&str> = samples.filter_map(|line| line.split(['{', ' ']).next()).collect();
    let manual = std::fs::read_to_string("../docs/metrics.md").expect("the manual is there");
    let words = manual.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let named: BTreeSet<&str> = words.filter(|word| word.starts_with("portguard_")).collect();
    assert_eq!(named, served);
}

#[test]
fn a_daemon_that_can_read_nothing_still_says_how_it_is() {
    let nothing = Snapshot { version: "1.2.3".to_owned(), started: 1, ..Snapshot::default() };
    assert_snapshot!(text(nothing));
}

#[test]
fn however_many_ports_of_a_range_see_packets_the_series_are_the_same() {
    let chart = chart();
    let series = |ports: &[Value]| {
        let text = text(snapshot(&totals(ports), &chart));
        let names = text.lines().filter(|line| !line.starts_with('#'));
        names.map(|line| line.rsplit_once(' ').expect("a value").0.to_owned()).collect::<Vec<String>>()
    };
    let exporters = json!({ "site/exporters (site file:11)": count(1) });
    let idle = series(&[]);
    let busy: Vec<Value> = (9100..=9110).chain(1..=1000).map(|number| port(number, &exporters, 1)).collect();
    assert_eq!(series(&busy), idle);
    let once: BTreeSet<&String> = idle.iter().collect();
    assert_eq!(once.len(), idle.len(), "no series is told twice");
}

#[test]
fn a_line_of_a_document_that_names_a_port_twice_is_one_series() {
    let twice = format!("{SITE}[products.again]\npolicy = \"influxdb-enterprise\"\nroles = {ROLES}\n");
    let matrix = site_of_text(Path::new("site.toml"), &twice).expect("the site is sound").matrix;
    let image = compile(&matrix, &Node::new(Vec::new())).expect("the site is small");
    let chart = Chart::new(image.legend(), &matrix);
    let text = text(snapshot(&totals(&[]), &chart));
    let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let names: BTreeSet<&str> = samples.iter().filter_map(|line| Some(line.rsplit_once(' ')?.0)).collect();
    assert_eq!(names.len(), samples.len());
    assert!(text.contains("product=\"again,site,tsdb\",zone=\"default\",port=\"8086/tcp\""), "{text}");
    for product in ["again", "tsdb"] {
        assert!(
            text.contains(&format!("product=\"{product}\",rule=\"{product}: influxdb-enterprise/")),
            "{text}"
        );
    }
}

const ROLES: &str =
    r#"{ clients = ["apps"], data-nodes = ["cluster"], meta-nodes = ["cluster"], chronograf = [] }"#;
