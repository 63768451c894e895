//! What is in `deploy/` for Prometheus and Grafana.

use std::{
    collections::BTreeSet,
    fs,
    process::{Command, Output, Stdio},
    thread,
};

use portguard_tests::lab::{Guard, Lab};
use serde_json::Value;

use crate::{
    ADDRESS, page,
    prometheus::{Prometheus, deploy},
    site,
};

/// Runs `promtool` and says what came of it.
fn promtool(arguments: &[&str], input: &str) -> (bool, String) {
    use std::io::Write as _;
    let mut command = Command::new("promtool");
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("promtool is installed");
    child.stdin.take().expect("it is piped").write_all(input.as_bytes()).expect("it reads");
    let Output { status, stdout, stderr } = child.wait_with_output().expect("it ends");
    let said = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    (status.success(), said)
}

#[test]
fn the_alerts_are_sound_and_each_is_raised_by_its_fault() {
    let (sound, said) = promtool(&["check", "rules", &deploy("prometheus/portguard.rules.yml")], "");
    assert!(sound, "{said}");
    let (right, said) = promtool(&["test", "rules", &deploy("prometheus/portguard.test.yml")], "");
    assert!(right, "{said}");
    let rules = fs::read_to_string(deploy("prometheus/portguard.rules.yml")).unwrap();
    let tests = fs::read_to_string(deploy("prometheus/portguard.test.yml")).unwrap();
    let alerts: Vec<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() > 10, "{alerts:?}");
    for alert in alerts {
        let raised =
            tests.contains(&format!("alertname: {alert}\n        exp_alerts:\n          - exp_labels:"));
        assert!(raised, "no test raises {alert}");
    }
}

#[test]
fn promtool_finds_no_fault_with_what_is_served() {
    let lab = Lab::new().unwrap();
    let guard = Guard::start(&lab.node, &site(ADDRESS)).unwrap();
    let page = page::classic(&page::scrape(&lab.node, ADDRESS).unwrap());
    let (sound, said) = promtool(&["check", "metrics"], &page);
    assert!(sound && said.is_empty(), "{said}\n{page}");
    guard.stop().unwrap();
}

/// Each metric that the dashboard and the alerts name is there, and Prometheus takes each of their expressions.
pub(crate) fn every_expression_is_about_what_is_served(prometheus: &Prometheus, page: &str) {
    let served = page::names(page);
    let dashboard = fs::read_to_string(deploy("grafana/portguard.json")).expect("it is there");
    let dashboard: Value = serde_json::from_str(&dashboard).expect("JSON");
    let mut expressions = BTreeSet::new();
    collect(&dashboard, &mut expressions);
    assert!(expressions.len() > 15, "{expressions:?}");
    let rules = fs::read_to_string(deploy("prometheus/portguard.rules.yml")).expect("it is there");
    for text in expressions.iter().map(String::as_str).chain([rules.as_str()]) {
        for name in metrics(text) {
            assert!(served.contains(name), "{name} is not served: {text}");
        }
    }
    let show = |expression: &String| {
        let asked = expression.replace("$__rate_interval", "1m").replace("$instance", ".+");
        let samples = prometheus.query(&asked);
        // What drops, or is wrong, may be nothing.
        let may_be_nothing = expression.contains("> 0") || expression.contains("== 0");
        assert!(may_be_nothing || !samples.is_empty(), "nothing is shown by {expression}");
    };
    // Each question is a process of its own.
    thread::scope(|scope| {
        for expression in &expressions {
            scope.spawn(move || show(expression));
        }
    });
}

/// The values of all `expr`, and of what a variable asks for.
fn collect(value: &Value, expressions: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            expressions.extend(fields.get("expr").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| collect(value, expressions));
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, expressions)),
        _ => {}
    }
}

/// The metrics that a text names.
fn metrics(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.starts_with("portguard_"))
}
