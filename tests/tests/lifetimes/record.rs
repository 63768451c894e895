//! Who was dropped where is told to the packet, over whatever happens to generations and daemons.

use std::{collections::BTreeMap, net::IpAddr};

use portguard::audit::{ChangeKind, Reader, Span};
use portguard_tests::{
    demo::SITE,
    lab::{Guard, Host, Lab, wait_until},
};
use serde_json::Value;

use super::{SOON, soon};

/// A documented port that the clients alone may reach.
const LOG: u16 = 514;
/// A port that no rule names.
const UNNAMED: u16 = 9;

fn site(round: usize) -> String {
    let clients = format!("\"10.88.0.3\", \"10.99.0.{}\"", round + 1);
    let rule = format!("\n[[rules]]\nname = \"log\"\nports = [\"{LOG}/udp\"]\nfrom = [\"clients\"]\n");
    SITE.replace("\"10.88.0.3\"", &clients) + &rule
}

/// Packets by source and port.
type Sent = BTreeMap<(String, String), u64>;

/// Sends `count` datagrams to each of the two ports.
fn send(from: &Host, source: IpAddr, to: IpAddr, count: u64, sent: &mut Sent) {
    for port in [LOG, UNNAMED] {
        let done = from.within(|| {
            let socket = std::net::UdpSocket::bind((source, 0)).expect("a free port");
            (0..count).filter(|_| socket.send_to(b"x", (to, port)).is_ok()).count()
        });
        assert_eq!(done.expect("the host is there") as u64, count);
        *sent.entry((source.to_string(), format!("{port}/udp"))).or_default() += count;
    }
}

fn drops(guard: &Guard) -> Vec<Value> {
    let output = guard.ask(&["drops", "--since", "2h", "--format", "json"]).expect("the daemon answers");
    assert!(output.status.success(), "{}", super::said(&output));
    let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    answer["rows"].as_array().expect("a list").clone()
}

