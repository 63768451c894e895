//! InfluxDB Enterprise 1.8: "TCP and UDP ports used in InfluxDB Enterprise".

use super::{Case, Row, tcp, udp};

const POLICY: &str = "influxdb-enterprise";

const CLIENTS: &[&str] = &["clients"];
const NODES: &[&str] = &["data-nodes", "meta-nodes"];

const DATA: [Row; 2] = [tcp(15, 8086, CLIENTS), tcp(25, 8088, NODES)];
const META: [Row; 2] =
    [tcp(41, 8089, &["meta-nodes"]), tcp(49, 8091, &["data-nodes", "meta-nodes", "chronograf"])];

/// What a data node asks of meta nodes.
fn asks_meta() -> Row {
    tcp(49, 8091, &["meta-nodes"]).outbound()
}

/// What a meta node asks of data nodes.
fn asks_data() -> Row {
    tcp(30, 8088, &["data-nodes"]).outbound()
}

const SERVICES: [Row; 5] = [
    tcp(61, 2003, &["graphite-writers"]),
    udp(61, 2003, &["graphite-writers"]),
    tcp(69, 4242, &["opentsdb-writers"]),
    udp(77, 8089, &["udp-writers"]),
    udp(85, 25_826, &["collectd-writers"]),
];

pub(super) fn cases() -> Vec<Case> {
    let moved = vec![
        tcp(15, 9086, CLIENTS),
        tcp(25, 9088, NODES),
        tcp(61, 9003, &["graphite-writers"]),
        udp(61, 9003, &["graphite-writers"]),
        tcp(69, 9242, &["opentsdb-writers"]),
        udp(77, 9089, &["udp-writers"]),
        udp(85, 25_827, &["collectd-writers"]),
        asks_meta(),
    ];
    let asks = [asks_meta(), asks_data()];
    let on = "graphite = true, opentsdb = true, udp = true, collectd = true";
    let ports = "http_port = 9086, rpc_port = 9088, graphite_port = 9003, opentsdb_port = 9242, udp_port = 9089, collectd_port = 25827";
    vec![
        Case::new(POLICY, "as documented", "", [DATA, META, asks].concat()),
        Case::new(POLICY, "a meta node", "profiles = [\"meta-node\"]", [&META[..], &asks[1..]].concat()),
        Case::new(
            POLICY,
            "every service on",
            &format!("parameters = {{ {on} }}"),
            [&DATA[..], &META, &SERVICES, &asks].concat(),
        ),
        Case::new(
            POLICY,
            "a data node with every service on and moved",
            &format!("profiles = [\"data-node\"]\nparameters = {{ {on}, {ports} }}"),
            moved,
        ),
    ]
}
