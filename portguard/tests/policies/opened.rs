//! What the policies that come with the binary open, row by row of their documents.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use portguard::{
    input::{Loaded, read_site},
    matrix::{Direction, IcmpFamilies, IcmpTypes, Matrix, Origin, PeerKind, Rule, Service, Transport},
    policy::{self, BUILT_IN, ParameterType, Policy, Setting},
    reading::Colour,
};
use tempfile::TempDir;

use crate::{
    parsed,
    rows::{Case, cases},
};

fn site(name: &str) -> Matrix {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sites").join(name);
    let Loaded { matrix, .. } = read_site(&path).expect("the site is sound");
    matrix
}

/// The rules of a policy that open a port.
fn rules_for<'m>(matrix: &'m Matrix, policy: &str, transport: Transport, port: u16) -> Vec<&'m Rule> {
    let opens = |rule: &&Rule| match &rule.service {
        Service::Transport { transport: of, ports } => *of == transport && ports.contains(port),
        Service::Icmp { .. } | Service::Protocol(_) | Service::All => false,
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

/// The matrix of a site that has a case's product and nothing else, with every role bound that can be.
pub(crate) fn matrix_of(case: &Case, policy: &Policy) -> Matrix {
    matrix_with("", case, policy)
}

/// The same with `head` at the beginning of the site file.
fn matrix_with(head: &str, case: &Case, policy: &Policy) -> Matrix {
    let bindable = policy.roles.iter().filter(|(_, role)| role.addresses.is_none());
    let roles: Vec<&str> = bindable.map(|(name, _)| name.as_str()).collect();
    let directory = TempDir::new().expect("a directory can be made");
    let path = directory.path().join("site.toml");
    fs::write(&path, head.to_owned() + &case.site(&roles)).expect("a file can be written");
    match read_site(&path) {
        Ok(Loaded { matrix, .. }) => matrix,
        Err(error) => panic!("{}: {}:\n{}", case.policy, case.name, error.render(Colour::Never)),
    }
}

/// What is open: direction, protocol, port, zone and role.
type Opening = (bool, String, u16, String, String);

/// Each opening with the lines that the rules behind it cite.
fn openings(matrix: &Matrix, policy: &Policy) -> BTreeMap<Opening, BTreeSet<u32>> {
    let mut openings: BTreeMap<Opening, BTreeSet<u32>> = BTreeMap::new();
    for rule in &matrix.rules {
        let (protocol, ports) = match &rule.service {
            Service::Transport { transport, ports } => (transport.to_string(), ports.iter().collect()),
            Service::Icmp { families: IcmpFamilies::Both, types: IcmpTypes::All } => {
                ("icmp".to_owned(), vec![0])
            }
            Service::Icmp { .. } | Service::Protocol(_) | Service::All => panic!("no document has {rule:?}"),
        };
        let Origin::Document { rule: id, .. } = &rule.origin else { panic!("{rule:?}") };
        let cited = &policy.rules.iter().find(|rule| rule.id == *id).expect("it is the policy's").place.lines;
        for (port, zone, peer) in ports.iter().flat_map(|port| {
            rule.zones.iter().flat_map(move |zone| rule.peers.iter().map(move |peer| (port, zone, peer)))
        }) {
            let zone = matrix.zone(*zone).name.clone();
            let opening =
                (rule.direction == Direction::Out, protocol.clone(), *port, zone, peer.role.clone());
            openings.entry(opening).or_default().extend(cited);
        }
    }
    openings
}

/// The same from the rows.
fn expected_openings(case: &Case) -> BTreeMap<Opening, BTreeSet<u32>> {
    let mut openings: BTreeMap<Opening, BTreeSet<u32>> = BTreeMap::new();
    for row in &case.rows {
        let zone = row.zone.map_or("default".to_owned(), |zone| format!("at-{zone}"));
        for (port, role) in
            (row.ports.0..=row.ports.1).flat_map(|port| row.roles.iter().map(move |role| (port, role)))
        {
            let opening = (row.outbound, row.protocol.to_owned(), port, zone.clone(), (*role).to_owned());
            openings.entry(opening).or_default().insert(row.line);
        }
    }
    openings
}

#[test]
fn every_policy_opens_what_its_document_names_to_whom_it_names_and_nothing_else() {
    for case in cases() {
        let policy = parsed(case.policy);
        let (open, expected) = (openings(&matrix_of(&case, &policy), &policy), expected_openings(&case));
        let case = format!("{}: {}", case.policy, case.name);
        for (opening, lines) in &expected {
            let cited = open.get(opening).unwrap_or_else(|| panic!("{case}: {opening:?} is not open"));
            assert!(cited.is_superset(lines), "{case}: {opening:?} cites {cited:?} and not {lines:?}");
        }
        let surplus: Vec<_> = open.keys().filter(|opening| !expected.contains_key(opening)).take(5).collect();
        assert!(surplus.is_empty(), "{case}: open and in no row: {surplus:?}");
    }
}

#[test]
fn where_what_leaves_is_judged_a_node_reaches_whom_its_document_puts_beside_it_and_nobody_else() {
    const JUDGED: &str = "outbound = \"enforce\"\noutbound_posture = \"drop\"\n";
    for case in cases() {
        let policy = parsed(case.policy);
        let open = openings(&matrix_with(JUDGED, &case, &policy), &policy);
        let mut expected = expected_openings(&case);
        for row in &case.rows {
            let zone = row.zone.map_or("default".to_owned(), |zone| format!("at-{zone}"));
            for (port, role) in (row.ports.0..=row.ports.1)
                .flat_map(|port| case.reached(row).into_iter().map(move |role| (port, role)))
            {
                let opening = (true, row.protocol.to_owned(), port, zone.clone(), role.to_owned());
                expected.entry(opening).or_default().insert(row.line);
            }
        }
        let case = format!("{}: {}", case.policy, case.name);
        let surplus: Vec<_> = open.keys().filter(|opening| !expected.contains_key(opening)).take(5).collect();
        assert!(surplus.is_empty(), "{case}: open and in no row: {surplus:?}");
        for (opening, lines) in &expected {
            let cited = open.get(opening).unwrap_or_else(|| panic!("{case}: {opening:?} is not open"));
            assert!(cited.is_superset(lines), "{case}: {opening:?} cites {cited:?} and not {lines:?}");
        }
    }
}

#[test]
fn every_policy_profile_and_rule_is_part_of_a_case() {
    let cases = cases();
    for built_in in BUILT_IN {
        let policy = parsed(built_in.name);
        let mut unseen: BTreeSet<&str> = policy.rules.iter().map(|rule| rule.id.as_str()).collect();
        for case in cases.iter().filter(|case| case.policy == policy.name) {
            for rule in matrix_of(case, &policy).rules {
                if let Origin::Document { rule, .. } = rule.origin {
                    unseen.remove(rule.as_str());
                }
            }
        }
        assert!(unseen.is_empty(), "{}: no case has {unseen:?}", policy.name);
    }
}

#[test]
fn every_profile_and_parameter_is_set_by_a_case() {
    let cases = cases();
    for policy in BUILT_IN.iter().map(|built_in| parsed(built_in.name)) {
        let said =
            |text: &str| cases.iter().any(|case| case.policy == policy.name && case.settings.contains(text));
        for profile in policy.profiles.keys() {
            assert!(said(&format!("\"{profile}\"")), "{}: {profile}", policy.name);
        }
        for (name, parameter) in &policy.parameters {
            assert!(said(&format!("{name} = ")), "{}: {name}", policy.name);
            let ParameterType::Choice(choices) = &parameter.kind else { continue };
            let default = policy.defaults()[name].clone();
            for choice in choices.iter().filter(|choice| default != Setting::Choice((*choice).clone())) {
                assert!(said(&format!("{name} = \"{choice}\"")), "{}: {name} = {choice}", policy.name);
            }
        }
    }
}

#[test]
fn redis_port_3342_is_covered_by_no_rule() {
    let matrix = site("both.toml");
    assert!(rules_for(&matrix, REDIS, Transport::Tcp, 3342).is_empty());
    assert_eq!(roles_for(&matrix, REDIS, Transport::Tcp, 3341), names(&["internal"]));
    assert_eq!(roles_for(&matrix, REDIS, Transport::Tcp, 3343), names(&["internal"]));
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
fn influxdb_cluster_ports_are_marked_as_such() {
    let policy = parsed(INFLUXDB);
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
        for rule in parsed(name).rules {
            assert_eq!(rule.inferred.is_empty(), rule.why.is_none(), "{name}/{}", rule.id);
        }
    }
    assert!(
        parsed(REDIS).rules.iter().all(|rule| rule.inferred.iter().all(|field| field == "to")),
        "Redis's tables leave nothing open of what comes in"
    );
}

#[test]
fn two_products_on_one_node_add_up() {
    let matrix = site("both.toml");
    let of = |name: &str| {
        let is_of = |rule: &&Rule| matches!(&rule.origin, Origin::Document { policy, .. } if policy == name);
        matrix.rules.iter().filter(is_of).count()
    };
    // Two of InfluxDB's are for what the two kinds of nodes ask of each other.
    assert_eq!((of(REDIS), of(INFLUXDB)), (14, 6));
    assert_eq!(matrix.rules.iter().filter(|rule| rule.direction == Direction::Out).count(), 2);
}

#[test]
fn five_products_on_one_node_add_up() {
    let matrix = site("five.toml");
    let count = |name: &str, direction: Direction| {
        let is_of = |rule: &&Rule| matches!(&rule.origin, Origin::Document { policy, .. } if policy == name);
        matrix.rules.iter().filter(is_of).filter(|rule| rule.direction == direction).count()
    };
    let (inbound, outbound) = (Direction::In, Direction::Out);
    assert_eq!([count(INFLUXDB, inbound), count(REDIS, inbound), count("event-store", inbound)], [4, 14, 6]);
    assert_eq!([count("thoughtspot", inbound), count("thoughtspot", outbound)], [57, 4]);
    assert_eq!([count("wso2", inbound), count("wso2", outbound)], [11, 5]);
    // 8080 is Redis's REST API and ThoughtSpot's BI engine: each admits its own.
    assert_eq!(
        roles_for(&matrix, REDIS, Transport::Tcp, 8080),
        names(&["internal", "external", "active-active"])
    );
    assert_eq!(roles_for(&matrix, "thoughtspot", Transport::Tcp, 8080), names(&["nodes"]));
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
