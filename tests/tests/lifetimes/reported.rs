//! The report and the suggestions of a node that is guarded: by its daemon, and by its record alone.

use std::process::Output;

use portguard_tests::{
    demo::SITE,
    lab::{Guard, Lab, ask},
};
use serde_json::Value;

use super::{UNNAMED, soon};

/// A verb's answer, asked where the node's own addresses are.
fn answer(lab: &Lab, guard: &Guard, verb: &str) -> Value {
    let state = guard.directory().join("state");
    let state = state.to_str().expect("it is UTF-8");
    let asked =
        lab.node.within(|| guard.ask(&[verb, "--since", "2h", "--format", "json", "--state-dir", state]));
    let output: Output = asked.expect("the host is there").expect("the binary runs");
    assert!(output.status.success(), "{}", super::said(&output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Packets that were dropped at an undocumented port, by its counter.
fn counted(guard: &Guard, port: &str) -> u64 {
    let counters = guard.counters().expect("the daemon answers");
    let ports = counters["undocumented"].as_array().expect("a list");
    let row = ports.iter().find(|row| row["port"] == port);
    row.and_then(|row| row["dropped"]["packets"].as_u64()).unwrap_or(0)
}

#[test]
fn a_report_says_what_the_daemon_enforces_and_what_the_kernel_counted_to_the_packet() {
    let lab = Lab::new().unwrap();
    let guard = Guard::start(&lab.node, SITE).unwrap();
    let (from, to) = (lab.stranger.v4(), lab.node.v4());
    lab.stranger
        .within(|| {
            let socket = std::net::UdpSocket::bind((from, 0)).expect("a free port");
            (0..40).for_each(|_| assert_eq!(socket.send_to(b"x", (to, UNNAMED)).expect("it is sent"), 1));
        })
        .unwrap();
    let port = format!("{UNNAMED}/udp");
    // On a busy machine a datagram may still be on its way when it was sent.
    soon(&guard, "all of them are counted", || counted(&guard, &port) == 40);
    let report = answer(&lab, &guard, "report");
    assert_eq!(report["in_force"]["witness"], "daemon");
    assert_eq!(report["in_force"]["generation"]["digest"], report["accepts"]["digest"]);
    assert_eq!(report["accepts"]["proof"], "same", "the rules that it shows are those that are enforced");
    assert_eq!(report["accepts"]["origin"]["kind"], "kept");
    let of_port = |port: &str| {
        let ports = report["undocumented"].as_array().expect("a list");
        ports.iter().find(|row| row["port"] == port).cloned().unwrap_or_default()
    };
    assert_eq!(of_port(&port)["dropped"], 40);
    let points = report["series"]["points"].as_array().expect("a list");
    let dropped: u64 = points.iter().filter_map(|point| point["dropped"].as_u64()).sum();
    assert_eq!(report["totals"]["dropped"]["packets"], dropped);

    let suggested = answer(&lab, &guard, "suggest");
    assert_eq!(suggested["rules"][0]["ports"][0], port.as_str());
    assert_eq!(suggested["rules"][0]["group"]["addresses"][0], format!("{from}/32"));

    let directory = guard.directory().to_owned();
    guard.stop().unwrap();
    let state = directory.join("state");
    let alone = ask(
        &directory,
        &["report", "--since", "2h", "--format", "json", "--state-dir", state.to_str().expect("it is UTF-8")],
    );
    let alone: Value = serde_json::from_slice(&alone.unwrap().stdout).expect("JSON");
    assert_eq!(alone["totals"]["dropped"], report["totals"]["dropped"], "the record has it without a daemon");
    assert_ne!(alone["in_force"]["witness"], "daemon");
}
