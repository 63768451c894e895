//! Failsafe groups among real peers: a member reaches all of the node, whatever the documents say, as long as it is a member; a
//! packet that it cannot have sent is dropped all the same.

use std::{
    io::{Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use portguard_tests::{
    demo::SITE,
    lab::{Guard, Knock, Lab, Probe, Reach, wait_until},
};
use serde_json::Value;
use socket2::{Domain, Socket, Type};

/// InfluxDB's port for clients, which the stranger is none of.
const CLIENTS: u16 = 8086;
/// A port that no document names.
const UNNAMED: u16 = 9100;

/// The stranger is the administrator.
fn site() -> String {
    let site = SITE.replace("posture = \"drop\"", "posture = \"drop\"\nfailsafe = [\"admins\"]");
    site.replace("[groups]", "[groups]\nadmins = [\"10.88.0.4\", \"fd88::4\"]")
}

/// The packets of a row of `counters`.
fn packets(guard: &Guard, list: &str, key: &str, name: &str) -> u64 {
    let counters = guard.counters().expect("the daemon answers");
    let row = counters[list].as_array().expect("a list").iter().find(|row| row[key] == name).cloned();
    let sum = |row: &Value| match row["rules"].as_array() {
        Some(rules) => rules.iter().filter_map(|rule| rule["passed"]["packets"].as_u64()).sum(),
        None => row["counted"]["packets"].as_u64().unwrap_or(0),
    };
    row.as_ref().map_or(0, sum)
}

/// What is tried from a host: documented for others or not, of every protocol.
fn knocks() -> [Knock; 7] {
    let sctp = Knock::Protocol(132, [0x80, 0, 0x8e, 0x3c]);
    [
        Knock::Tcp(CLIENTS),
        Knock::Tcp(UNNAMED),
        Knock::Udp(53),
        Knock::Udp(UNNAMED),
        Knock::Ping,
        sctp,
        Knock::Protocol(112, [0; 4]),
    ]
}

#[test]
fn a_member_reaches_what_nobody_else_does_and_is_counted_there() {
    let dropping = site();
    let passing = dropping.replace("posture = \"drop\"", "posture = \"pass\"");
    for site in [dropping, passing] {
        // A lab each, since a node soon stops telling one and the same host that nobody listens.
        let lab = Lab::new().unwrap();
        let guard = Guard::start(&lab.node, &site).unwrap();
        for to in [lab.node.v4(), lab.node.v6()] {
            let from = lab.stranger.address_like(to);
            let probes = knocks().map(|what| Probe { from, to, what });
            assert_eq!(lab.stranger.knock(&probes).unwrap(), [true; 7], "{from} with {site}");
        }
        for port in ["8086/tcp", "53/udp", "other"] {
            assert!(packets(&guard, "ports", "port", port) >= 2, "{port}: {}", guard.counters().unwrap());
        }
        guard.stop().unwrap();
    }
}

#[test]
fn nobody_else_gains_anything() {
    let lab = Lab::new().unwrap();
    let guard = Guard::start(&lab.node, &site()).unwrap();
    for to in [lab.node.v4(), lab.node.v6()] {
        let probes = knocks().map(|what| Probe { from: lab.client.address_like(to), to, what });
        assert_eq!(lab.client.knock(&probes).unwrap(), [true, false, true, false, false, false, false]);
    }
    guard.stop().unwrap();
}

#[test]
fn who_is_taken_out_of_the_group_loses_it_with_the_next_packet() {
    let lab = Lab::new().unwrap();
    let address = lab.node.v4();
    let listener = lab.node.within(|| TcpListener::bind((address, UNNAMED))).unwrap().unwrap();
    let guard = Guard::start(&lab.node, &site()).unwrap();
    let to = SocketAddr::new(address, UNNAMED);
    let theirs =
        lab.stranger.within(|| TcpStream::connect_timeout(&to, Duration::from_secs(2))).unwrap().unwrap();
    let (ours, _) = listener.accept().unwrap();
    ours.set_read_timeout(Some(Duration::from_millis(700))).unwrap();
    let arrives = || {
        (&theirs).write_all(b"x").unwrap();
        (&ours).read_exact(&mut [0]).is_ok()
    };
    assert!(arrives());
    // An empty group admits nobody, and the others go on.
    let empty = site().replace("admins = [\"10.88.0.4\", \"fd88::4\"]", "admins = []");
    assert_ne!(empty, site());
    assert!(guard.reload(&empty).unwrap().status.success());
    assert!(!arrives(), "its open connection is cut off");
    assert_eq!(lab.stranger.connect(address, UNNAMED).unwrap(), Reach::Silent);
    assert!(guard.reload(&site()).unwrap().status.success());
    assert_eq!(lab.stranger.connect(address, UNNAMED).unwrap(), Reach::Open);
    guard.stop().unwrap();
}

#[test]
fn what_a_member_cannot_have_sent_drops() {
    let lab = Lab::new().unwrap();
    let own = Ipv4Addr::new(10, 88, 0, 1);
    // Somebody has put the node itself into the group.
    let site = site().replace("\"10.88.0.4\",", "\"10.88.0.4\", \"10.88.0.1\",");
    let guard = Guard::start(&lab.node, &site).unwrap();
    assert_eq!(packets(&guard, "reasons", "reason", "martian"), 0);
    let sent = lab.stranger.within(|| {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
        socket.set_ip_transparent_v4(true)?;
        socket.bind(&SocketAddr::new(IpAddr::V4(own), 40_000).into())?;
        socket.send_to(b"x", &SocketAddr::new(IpAddr::V4(own), UNNAMED).into())
    });
    assert_eq!(sent.unwrap().unwrap(), 1);
    let told = || packets(&guard, "reasons", "reason", "martian") == 1;
    assert!(wait_until(Duration::from_secs(5), told), "{}", guard.counters().unwrap());
    guard.stop().unwrap();
}
