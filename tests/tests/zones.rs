//! A node with two guarded interfaces in different zones: which rules hold is decided by where a packet comes in, not by
//! the address that it wants.

use std::{net::IpAddr, time::Duration};

use nix::net::if_::if_nametoindex;
use portguard_tests::lab::{Guard, Lab, Reach, wait_until};
use serde_json::Value;

/// How long the daemon may take to follow what happened.
const SOON: Duration = Duration::from_secs(15);

/// Event Store's internal ports, and its external ones.
const INTERNAL: [u16; 2] = [1112, 2112];
const EXTERNAL: [u16; 2] = [1113, 2113];

/// The peer is a node of the cluster and a client, by either of its addresses.
const SITE: &str = r#"mode = "enforce"
posture = "drop"

[interfaces.eth0]
zone = "back"
[interfaces.eth1]
zone = "front"

[groups]
peer = ["10.88.0.2", "fd88::2", "10.89.0.2", "fd89::2"]

[products.events]
policy = "event-store"
profiles = ["cluster-node"]
[products.events.roles]
nodes = ["peer"]
clients = ["peer"]
admins = []
[products.events.zones]
internal = "back"
external = "front"
"#;

fn assert_reach(lab: &Lab, to: &str, ports: &[u16], reach: Reach) {
    let to: IpAddr = to.parse().expect("an address");
    for &port in ports {
        assert_eq!(lab.peer.connect(to, port).expect("the peer can send"), reach, "{to} port {port}");
    }
}

#[test]
fn internal_ports_are_closed_on_the_external_interface_and_the_other_way_round() {
    let lab = Lab::new().unwrap();
    lab.add_second_network().unwrap();
    let _servers =
        [INTERNAL, EXTERNAL].concat().iter().map(|&port| lab.node.echo(port).unwrap()).collect::<Vec<_>>();
    for address in ["10.88.0.1", "fd88::1", "10.89.0.1", "fd89::1"] {
        assert_reach(&lab, address, &[INTERNAL, EXTERNAL].concat(), Reach::Open);
    }
    let guard = Guard::start(&lab.node, SITE).unwrap();
    for address in ["10.88.0.1", "fd88::1"] {
        assert_reach(&lab, address, &INTERNAL, Reach::Open);
        assert_reach(&lab, address, &EXTERNAL, Reach::Silent);
    }
    for address in ["10.89.0.1", "fd89::1"] {
        assert_reach(&lab, address, &EXTERNAL, Reach::Open);
        assert_reach(&lab, address, &INTERNAL, Reach::Silent);
    }
    guard.stop().unwrap();
}

#[test]
fn the_internal_address_is_no_way_in_through_the_external_interface() {
    let lab = Lab::new().unwrap();
    lab.add_second_network().unwrap();
    let _server = lab.node.echo(INTERNAL[1]).unwrap();
    // The peer sends what is for the node's internal address over the external network.
    lab.peer.ip("route add 10.88.0.1/32 via 10.89.0.1 dev eth1 src 10.89.0.2").expect("ip does it");
    lab.peer.ip("route add fd88::1/128 via fd89::1 dev eth1 src fd89::2").expect("ip does it");
    let internal = ["10.88.0.1", "fd88::1"];
    for address in internal {
        assert_reach(&lab, address, &INTERNAL[1..], Reach::Open);
    }
    let guard = Guard::start(&lab.node, SITE).unwrap();
    for address in internal {
        assert_reach(&lab, address, &INTERNAL[1..], Reach::Silent);
    }
    let counters = guard.counters().unwrap();
    let undocumented =
        counters["reasons"].as_array().unwrap().iter().find(|row| row["reason"] == "undocumented");
    let packets = undocumented.and_then(|row| row["counted"]["packets"].as_u64());
    assert!(
        packets.is_some_and(|packets| packets >= 2),
        "on this interface no rule names the port: {counters}"
    );
    guard.stop().unwrap();
}

/// A bond's program runs in the drivers of its parts, and meets packets as theirs. A bridge has parts in every kernel.
#[test]
fn the_parts_of_a_guarded_interface_are_of_its_zone() {
    let lab = Lab::new().unwrap();
    lab.add_second_network().unwrap();
    let part = |number: u8| {
        lab.node.ip(&format!("link add part{number} type veth peer name far{number}")).unwrap();
        lab.node.ip(&format!("link set part{number} master br0")).unwrap();
        lab.node.within(|| if_nametoindex(&*format!("part{number}")).unwrap()).unwrap()
    };
    lab.node.ip("link add br0 type bridge").unwrap();
    let first = part(1);
    let guard = Guard::start(&lab.node, &SITE.replace("interfaces.eth0", "interfaces.br0")).unwrap();
    let [whole, other] =
        ["br0", "eth1"].map(|name| lab.node.within(|| if_nametoindex(name).unwrap()).unwrap());
    let map = guard.pins().join("generations/1/interfaces").display().to_string();
    let arrival = |interface: u32| {
        let output = lab.node.output(10, "bpftool", &["-j", "map", "dump", "pinned", &map]).unwrap();
        let entries: Value = serde_json::from_slice(&output.stdout).expect("bpftool speaks JSON");
        let entries = entries.as_array().expect("a list").iter().map(|entry| &entry["formatted"]["value"]);
        let found = entries.clone().find(|entry| entry["index"] == interface);
        found.map(|entry| entry["arrival"].as_u64().expect("a number"))
    };
    assert!(arrival(whole).is_some() && arrival(whole) != arrival(other));
    assert_eq!(arrival(first), arrival(whole));
    let later = part(2);
    assert!(wait_until(SOON, || arrival(later) == arrival(whole)), "{}", guard.log());
    guard.stop().unwrap();
}

/// A place in the table of interfaces is one of 64, by their numbers.
#[test]
fn a_line_that_cannot_be_guarded_makes_no_generation_after_the_other() {
    let lab = Lab::new().unwrap();
    lab.add_second_network().unwrap();
    let index = |name: &str| lab.node.within(|| if_nametoindex(name).unwrap()).unwrap();
    let taken = index("eth1") % 64;
    loop {
        lab.node.ip("tuntap add dev tun0 mode tun").unwrap();
        if index("tun0") % 64 == taken {
            break;
        }
        lab.node.ip("tuntap del dev tun0 mode tun").unwrap();
    }
    let guard = Guard::start(&lab.node, &SITE.replace("[interfaces.eth0]", "[interfaces.\"*\"]")).unwrap();
    let told = || guard.status().unwrap()["troubles"].to_string();
    assert!(wait_until(SOON, || told().contains("tun0 is NOT guarded")), "{}", told());
    assert_eq!(guard.status().unwrap()["generation"]["number"], 1, "{}", guard.log());
    guard.stop().unwrap();
}
