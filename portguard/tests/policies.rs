//! What the policies that come with the binary open, row by row of their documents.

use std::{collections::BTreeSet, path::Path};

use portguard::{
    input::{Loaded, read_site},
    matrix::{Direction, IcmpFamilies, IcmpTypes, Matrix, Origin, PeerKind, Rule, Service, Transport},
    policy::{self, Policy, built_in},
    reading::Source,
};

fn policy(name: &str) -> Policy {
    let built_in = built_in(name).expect("the policy comes with the binary");
    policy::parse(&Source::new(built_in.file, built_in.text)).expect("the policy is sound")
}

fn site(name: &str) -> Matrix {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sites").join(name);
    let Loaded { matrix, .. } = read_site(&path).expect("the site is sound");
    matrix
}

/// The rules of a policy that open a port.
fn rules_for<'m>(matrix: &'m Matrix, policy: &str, transport: Transport, port: u16) -> Vec<&'m Rule> {
    let opens = |rule: &&Rule| match &rule.service {
        Service::Transport { transport: of, ports } => *of == transport && ports.contains(port),
        Service::Icmp { .. } | Service::Protocol(_) => false,
    };
    let of_policy =
        |rule: &&Rule| matches!(&rule.origin, Origin::Document { policy: of, .. } if of == policy);
    matrix.rules.iter().filter(of_policy).filter(opens).collect()
}

