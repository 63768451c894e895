//! What Prometheus knows is what the kernel has counted, to the packet.

use std::{
    collections::BTreeMap,
    fs,
    net::{IpAddr, UdpSocket},
    thread,
    time::Duration,
};

use portguard_tests::lab::{Guard, Host, Lab, wait_until};
use serde_json::Value;

use crate::{ADDRESS, page, prometheus::Prometheus, site};

/// How long it may take until Prometheus has seen what was counted last: it looks each second.
const SOON: Duration = Duration::from_secs(10);
/// What only grows, as the kernel's own counters do.
const COUNTERS: [&str; 8] = [
    "portguard_rule_passed_packets_total",
    "portguard_rule_passed_bytes_total",
    "portguard_port_refused_packets_total",
    "portguard_port_refused_bytes_total",
    "portguard_reason_packets_total",
    "portguard_reason_bytes_total",
    "portguard_undocumented_packets_total",
    "portguard_undocumented_bytes_total",
];

/// Values by the name and the labels of their series.
type Values = BTreeMap<String, u64>;

/// Sends datagrams to each of `ports`.
fn send(from: &Host, to: IpAddr, ports: &[u16], count: usize) {
    let sent = from.within(|| {
        let socket = UdpSocket::bind(("0.0.0.0", 0)).expect("a free port");
        let all = ports.iter().flat_map(|&port| (0..count).map(move |_| port));
        all.filter(|&port| socket.send_to(b"sixteen bytes...", (to, port)).is_ok()).count()
    });
    // What was told of an earlier datagram that nobody took makes a later one fail.
    assert_eq!(sent.expect("the host is there"), ports.len() * count);
}

/// What `portguard counters` says, by the series that it belongs to.
fn counted(guard: &Guard, ranges: &[String]) -> Values {
    let output = guard.ask(&["counters", "--all", "--format", "json"]).expect("the daemon answers");
    let counters: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let mut values = Values::new();
    let mut add = |name: &str, labels: &[&str], counted: &Value| {
        for unit in ["packets", "bytes"] {
            let value = counted[unit].as_u64().expect("a number");
            *values.entry(format!("portguard_{name}_{unit}_total {}", labels.join(" "))).or_default() +=
                value;
        }
    };
    for row in list(&counters["ports"]) {
        let (zone, port) = (text(&row["zone"]), text(&row["port"]));
        let Some(range) = ranges.iter().find(|range| holds(range, port)) else { continue };
        for rule in list(&row["rules"]).iter().filter(|rule| rule["in_force"] == true) {
            let (rule, place) = (text(&rule["rule"]), &rule["passed"]);
            let (rule, line) =
                rule.strip_suffix(')').and_then(|rule| rule.rsplit_once(" (")).expect("a place");
            add("rule_passed", &[rule, line, zone, range], place);
        }
        add("port_refused", &[zone, range, "drop"], &row["dropped"]);
        add("port_refused", &[zone, range, "would_drop"], &row["would_drop"]);
    }
    for row in list(&counters["reasons"]) {
        let (reason, action) = (text(&row["reason"]), text(&row["action"]));
        add("reason", &[reason, action], &row["counted"]);
        if action == "drop" {
            add("reason", &[reason, "would_drop"], &row["would_drop"]);
        }
    }
    for (verdict, field) in [("pass", "passed"), ("drop", "dropped"), ("would_drop", "would_drop")] {
        add("undocumented", &[verdict], &serde_json::json!({ "packets": 0, "bytes": 0 }));
        for row in list(&counters["undocumented"]) {
            add("undocumented", &[verdict], &row[field]);
        }
    }
    values
}

/// What Prometheus says of the same series.
fn scraped(prometheus: &Prometheus) -> Values {
    let labels = ["rule", "place", "reason", "zone", "port", "verdict"];
    let samples = prometheus.query(&format!("{{__name__=~\"{}\"}}", COUNTERS.join("|")));
    let value = |(metric, value): &(Value, f64)| {
        let labels: Vec<&str> = labels.iter().filter_map(|label| metric[*label].as_str()).collect();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "counters of a small test"
        )]
        let value = *value as u64;
        (format!("{} {}", text(&metric["__name__"]), labels.join(" ")), value)
    };
    samples.iter().map(value).collect()
}

/// The ranges of ports that there are series of.
fn ranges(prometheus: &Prometheus) -> Vec<String> {
    let samples = prometheus.query("portguard_port_refused_packets_total");
    samples.iter().map(|(metric, _)| text(&metric["port"]).to_owned()).collect()
}