fn packets(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// What `drops` tells.
fn told(guard: &Guard) -> Sent {
    let mut told = Sent::new();
    for row in drops(guard) {
        *told.entry((text(&row["source"]), text(&row["port"]))).or_default() += packets(&row["packets"]);
    }
    told
}

/// Every packet is told. On a busy machine a datagram may still be on its way when it was sent.
fn assert_told(guard: &Guard, sent: &Sent) {
    wait_until(SOON, || told(guard) == *sent);
    assert_eq!(told(guard), *sent);
}

/// Of the two ports, what their counters say.
fn counted(guard: &Guard) -> [u64; 2] {
    let counters = guard.counters().expect("the daemon answers");
    let find = |list: &str, port: u16| {
        let rows = counters[list].as_array().expect("a list");
        rows.iter().find(|row| row["port"] == format!("{port}/udp")).cloned().unwrap_or_default()
    };
    let dropped = |row: Value| row["dropped"]["packets"].as_u64().unwrap_or(0);
    [dropped(find("ports", LOG)), dropped(find("undocumented", UNNAMED))]
}

fn sum(sent: &Sent, port: u16) -> u64 {
    let port = format!("{port}/udp");
    sent.iter().filter(|((_, to), _)| *to == port).map(|(_, count)| count).sum()
}

#[test]
fn who_was_dropped_is_told_to_the_packet_over_reloads_restarts_and_kills() {
    let lab = Lab::new().unwrap();
    let mut guard = Guard::start(&lab.node, &site(0)).unwrap();
    let mut sent = Sent::new();
    for round in 1..=4 {
        let count = 50 + round as u64;
        send(&lab.stranger, lab.stranger.v4(), lab.node.v4(), count, &mut sent);
        send(&lab.stranger, lab.stranger.v6(), lab.node.v6(), 7, &mut sent);
        // Without a moment in between: what was noted in the old generation must not be lost with it.
        let reloaded = guard.reload(&site(round)).unwrap();
        assert!(reloaded.status.success(), "{}", super::said(&reloaded));
        send(&lab.stranger, lab.stranger.v4(), lab.node.v4(), count, &mut sent);
        if round % 2 == 0 {
            assert_told(&guard, &sent);
        }
        guard = guard.restart().unwrap();
        send(&lab.stranger, lab.stranger.v4(), lab.node.v4(), 3, &mut sent);
    }
    assert_told(&guard, &sent);
    assert_eq!(told(&guard), sent, "asked twice");
    assert_eq!(counted(&guard), [sum(&sent, LOG), sum(&sent, UNNAMED)]);
    let documented = drops(&guard).into_iter().find(|row| row["port"] == format!("{LOG}/udp")).unwrap();
    assert_eq!(documented["reason"], "source_not_admitted");
    assert_eq!(documented["rules"][0].as_str().unwrap().split(' ').next(), Some("site/log"), "{documented}");
    guard.stop().unwrap();
}

#[test]
fn what_was_dropped_is_there_after_the_filter_was_taken_off() {
    let lab = Lab::new().unwrap();
    let guard = Guard::start(&lab.node, &site(0)).unwrap();
    let mut sent = Sent::new();
    send(&lab.stranger, lab.stranger.v4(), lab.node.v4(), 20, &mut sent);
    let directory = guard.directory().to_owned();
    guard.stop().unwrap();
    let guard = Guard::again(&lab.node, &directory).unwrap();
    send(&lab.stranger, lab.stranger.v4(), lab.node.v4(), 5, &mut sent);
    // Another filter counts from zero, and the record goes on.
    assert_told(&guard, &sent);
    let at = |port: &str| super::said(&guard.ask(&["drops", "--since", "2h", "--port", port]).unwrap());
    let unnamed = at(&format!("{UNNAMED}/UDP"));
    assert!(unnamed.contains(&lab.stranger.v4().to_string()), "{unnamed}");
    assert!(at("10/udp").starts_with("No drops (port 10/udp) between"), "{}", at("10/udp"));
    guard.stop().unwrap();
}

#[test]
fn a_drop_is_told_at_once_and_then_in_sums() {
    let lab = Lab::new().unwrap();
    let events = lab.node.directory().join("drops.jsonl");
    let table = format!("\n[audit]\nevents = \"{}\"\n", events.display());
    let guard = Guard::start(&lab.node, &(site(0) + &table)).unwrap();
    let lines = || -> Vec<Value> {
        let text = std::fs::read_to_string(&events).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
    };
    let of = |kind: &str| {
        let kind = kind.to_owned();
        lines()
            .into_iter()
            .filter(move |line| line["event"] == kind && line["port"] == "514/udp")
            .collect::<Vec<_>>()
    };
    let mut sent = Sent::new();
    send(&lab.stranger, lab.stranger.v4(), lab.node.v4(), 40, &mut sent);
    soon(&guard, "the first drop is told", || of("first").len() == 1);
    let first = &of("first")[0];
    assert_eq!(first["source"], lab.stranger.v4().to_string());
    assert_eq!((packets(&first["packets"]), &first["verdict"]), (1, &Value::from("drop")));
    let total = || -> u64 { of("sum").iter().map(|line| packets(&line["packets"])).sum() };
    soon(&guard, "the rest follows in sums", || total() == 40);
    send(&lab.stranger, lab.stranger.v4(), lab.node.v4(), 2, &mut sent);
    soon(&guard, "and goes on", || total() == 42);
    assert_eq!(of("first").len(), 1, "a kind is news once");
    guard.stop().unwrap();
}

#[test]
fn who_had_it_changed_is_in_the_record_with_what_changed() {
    let lab = Lab::new().unwrap();
    let guard = Guard::start(&lab.node, &site(0)).unwrap();
    std::fs::write(guard.site(), site(1)).unwrap();
    // As after `ssh root@node`: the kernel remembers who logged in.
    let reload = "echo 0 > /proc/self/loginuid && exec \"$0\" reload --runtime-dir \"$1\"";
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", reload]).arg(portguard_tests::lab::binary().unwrap()).arg(guard.directory());
    let output = shell.output().unwrap();
    assert!(output.status.success(), "{}", super::said(&output));
    assert_eq!(guard.status().unwrap()["generation"]["by"], "portguard reload (root)");
    guard.ask(&["drops"]).unwrap();
    let directory = guard.directory().to_owned();
    guard.stop().unwrap();
    let reader = Reader::open(&directory.join("state/audit.db")).unwrap();
    let changes = reader.changes(Span { since: 0, until: u64::from(u32::MAX) }).unwrap();
    let told: Vec<(ChangeKind, &str)> =
        changes.iter().map(|change| (change.kind, change.by.as_str())).collect();
    assert_eq!(
        told,
        [
            (ChangeKind::Start, "start"),
            (ChangeKind::Generation, "start"),
            (ChangeKind::Generation, "portguard reload (root)"),
            (ChangeKind::Detach, "portguard detach"),
            (ChangeKind::Stop, "a signal"),
        ]
    );
    assert_eq!(changes[0].generation, None, "nothing was in force when it began");
    let diff = changes[2].diff.as_deref().unwrap();
    assert!(diff.contains("10.99.0.2") && diff.contains("Newly open"), "{diff}");
}
