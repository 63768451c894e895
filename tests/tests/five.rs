//! All five built-in products on one node, from the first load to the last detach. `cargo xtask kernels` runs this on
//! the kernels that PortGuard is said to work on.

use std::net::TcpListener;

use nix::sys::signal::Signal;
use portguard_tests::lab::{Guard, Host, Lab, Reach};

/// The peer is the cluster, the client an application; the other interface is the network of Event Store's clients.
const SITE: &str = r#"mode = "enforce"
posture = "drop"

[interfaces.eth0]
zone = "back"
[interfaces.eth1]
zone = "front"

[groups]
cluster = ["10.88.0.2", "fd88::2"]
apps = ["10.88.0.3", "fd88::3"]

[products.metrics]
policy = "influxdb-enterprise"
roles = { clients = ["apps"], data-nodes = ["cluster"], meta-nodes = ["cluster"], chronograf = [] }

[products.cache]
policy = "redis-enterprise"
roles = { internal = ["cluster"], external = ["apps"], active-active = [] }

[products.search]
policy = "thoughtspot"
parameters = { dynamic_ports = "32768-60999", support_access = false, ipmi = false, mail = "secure-smtp" }
roles = { nodes = ["cluster"], admins = [], users = ["apps"], mail-relay = ["apps"] }

[products.events]
policy = "event-store"
profiles = ["cluster-node"]
roles = { nodes = ["cluster"], clients = ["apps"], admins = [] }
zones = { internal = "back", external = "front" }

[products.devices]
policy = "wso2"
profiles = ["iot-core"]
parameters = { offset = 10, clustering = "wka" }
roles = { members = ["cluster"], servers = ["cluster"], admins = [], portal-users = ["apps"], clients = [], messaging-clients = ["apps"], google-push = [] }
"#;

/// A port of each product, by who may reach it: InfluxDB, Redis and WSO2 (9763, moved by 10) for applications;
/// ThoughtSpot and Event Store for the cluster.
const APPS: [u16; 3] = [8086, 12_000, 9773];
const CLUSTER: [u16; 2] = [2181, 1112];

/// Listens on the node's `ports`, both families, as long as the sockets are held.
fn listen(host: &Host) -> Vec<TcpListener> {
    let listen = |port: &u16| TcpListener::bind(("::", *port)).expect("the port is free in the lab");
    host.within(|| [&APPS[..], &CLUSTER].concat().iter().map(listen).collect()).expect("the host is there")
}

/// Holds who reaches what against the documents: an admitted packet passes, a forbidden one drops.
fn assert_as_documented(lab: &Lab, when: &str) {
    let reach = |from: &Host, to: &u16, v6: bool| {
        from.connect(if v6 { lab.node.v6() } else { lab.node.v4() }, *to).expect("the lab stands")
    };
    for v6 in [false, true] {
        for port in &APPS {
            assert_eq!(reach(&lab.client, port, v6), Reach::Open, "{when}: the client to {port}");
            assert_eq!(reach(&lab.stranger, port, v6), Reach::Silent, "{when}: the stranger to {port}");
        }
        for port in &CLUSTER {
            assert_eq!(reach(&lab.peer, port, v6), Reach::Open, "{when}: the peer to {port}");
            assert_eq!(reach(&lab.client, port, v6), Reach::Silent, "{when}: the client to {port}");
        }
    }
}

/// The kernel's number for the program that enforces, as the node's interface has it.
fn program(lab: &Lab) -> String {
    let shown = lab.node.output(10, "ip", &["-json", "link", "show", "eth0"]).expect("ip is there");
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).expect("ip speaks JSON");
    shown[0]["xdp"]["prog"]["id"].to_string()
}

#[test]
fn five_products_are_guarded_over_a_kill_a_restart_and_a_reload_until_detach() {
    let lab = Lab::new().unwrap();
    let front = ["link", "add", "eth1", "type", "veth", "peer", "name", "far"];
    assert!(lab.node.output(10, "ip", &front).unwrap().status.success());
    let _sockets = listen(&lab.node);
    let guard = Guard::start(&lab.node, SITE).unwrap();
    assert_as_documented(&lab, "at first");
    let first = program(&lab);

    let directory = guard.directory().to_owned();
    // Which is a kill -9.
    drop(guard);
    assert_as_documented(&lab, "after kill -9");
    assert_eq!(program(&lab), first);
    let guard = Guard::again(&lab.node, &directory).unwrap();
    assert_eq!(program(&lab), first, "a restart adopts what enforces: {}", guard.log());
    assert_as_documented(&lab, "after the restart");

    let nobody = SITE.replace("apps = [\"10.88.0.3\", \"fd88::3\"]", "apps = []");
    let output = guard.reload(&nobody).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_ne!(program(&lab), first, "a reload puts another program in its place");
    assert_eq!(
        lab.client.connect(lab.node.v4(), APPS[0]).unwrap(),
        Reach::Silent,
        "it is no application now"
    );
    assert_eq!(lab.peer.connect(lab.node.v4(), CLUSTER[0]).unwrap(), Reach::Open, "the cluster goes on");

    assert!(guard.ask(&["detach"]).unwrap().status.success());
    assert_eq!(lab.stranger.connect(lab.node.v4(), APPS[0]).unwrap(), Reach::Open, "detach opens the node");
    assert_eq!(program(&lab), "null", "and nothing is on the interface");
    guard.end(Signal::SIGTERM).unwrap();
}