/// Whether the port, or all of the ports, are in the range: `7003/udp` in `7000-7009/udp`.
fn holds(range: &str, port: &str) -> bool {
    let ends = |text: &str| -> Option<(u16, u16, String)> {
        let (numbers, kind) = text.split_once('/')?;
        let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
        Some((first.parse().ok()?, last.parse().ok()?, kind.to_owned()))
    };
    match (ends(range), ends(port)) {
        (Some((from, to, kind)), Some((first, last, of))) => kind == of && from <= first && last <= to,
        _ => range == port,
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// Waits until Prometheus says what the daemon says.
fn agree(prometheus: &Prometheus, guard: &Guard) -> Values {
    let (mut told, mut known) = (Values::new(), Values::new());
    let alike = wait_until(SOON, || {
        // Prometheus looks each second, and each question is a process.
        thread::sleep(Duration::from_millis(250));
        (told, known) = (counted(guard, &ranges(prometheus)), scraped(prometheus));
        !told.is_empty() && told == known
    });
    let differences: Vec<(&String, u64, Option<&u64>)> = told
        .iter()
        .filter(|(series, value)| known.get(*series) != Some(*value))
        .map(|(series, value)| (series, *value, known.get(series)))
        .collect();
    assert!(alike, "counted, and scraped: {differences:?}; beyond that {:?}", known.len().cmp(&told.len()));
    told
}

/// Those of ports, where nothing comes but what is sent. Neighbours look for each other at any time.
fn at_ports(values: Values) -> Values {
    values.into_iter().filter(|(series, _)| !series.starts_with("portguard_reason_")).collect()
}

#[test]
fn prometheus_knows_what_was_counted_to_the_packet_over_reloads_and_kills() {
    let lab = Lab::new().unwrap();
    let _echo = lab.node.echo(7003).unwrap();
    let mut guard = Guard::start(&lab.node, &site(ADDRESS)).unwrap();
    let prometheus = Prometheus::start(&lab.node);
    let passed = "portguard_rule_passed_packets_total{rule=\"site/telemetry\",port=\"7000-7009/udp\"}";
    let refused = "portguard_port_refused_packets_total{port=\"7000-7009/udp\",verdict=\"drop\"}";
    let undocumented = "portguard_undocumented_packets_total{verdict=\"drop\"}";
    for round in 1..=3_u16 {
        // To ports within one range, to one that nobody names, and to a product's.
        send(&lab.client, lab.node.v4(), &[7003], 100);
        send(&lab.stranger, lab.node.v4(), &[7000, 7003, 7009], 20);
        send(&lab.stranger, lab.node.v4(), &[9], 30);
        lab.peer.connect(lab.node.v4(), 20_000 + round).unwrap();
        let sent = at_ports(agree(&prometheus, &guard));
        let rounds = f64::from(round);
        assert_eq!(prometheus.number(passed), Some(100.0 * rounds));
        assert_eq!(prometheus.number(refused), Some(60.0 * rounds));
        assert_eq!(prometheus.number(undocumented), Some(30.0 * rounds));
        let shards = "portguard_rule_passed_packets_total{product=\"redis\",port=\"20000-29999/tcp\"}";
        assert!(prometheus.query(shards).iter().any(|(_, value)| *value >= rounds), "{sent:?}");
        if round == 1 {
            let output =
                guard.reload(&site(ADDRESS).replace("\"10.88.0.3\"", "\"10.88.0.3\", \"10.99.0.1\""));
            assert!(output.unwrap().status.success());
        } else {
            guard = guard.restart().unwrap();
        }
        let after = at_ports(agree(&prometheus, &guard));
        assert!(after == sent, "another generation, or another daemon, counts on: {sent:?}, then {after:?}");
    }
    let resets = COUNTERS.map(|counter| format!("sum(resets({counter}[10m]))")).join(" + ");
    assert_eq!(prometheus.number(&resets), Some(0.0), "what only grows never began anew");
    health(&prometheus, &guard);
    crate::files::every_expression_is_about_what_is_served(
        &prometheus,
        &page::scrape(&lab.node, ADDRESS).unwrap(),
    );
    guard.stop().unwrap();
}

/// What is no counter.
fn health(prometheus: &Prometheus, guard: &Guard) {
    let number = |query: &str| prometheus.number(query);
    let status = guard.status().expect("the daemon answers");
    assert_eq!(number("portguard_generation"), status["generation"]["number"].as_f64());
    let image = text(&status["generation"]["image"]);
    let info = format!("portguard_info{{mode=\"enforce\",posture=\"drop\",image=\"{image}\"}}");
    assert_eq!(number(&info), Some(1.0));
    assert_eq!(number("portguard_interface_guarded{interface=\"eth0\",attached=\"native\"}"), Some(1.0));
    assert_eq!((number("portguard_enforcing"), number("portguard_site_broken")), (Some(1.0), Some(0.0)));
    assert_eq!(number("sum(portguard_troubles)"), Some(0.0));
    let ages =
        "time() - portguard_start_time_seconds >= time() - portguard_last_reload_success_timestamp_seconds";
    assert!(number(ages).is_some_and(|age| (0.0..60.0).contains(&age)), "{:?}", number(ages));
    fs::write(guard.site(), "no site").expect("the lab's directory can be written to");
    assert_eq!(guard.ask(&["reload"]).expect("it runs").status.code(), Some(2));
    let told = wait_until(SOON, || {
        (number("portguard_site_broken"), number("portguard_troubles{subject=\"site\"}"))
            == (Some(1.0), Some(1.0))
    });
    assert!(told, "a broken site is told");
}
