//! What outlives what: the filter its daemon, the counts their generation, the generation a file that is broken.

mod confirm;
mod counts;
mod hardship;
mod interfaces;
mod pins;
mod privileges;
mod record;
mod reload;
mod reported;
mod signals;
mod storm;
mod watch;

use std::{
    net::{IpAddr, TcpListener, UdpSocket},
    process::Output,
    time::Duration,
};

use portguard_tests::lab::{Guard, Host, Lab, Reach, wait_until};
use serde_json::Value;

/// InfluxDB's port for clients, which the stranger is none of.
const CLIENTS: u16 = 8086;
/// A port that no rule names, where nobody listens.
const UNNAMED: u16 = 9;

/// How long the daemon may take to follow what happened.
const SOON: Duration = Duration::from_secs(15);

/// Listens on the node's `ports`, both families, as long as the sockets are held.
fn listen(host: &Host, ports: &[u16]) -> Vec<TcpListener> {
    let listen = |port: &u16| TcpListener::bind(("::", *port)).expect("the port is free in the lab");
    host.within(|| ports.iter().map(listen).collect()).expect("the host is there")
}

/// Whether the client is let in to its port and the stranger is not.
fn is_guarded(lab: &Lab) -> bool {
    let reach = |host: &Host| host.connect(lab.node.v4(), CLIENTS).expect("the lab stands");
    (reach(&lab.client), reach(&lab.stranger)) == (Reach::Open, Reach::Silent)
}

/// Sends `count` datagrams to a port that drops them.
fn send(from: &Host, to: IpAddr, count: usize) {
    let sent = from.within(|| {
        let socket = UdpSocket::bind(("0.0.0.0", 0)).expect("a free port");
        (0..count).filter(|_| socket.send_to(b"x", (to, UNNAMED)).is_ok()).count()
    });
    assert_eq!(sent.expect("the host is there"), count);
}

/// How many datagrams to that port were counted.
fn counted(guard: &Guard) -> u64 {
    let counters = guard.counters().expect("the daemon answers");
    let reasons = counters["reasons"].as_array().expect("a list");
    let row = reasons.iter().find(|row| row["reason"] == "no_socket");
    row.and_then(|row| row["counted"]["packets"].as_u64()).unwrap_or(0)
}

/// The number of the generation in force.
fn generation(guard: &Guard) -> u64 {
    let status = guard.status().expect("the daemon answers");
    status["generation"]["number"].as_u64().unwrap_or_else(|| panic!("a generation enforces: {status}"))
}

/// What the status has to tell.
fn troubles(guard: &Guard) -> Vec<String> {
    let status = guard.status().expect("the daemon answers");
    let says = |trouble: &Value| trouble["says"].as_str().expect("a text").to_owned();
    status["troubles"].as_array().expect("a list").iter().map(says).collect()
}

/// The interfaces that are guarded.
fn guarded(guard: &Guard) -> Vec<String> {
    let status = guard.status().expect("the daemon answers");
    let name = |interface: &Value| interface["name"].as_str().expect("a text").to_owned();
    status["interfaces"].as_array().expect("a list").iter().map(name).collect()
}

/// Waits until `what` holds.
fn soon(guard: &Guard, says: &str, what: impl FnMut() -> bool) {
    assert!(wait_until(SOON, what), "{says}; the log: {}", guard.log());
}

fn succeeds(host: &Host, program: &str, arguments: &[&str]) -> String {
    let output = host.output(5, program, arguments).expect("it is installed");
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// What `ip link` says about the node's interfaces.
fn link(host: &Host) -> String {
    succeeds(host, "ip", &["-details", "link", "show"])
}
