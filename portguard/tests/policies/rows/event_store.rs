//! Event Store 4.0.2: "Ports and networking". The internal ports have no number in the document; these are the
//! product's defaults.

use super::{Case, Row, tcp};

const POLICY: &str = "event-store";

const INTERNAL: &str = "internal";
const EXTERNAL: &str = "external";
const ZONES: &[&str] = &[INTERNAL, EXTERNAL];

const CLIENTS: &[&str] = &["clients"];
const NODES: &[&str] = &["nodes"];
const ADMINS: &[&str] = &["admins"];

fn case(name: &str, settings: &str, rows: &[Row]) -> Case {
    Case { zones: ZONES, ..Case::new(POLICY, name, settings, rows.to_vec()) }
}

pub(super) fn cases() -> Vec<Case> {
    let client = [
        tcp(9, 2113, CLIENTS).on(EXTERNAL),
        tcp(11, 2113, CLIENTS).on(EXTERNAL),
        tcp(9, 1113, CLIENTS).on(EXTERNAL),
    ];
    let management = [tcp(9, 2113, ADMINS).on(EXTERNAL)];
    let gossip = [tcp(21, 2113, NODES).on(EXTERNAL)];
    let cluster = [tcp(25, 2112, NODES).on(INTERNAL), tcp(25, 1112, NODES).on(INTERNAL)];
    let internal_management = [tcp(21, 2112, ADMINS).on(INTERNAL)];
    let moved = [
        tcp(9, 8113, CLIENTS).on(EXTERNAL),
        tcp(9, 7113, CLIENTS).on(EXTERNAL),
        tcp(9, 8113, ADMINS).on(EXTERNAL),
        tcp(21, 8113, NODES).on(EXTERNAL),
        tcp(25, 8112, NODES).on(INTERNAL),
        tcp(25, 7112, NODES).on(INTERNAL),
    ];
    let ports = "external_http_port = 8113, external_tcp_port = 7113, internal_http_port = 8112, internal_tcp_port = 7112";
    let of_cluster =
        |parameters: &str| format!("profiles = [\"cluster-node\"]\nparameters = {{ {parameters} }}");
    vec![
        case("a single node", "profiles = [\"single-node\"]", &[&client[..], &management].concat()),
        case(
            "a single node without management",
            "profiles = [\"single-node\"]\nparameters = { admin_on_ext = false }",
            &client,
        ),
        case("a cluster node", &of_cluster(""), &[&client[..], &management, &gossip, &cluster].concat()),
        case(
            "admin-on-ext is off",
            &of_cluster("admin_on_ext = false"),
            &[&client[..], &gossip, &cluster, &internal_management].concat(),
        ),
        case(
            "gossip-on-ext is off",
            &of_cluster("gossip_on_ext = false"),
            &[&client[..], &management, &cluster].concat(),
        ),
        case("all four ports moved", &of_cluster(ports), &moved),
    ]
}
