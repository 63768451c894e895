//! A node that is a router, too: what it sends on to others is none of its rules' business, unless the site wants that.

use std::{fs, net::IpAddr, thread, time::Duration};

use portguard::{export::nft::ruleset, input::read_site};
use portguard_tests::lab::{Guard, Host, Knock, Lab, Probe, wait_until};

/// How long the daemon may take to follow what happened.
const SOON: Duration = Duration::from_secs(15);

/// As long as the daemon's looks at the node are apart, and a little more.
const ROUND: Duration = Duration::from_millis(2500);

/// The peer's addresses in a network behind the node.
const BEHIND: [&str; 2] = ["10.89.0.2", "fd89::2"];
/// The node's own, in either network.
const OWN: [&str; 4] = ["10.88.0.1", "fd88::1", "10.89.0.1", "fd89::1"];
/// The port that the site's rule opens to the client.
const OPENED: Knock = Knock::Tcp(8086);
/// What no rule names, and that.
const CLOSED: [Knock; 4] = [OPENED, Knock::Tcp(4000), Knock::Udp(4000), Knock::Ping];

const SITE: &str = r#"mode = "enforce"
posture = "drop"

[interfaces.eth0]

[groups]
clients = ["10.88.0.3", "fd88::3"]

[[rules]]
name = "queries"
ports = ["8086/tcp"]
from = ["clients"]
description = "the database's clients"
"#;

fn forward(host: &Host, on: bool) {
    let value = if on { "1" } else { "0" };
    let set = || {
        ["ipv4/ip_forward", "ipv6/conf/all/forwarding"]
            .map(|setting| fs::write(format!("/proc/sys/net/{setting}"), value))
    };
    for written in host.within(set).expect("the host is there") {
        written.expect("root of the namespace");
    }
}

/// A network behind the node, with the peer in it, to which the stranger's and the client's packets go through the node and back.
fn connect_behind(lab: &Lab) {
    lab.add_second_network().expect("ip does it");
    for host in [&lab.client, &lab.stranger] {
        host.ip("route add 10.89.0.0/24 via 10.88.0.1").expect("ip does it");
        host.ip("route add fd89::/64 via fd88::1").expect("ip does it");
        let (v4, v6) = (host.v4(), host.v6());
        lab.peer.ip(&format!("route add {v4}/32 via 10.89.0.1 dev eth1")).expect("ip does it");
        lab.peer.ip(&format!("route add {v6}/128 via fd89::1 dev eth1")).expect("ip does it");
    }
    forward(&lab.node, true);
}

/// Those of `knocks` at each of `to` that are answered, by hosts on which nothing listens.
fn answered(host: &Host, to: &[&str], knocks: &[Knock]) -> Vec<Probe> {
    let to = to.iter().map(|to| to.parse::<IpAddr>().expect("an address"));
    let probes =
        to.flat_map(|to| knocks.iter().map(move |&what| Probe { from: host.address_like(to), to, what }));
    let probes: Vec<Probe> = probes.collect();
    let answered = host.knock(&probes).expect("the host can knock");
    std::iter::zip(probes, answered).filter_map(|(probe, answered)| answered.then_some(probe)).collect()
}

/// Whether all that the stranger sends to the peer behind the node arrives there, or nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Behind {
    Open,
    Closed,
}

fn behind(lab: &Lab) -> Option<Behind> {
    match answered(&lab.stranger, &BEHIND, &CLOSED).len() {
        0 => Some(Behind::Closed),
        all if all == BEHIND.len() * CLOSED.len() => Some(Behind::Open),
        _ => None,
    }
}

fn assert_node_is_closed(lab: &Lab) {
    assert_eq!(answered(&lab.stranger, &OWN, &CLOSED), [], "the node's own addresses follow the rules");
}

fn counted(guard: &Guard) -> u64 {
    let counters = guard.counters().expect("the daemon answers");
    let rows = counters["reasons"].as_array().expect("they are rows");
    let row = rows.iter().find(|row| row["reason"] == "transit");
    row.and_then(|row| row["counted"]["packets"].as_u64()).unwrap_or(0)
}

/// The lab with a network behind the node, and nothing in the way. It takes a moment until interfaces' own addresses may be used to find
/// neighbours.
fn lab() -> Lab {
    let lab = Lab::new().expect("the lab is made");
    connect_behind(&lab);
    assert!(wait_until(SOON, || behind(&lab) == Some(Behind::Open)), "nothing is in the way");
    lab
}

fn dropping() -> String {
    format!("transit = \"drop\"\n{SITE}")
}

#[test]
fn what_is_for_hosts_behind_the_node_passes_as_long_as_it_is_a_router_and_the_site_does_not_object() {
    let lab = lab();
    let guard = Guard::start(&lab.node, SITE).unwrap();
    assert_eq!(behind(&lab), Some(Behind::Open), "it is the peer's business");
    assert_node_is_closed(&lab);
    assert!(counted(&guard) >= 8, "{}", guard.counters().unwrap());

    let number = |guard: &Guard| guard.status().unwrap()["generation"]["number"].as_u64().unwrap();
    let before = number(&guard);
    let guard = guard.restart().unwrap();
    lab.node.ip("link set eth0 name lan0").unwrap();
    thread::sleep(ROUND);
    assert_eq!(behind(&lab), Some(Behind::Open), "a name matters to nobody: {}", guard.log());
    assert_node_is_closed(&lab);
    lab.node.ip("link set lan0 name eth0").unwrap();
    assert_eq!(number(&guard), before, "{}", guard.log());

    forward(&lab.node, false);
    // By whatever the daemon has heard of first: addresses change with it, too.
    assert!(
        wait_until(SOON, || number(&guard) > before),
        "the program does not ask any more: {}",
        guard.log()
    );
    assert_eq!(behind(&lab), Some(Behind::Closed), "nobody sends it on");
    assert_node_is_closed(&lab);
    forward(&lab.node, true);
    assert!(wait_until(SOON, || behind(&lab) == Some(Behind::Open)), "it is a router again: {}", guard.log());

    let reloaded = guard.reload(&dropping()).unwrap();
    assert!(reloaded.status.success(), "{}", String::from_utf8_lossy(&reloaded.stderr));
    let before = counted(&guard);
    assert_eq!(behind(&lab), Some(Behind::Closed), "the site's rules hold behind the node, too");
    assert_eq!(counted(&guard), before);
    assert_eq!(answered(&lab.client, &BEHIND, &[OPENED]).len(), BEHIND.len(), "a rule admits the client");
    assert_node_is_closed(&lab);
    guard.stop().unwrap();
}

#[test]
fn as_rules_of_nftables_the_same_site_has_the_same_verdicts() {
    let lab = lab();
    for (site, expected) in [(SITE.to_owned(), Behind::Open), (dropping(), Behind::Closed)] {
        let file = lab.node.directory().join("site.toml");
        fs::write(&file, site).unwrap();
        let matrix = read_site(&file).unwrap_or_else(|error| panic!("{error:?}")).matrix;
        let rules = lab.node.directory().join("portguard.nft");
        fs::write(&rules, ruleset(&matrix).unwrap()).unwrap();
        let loaded = lab.node.output(10, "nft", &["--file", &rules.display().to_string()]).unwrap();
        assert!(loaded.status.success(), "{}", String::from_utf8_lossy(&loaded.stderr));
        assert_eq!(behind(&lab), Some(expected));
        assert_eq!(answered(&lab.client, &BEHIND, &[OPENED]).len(), BEHIND.len(), "a rule admits the client");
        assert_node_is_closed(&lab);
    }
}
