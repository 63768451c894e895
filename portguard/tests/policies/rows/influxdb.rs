//! InfluxDB Enterprise 1.8: "TCP and UDP ports used in InfluxDB Enterprise".

use super::{Case, Row, tcp, udp};

const POLICY: &str = "influxdb-enterprise";

const CLIENTS: &[&str] = &["clients"];
const NODES: &[&str] = &["data-nodes", "meta-nodes"];

const DATA: [Row; 2] = [tcp(15, 8086, CLIENTS), tcp(25, 8088, NODES)];
const META: [Row; 2] =
    [tcp(41, 8089, &["meta-nodes"]), tcp(49, 8091, &["data-nodes", "meta-nodes", "chronograf"])];
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
    ];
    let on = "graphite = true, opentsdb = true, udp = true, collectd = true";
    let ports = "http_port = 9086, rpc_port = 9088, graphite_port = 9003, opentsdb_port = 9242, udp_port = 9089, collectd_port = 25827";
    vec![
        Case::new(POLICY, "as documented", "", [DATA, META].concat()),
        Case::new(POLICY, "a meta node", "profiles = [\"meta-node\"]", META.to_vec()),
        Case::new(
            POLICY,
            "every service on",
            &format!("parameters = {{ {on} }}"),
            [&DATA[..], &META, &SERVICES].concat(),
        ),
        Case::new(
            POLICY,
            "a data node with every service on and moved",
            &format!("profiles = [\"data-node\"]\nparameters = {{ {on}, {ports} }}"),
            moved,
        ),
    ]
}
