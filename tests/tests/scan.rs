//! What a scanner sees of a guarded node: all 65,535 TCP ports and the documents' UDP ports, from each host, over each
//! address family by itself.
//!
//! Nothing listens on the node, so what comes through is answered with a reset or an unreachable port.

use std::{
    fs,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
};

use portguard::matrix::{PortRange, PortSet};
use portguard_tests::{
    demo::SITE,
    lab::{Guard, Host, Lab},
};

/// UDP ports that the documents name, switched off or not, and neighbours.
const UDP_PORTS: &str = "52-54,2003,5352-5354,8089,25826";

/// The ports that `nmap` with these options had an answer from, as one writes them; empty for none.
fn seen(from: &Host, target: &str, options: &[&str]) -> String {
    let family = if target.contains(':') { &["-6"][..] } else { &[] };
    let arguments = [&["-Pn", "-n", "-oX", "-"], options, family, &[target]].concat();
    let output = from.output(240, "nmap", &arguments).expect("nmap starts");
    let text = String::from_utf8(output.stdout).expect("XML is UTF-8");
    assert!(output.status.success(), "nmap: {}", String::from_utf8_lossy(&output.stderr));
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..roxmltree::ParsingOptions::default() };
    let document = roxmltree::Document::parse_with_options(&text, options).expect("nmap writes XML");
    let ranges = document.descendants().filter_map(answered).flat_map(ranges).collect();
    PortSet::new(ranges).map(|ports| ports.to_string()).unwrap_or_default()
}

/// The ports of a `port` element or of an `extrareasons` element, which sums up many; `None` where no answer came.
fn answered<'a>(node: roxmltree::Node<'a, 'a>) -> Option<&'a str> {
    let (state, ports) = match node.tag_name().name() {
        "port" => {
            let state = node.children().find(|child| child.has_tag_name("state"))?;
            (state.attribute("state")?, node.attribute("portid")?)
        }
        "extrareasons" => (node.parent()?.attribute("state")?, node.attribute("ports")?),
        _ => return None,
    };
    (!state.contains("filtered")).then_some(ports)
}

/// `8086` or `8088-8089`, separated by commas.
fn ranges(ports: &str) -> impl Iterator<Item = PortRange> {
    ports.split(',').map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let port = |text: &str| text.parse().expect("nmap writes ports as numbers");
        PortRange::new(port(first), port(last)).expect("nmap writes ranges in order")
    })
}

/// Scans TCP ports quickly. What a burst loses is sent again twice.
fn tcp(from: &Host, target: &str, ports: &str) -> String {
    seen(from, target, &["-sS", "-p", ports, "-T4", "--max-retries", "2", "--min-rate", "10000"])
}

/// Scans from each host over each family, side by side, and compares with what is expected of the host.
fn check(lab: &Lab, scan: impl Fn(&Host, &str) -> String + Sync, expected: &[(&Host, &str)]) {
    let Lab { node, .. } = lab;
    thread::scope(|scope| {
        for &(from, expected) in expected {
            for target in [node.v4().to_string(), node.v6().to_string()] {
                let scan = &scan;
                scope.spawn(move || assert_eq!(scan(from, &target), expected, "{} to {target}", from.name()));
            }
        }
    });
}

#[test]
fn each_host_sees_the_tcp_ports_of_its_roles_and_no_other() {
    let _alone = alone();
    let lab = Lab::new().unwrap();
    let guard = Guard::start(&lab.node, SITE).unwrap();
    let cluster = "1968, 3333-3341, 3343-3344, 8001, 8070-8071, 8080, 8088-8089, 8091, 8443, 9081, 9443, \
                   10000-29999, 36379-36380";
    let clients = "8001, 8070-8071, 8080, 8086, 8443, 9443, 10000-19999";
    let scan = |from: &Host, target: &str| tcp(from, target, "1-65535");
    check(&lab, scan, &[(&lab.peer, cluster), (&lab.client, clients), (&lab.stranger, "")]);
    guard.stop().unwrap();
}

#[test]
fn each_host_sees_the_udp_ports_of_its_roles_and_no_other() {
    let _alone = alone();
    let lab = Lab::new().unwrap();
    lab.node
        .within(|| {
            // A node says once in a second that a port is unreachable, unless it is told otherwise.
            for limit in ["ipv4/icmp_ratelimit", "ipv6/icmp/ratelimit"] {
                fs::write(format!("/proc/sys/net/{limit}"), "0").expect("root of the namespace");
            }
        })
        .unwrap();
    let guard = Guard::start(&lab.node, SITE).unwrap();
    let scan =
        |from: &Host, target: &str| seen(from, target, &["-sU", "-p", UDP_PORTS, "--max-retries", "2"]);
    check(&lab, scan, &[(&lab.peer, "53, 5353"), (&lab.client, "53, 5353"), (&lab.stranger, "")]);
    guard.stop().unwrap();
}

#[test]
fn a_stranger_sees_what_the_site_opens_to_all_and_no_more() {
    let _alone = alone();
    let lab = Lab::new().unwrap();
    let site = SITE.replace(r#"clients = ["clients"]"#, r#"clients = ["any"]"#);
    let guard = Guard::start(&lab.node, &site).unwrap();
    let scan = |from: &Host, target: &str| tcp(from, target, "8000-13000");
    check(&lab, scan, &[(&lab.stranger, "8086")]);
    guard.stop().unwrap();
}

#[test]
fn without_portguard_all_ports_are_seen() {
    // What the other tests miss is missing because of PortGuard.
    let _alone = alone();
    let lab = Lab::new().unwrap();
    let scan = |from: &Host, target: &str| tcp(from, target, "8000-9000");
    let all = "8000-9000";
    check(&lab, scan, &[(&lab.peer, all), (&lab.client, all), (&lab.stranger, all)]);
}

/// Held by the one test that scans: a scanner that must share the machine with too many others misses answers.
fn alone() -> MutexGuard<'static, ()> {
    static SCANNER: Mutex<()> = Mutex::new(());
    SCANNER.lock().unwrap_or_else(PoisonError::into_inner)
}