/// The roles that a policy lets reach a port.
fn roles_for(matrix: &Matrix, policy: &str, transport: Transport, port: u16) -> BTreeSet<String> {
    let rules = rules_for(matrix, policy, transport, port);
    rules.iter().flat_map(|rule| &rule.peers).map(|peer| peer.role.clone()).collect()
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

const REDIS: &str = "redis-enterprise";
const INFLUXDB: &str = "influxdb-enterprise";

/// A row of a document: its line, what it says of ports, and whom it names. Written down from the documents, not from
/// the policies.
type DocumentRow = (u32, Transport, &'static [(u16, u16)], &'static [&'static str]);

const INTERNAL: &[&str] = &["internal"];
const INTERNAL_EXTERNAL: &[&str] = &["internal", "external"];
const ALL_THREE: &[&str] = &["internal", "external", "active-active"];

const REDIS_ROWS: &[DocumentRow] = &[
    (29, Transport::Tcp, &[(8001, 8001)], INTERNAL_EXTERNAL),
    (30, Transport::Tcp, &[(8070, 8071)], INTERNAL_EXTERNAL),
    (31, Transport::Tcp, &[(8443, 8443)], INTERNAL_EXTERNAL),
    (32, Transport::Tcp, &[(9081, 9081)], &["internal", "active-active"]),
    (33, Transport::Tcp, &[(9443, 9443), (8080, 8080)], ALL_THREE),
    (34, Transport::Tcp, &[(10000, 19999)], ALL_THREE),
    (35, Transport::Udp, &[(53, 53), (5353, 5353)], INTERNAL_EXTERNAL),
    (44, Transport::Tcp, &[(1968, 1968)], INTERNAL),
    (45, Transport::Tcp, &[(3333, 3341), (3343, 3344), (36379, 36380)], INTERNAL),
    (46, Transport::Tcp, &[(20000, 29999)], INTERNAL),
    (54, Transport::Tcp, &[(8002, 8002), (8004, 8004), (8006, 8006)], &["self"]),
    (55, Transport::Tcp, &[(8444, 8444), (9080, 9080)], &["self"]),
];

const INFLUXDB_ROWS: &[DocumentRow] = &[
    (15, Transport::Tcp, &[(8086, 8086)], &["clients"]),
    (25, Transport::Tcp, &[(8088, 8088)], &["data-nodes", "meta-nodes"]),
    (41, Transport::Tcp, &[(8089, 8089)], &["meta-nodes"]),
    (49, Transport::Tcp, &[(8091, 8091)], &["data-nodes", "meta-nodes", "chronograf"]),
];

fn assert_exactly(matrix: &Matrix, policy: &str, rows: &[DocumentRow]) {
    let mut expected = BTreeSet::new();
    for &(line, transport, ranges, roles) in rows {
        for port in ranges.iter().flat_map(|&(first, last)| first..=last) {
            expected.insert((transport, port));
            assert_eq!(roles_for(matrix, policy, transport, port), names(roles), "{port}/{transport}");
            for rule in rules_for(matrix, policy, transport, port) {
                let Origin::Document { line: cited, .. } = rule.origin else { panic!("{rule:?}") };
                assert_eq!(cited, line, "{port}/{transport}");
            }
        }
    }
    for transport in [Transport::Tcp, Transport::Udp, Transport::Sctp] {
        for port in (0..=u16::MAX).filter(|&port| !expected.contains(&(transport, port))) {
            assert!(rules_for(matrix, policy, transport, port).is_empty(), "{port}/{transport}");
        }
    }
}

#[test]
fn redis_opens_the_ports_of_its_document_to_whom_it_names_and_no_others() {
    assert_exactly(&site("both.toml"), REDIS, REDIS_ROWS);
}

#[test]
fn influxdb_opens_the_ports_of_its_document_to_whom_it_names_and_no_others() {
    assert_exactly(&site("both.toml"), INFLUXDB, INFLUXDB_ROWS);
}

#[test]
fn redis_port_3342_is_covered_by_no_rule() {
    let matrix = site("both.toml");
    assert!(rules_for(&matrix, REDIS, Transport::Tcp, 3342).is_empty());
    assert_eq!(roles_for(&matrix, REDIS, Transport::Tcp, 3341), names(INTERNAL));
    assert_eq!(roles_for(&matrix, REDIS, Transport::Tcp, 3343), names(INTERNAL));
}

#[test]
fn redis_lets_nodes_ping_each_other_in_both_families() {
    let matrix = site("both.toml");
    let icmp = matrix
        .rules
        .iter()
        .find(|rule| rule.service == Service::Icmp { families: IcmpFamilies::Both, types: IcmpTypes::All });
    let rule = icmp.expect("the document has a row for ICMP");
    assert_eq!(rule.peers.len(), 1);
    assert_eq!(rule.peers[0].role, "internal");
    assert!(matches!(rule.origin, Origin::Document { line: 43, .. }));
}

#[test]
fn redis_ports_within_a_node_admit_nobody_over_an_interface() {
    let matrix = site("both.toml");
    for port in [8002, 8004, 8006, 8444, 9080] {
        let rules = rules_for(&matrix, REDIS, Transport::Tcp, port);
        assert_eq!(rules.len(), 1, "{port}");
        assert!(rules[0].groups().is_empty(), "{port}");
        assert_eq!(rules[0].peers[0].kind, PeerKind::Node, "{port}");
    }
}

#[test]
fn redis_parameters_move_close_and_narrow() {
    let matrix = site("services.toml");
    let open = |port| !rules_for(&matrix, REDIS, Transport::Tcp, port).is_empty();
    assert!(!open(8443) && open(8555), "cm_port moved the web UI");
    assert!(!open(8080) && open(9443), "http_support is off");
    assert!(
        open(12000) && open(12012) && !open(12001) && !open(12013) && !open(19999),
        "endpoints are narrowed"
    );
}

#[test]
fn influxdb_udp_8089_is_absent_until_the_service_is_on() {
    let (off, on) = (site("both.toml"), site("services.toml"));
    assert!(rules_for(&off, INFLUXDB, Transport::Udp, 8089).is_empty());
    assert_eq!(roles_for(&on, INFLUXDB, Transport::Udp, 8089), names(&["udp-writers"]));
}

#[test]
fn influxdb_tcp_8089_is_for_meta_nodes_only_and_no_part_of_a_data_node() {
    assert_eq!(roles_for(&site("both.toml"), INFLUXDB, Transport::Tcp, 8089), names(&["meta-nodes"]));
    assert!(rules_for(&site("services.toml"), INFLUXDB, Transport::Tcp, 8089).is_empty());
}

#[test]
fn influxdb_services_open_their_ports_to_their_writers() {
    let matrix = site("services.toml");
    for (transport, port, role) in [
        (Transport::Tcp, 2003, "graphite-writers"),
        (Transport::Udp, 2003, "graphite-writers"),
        (Transport::Tcp, 4242, "opentsdb-writers"),
        (Transport::Udp, 25827, "collectd-writers"),
        (Transport::Tcp, 9086, "clients"),
    ] {
        assert_eq!(roles_for(&matrix, INFLUXDB, transport, port), names(&[role]), "{port}/{transport}");
    }
    assert!(rules_for(&matrix, INFLUXDB, Transport::Udp, 25826).is_empty(), "collectd was moved");
    assert!(rules_for(&matrix, INFLUXDB, Transport::Tcp, 8086).is_empty(), "HTTP was moved");
}

#[test]
fn influxdb_cluster_ports_are_marked_as_such() {
    let policy = policy(INFLUXDB);
    let cluster_only: BTreeSet<String> = policy
        .rules
        .iter()
        .filter(|rule| rule.reach == policy::Reach::ClusterOnly)
        .map(|rule| rule.id.clone())
        .collect();
    assert_eq!(cluster_only, names(&["rpc", "raft", "meta-api"]));
}

#[test]
fn what_a_document_leaves_open_is_inferred_with_a_reason() {
    for name in [REDIS, INFLUXDB] {
        for rule in policy(name).rules {
            assert_eq!(rule.inferred.is_empty(), rule.why.is_none(), "{name}/{}", rule.id);
        }
    }
    assert!(
        policy(REDIS).rules.iter().all(|rule| rule.inferred.is_empty()),
        "Redis's tables leave nothing open"
    );
}

#[test]
fn two_products_on_one_node_add_up() {
    let matrix = site("both.toml");
    let of = |name: &str| {
        let is_of = |rule: &&Rule| matches!(&rule.origin, Origin::Document { policy, .. } if policy == name);
        matrix.rules.iter().filter(is_of).count()
    };
    assert_eq!((of(REDIS), of(INFLUXDB)), (14, 4));
    assert!(matrix.rules.iter().all(|rule| rule.direction == Direction::In));
}

#[test]
fn offsets_move_what_follows_them_and_nothing_else() {
    let matrix = site("own-policies.toml");
    let open = |port| !rules_for(&matrix, "offsets", Transport::Tcp, port).is_empty();
    assert!(open(9446) && open(9766) && !open(9443), "the console follows the offset of 3");
    assert!(open(7712) && !open(7714), "the analytics server has an offset of its own");
    assert!(open(4003), "wka clustering is chosen");
    assert!(rules_for(&matrix, "offsets", Transport::Udp, 45564).is_empty(), "multicast is not");
    assert!(!open(5675), "this node is no broker");
    assert_eq!(matrix.rules.iter().filter(|rule| rule.direction == Direction::Out).count(), 2);
}

#[test]
fn rules_hold_on_the_zones_that_their_document_means() {
    let matrix = site("own-policies.toml");
    let zones = |port| {
        let rules = rules_for(&matrix, "zones", Transport::Tcp, port);
        rules
            .iter()
            .flat_map(|rule| &rule.zones)
            .map(|&zone| matrix.zone(zone).name.as_str())
            .collect::<Vec<_>>()
    };
    assert_eq!(zones(8113), ["front"]);
    assert_eq!(zones(2112), ["back"]);
}
