//! What `drift` finds of given listeners, in full, and that finding is exit code 1.

mod support;

use std::{net::IpAddr, path::PathBuf};

use insta::{assert_json_snapshot, assert_snapshot};
use portguard::{
    drift::{Bound, Drift, Families, Listener, Process, Silence},
    input::read_site,
    matrix::{Direction, Matrix, PortRange, PortSet, Service, Transport},
};
use support::{directory, portguard};

fn matrix(site: &str) -> Matrix {
    let path: PathBuf = directory().join("sites").join(site);
    read_site(&path).expect("the site holds together").matrix
}

fn compare(matrix: &Matrix, listeners: &[Listener]) -> Drift {
    Drift::new(matrix, listeners, PortRange::new(32_768, 60_999).expect("a range"))
}

fn listener(transport: Transport, address: &str, port: u16, name: &str) -> Listener {
    let address: IpAddr = address.parse().expect("an address");
    let process = (!name.is_empty()).then(|| Process { pid: i32::from(port), name: name.to_owned() });
    Listener { transport, bound: Bound::new(address, Families::Both), port, interface: None, process }
}

fn tcp(address: &str, port: u16, name: &str) -> Listener {
    listener(Transport::Tcp, address, port, name)
}

fn udp(address: &str, port: u16, name: &str) -> Listener {
    listener(Transport::Udp, address, port, name)
}

/// A node that is odd in every way, of a site with two products, DHCP, and SSH by a rule of its own.
fn odd() -> Vec<Listener> {
    vec![
        // As documented.
        tcp("::", 22, "sshd"),
        tcp("10.0.0.1", 8001, "cnm_exec"),
        tcp("127.0.0.1", 8004, "health"),
        tcp("0.0.0.0", 20_007, "redis-server"),
        udp("0.0.0.0", 68, "dhclient"),
        // Nobody names them.
        tcp("0.0.0.0", 6010, "sshd"),
        tcp("::1", 6010, "sshd"),
        tcp("::", 4444, ""),
        udp("10.0.0.1", 161, "snmpd"),
        // Out of the network's reach, and nobody names them.
        tcp("127.0.0.1", 25, "master"),
        Listener { interface: Some("lo".to_owned()), ..udp("0.0.0.0", 323, "chronyd") },
        // Meant for the node itself.
        tcp("0.0.0.0", 8002, "health"),
        tcp("10.0.0.1", 8444, "nginx"),
        // Meant for others; a stock of ports is nobody's in particular.
        tcp("127.0.0.1", 8086, "influxd"),
        tcp("::1", 8086, "influxd"),
        tcp("127.0.0.1", 12_345, "debugger"),
        // A client that waits for answers.
        udp("0.0.0.0", 40_000, "named"),
    ]
}

#[test]
fn every_kind_of_drift_is_told_apart_from_what_is_no_fault() {
    assert_snapshot!(compare(&matrix("both.toml"), &odd()));
}

#[test]
fn drift_as_json_is_complete() {
    assert_json_snapshot!(compare(&matrix("both.toml"), &odd()));
}

#[test]
fn a_rule_that_is_switched_off_is_named_with_its_cause() {
    let drift =
        compare(&matrix("both.toml"), &[udp("0.0.0.0", 8089, "influxd"), udp("::", 25_826, "influxd")]);
    assert_snapshot!(
        drift.undocumented.iter().flat_map(|it| it.switched_off.clone()).collect::<Vec<_>>().join("\n")
    );
}

/// A listener on each documented port, on every address where others are let in and on loopback where nobody is.
fn as_documented(matrix: &Matrix) -> Vec<Listener> {
    let mut listeners = Vec::new();
    for rule in matrix.rules.iter().filter(|rule| rule.direction == Direction::In) {
        let Service::Transport { transport, ports } = &rule.service else { continue };
        let address = if rule.groups().is_empty() { "127.0.0.1" } else { "::" };
        let first_of_each = ports.ranges().iter().flat_map(|range| {
            let few = PortSet::new(vec![*range]).expect("it is not empty");
            few.iter().take(20).collect::<Vec<u16>>()
        });
        listeners.extend(first_of_each.map(|port| listener(*transport, address, port, "product")));
    }
    listeners
}

#[test]
fn a_node_that_listens_as_documented_has_no_drift_whatever_the_products() {
    for site in ["both.toml", "five.toml", "services.toml", "twins.toml"] {
        let matrix = matrix(site);
        let drift = compare(&matrix, &as_documented(&matrix));
        assert!(!drift.is_found(Silence::IsDrift), "{site}:\n{drift}");
    }
}

#[test]
fn one_listener_less_is_drift_unless_silence_is_allowed() {
    let matrix = matrix("both.toml");
    let mut listeners = as_documented(&matrix);
    listeners.retain(|listener| listener.port != 8088);
    let drift = compare(&matrix, &listeners);
    assert!(drift.is_found(Silence::IsDrift) && !drift.is_found(Silence::IsAllowed), "{drift}");
    let silent: Vec<&str> = drift.silent.iter().map(|rule| rule.ports.as_str()).collect();
    assert_eq!(silent, ["8088"]);
}

#[test]
fn a_range_where_nobody_listens_is_one_line_and_one_listener_ends_it() {
    let matrix = matrix("both.toml");
    let lines = |listeners: &[Listener]| {
        let drift = compare(&matrix, listeners);
        drift.silent.iter().filter(|rule| rule.ports.contains("10000")).count()
    };
    assert_eq!(lines(&[]), 1);
    assert_eq!(lines(&[tcp("::", 13_000, "dmcproxy")]), 0);
    assert_eq!(lines(&[udp("::", 13_000, "another")]), 1, "UDP is not TCP");
}

#[test]
fn the_verb_reads_this_machines_sockets() {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = socket.local_addr().expect("it is bound").port();
    let listeners = portguard::sockets::listeners().expect("the kernel tells");
    let ours = listeners.iter().find(|listener| listener.port == port).expect("it is among them");
    assert_eq!(ours.to_string(), "127.0.0.1");
    let pid = i32::try_from(std::process::id()).expect("a process number");
    assert_eq!(ours.process.as_ref().map(|process| process.pid), Some(pid));
    let shown = portguard(&["drift", "--site", "sites/both.toml", "--format", "json"]);
    assert!(shown.starts_with("exit code 1\n"), "no machine runs both products: {shown}");
}

#[test]
fn a_site_with_faults_is_no_drift_but_wrong_input() {
    assert_snapshot!(portguard(&["drift", "--site", "gone.toml"]));
    assert_snapshot!("help", portguard(&["drift", "--help"]));
}
