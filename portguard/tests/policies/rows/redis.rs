//! Redis Enterprise Software: "Network Port Configurations".

use super::{Case, Row, range, tcp, udp};

const POLICY: &str = "redis-enterprise";

const INTERNAL: &[&str] = &["internal"];
const BOTH: &[&str] = &["internal", "external"];
const ALL: &[&str] = &["internal", "external", "active-active"];
const WITHIN: &[&str] = &["self"];

const DOCUMENTED: [Row; 21] = [
    tcp(29, 8001, BOTH),
    range(30, "tcp", (8070, 8071), BOTH),
    tcp(32, 9081, &["internal", "active-active"]),
    tcp(33, 9443, ALL),
    udp(35, 53, BOTH),
    udp(35, 5353, BOTH),
    range(43, "icmp", (0, 0), INTERNAL),
    tcp(44, 1968, INTERNAL),
    range(45, "tcp", (3333, 3341), INTERNAL),
    range(45, "tcp", (3343, 3344), INTERNAL),
    tcp(45, 36_379, INTERNAL),
    tcp(45, 36_380, INTERNAL),
    range(46, "tcp", (20_000, 29_999), INTERNAL),
    tcp(54, 8002, WITHIN),
    tcp(54, 8004, WITHIN),
    tcp(54, 8006, WITHIN),
    tcp(55, 8444, WITHIN),
    tcp(55, 9080, WITHIN),
    // What can be changed stands last.
    tcp(31, 8443, BOTH),
    tcp(33, 8080, ALL),
    range(34, "tcp", (10_000, 19_999), ALL),
];

pub(super) fn cases() -> Vec<Case> {
    let fixed = &DOCUMENTED[..18];
    let changed = [tcp(31, 8555, BOTH), tcp(34, 12_000, ALL), range(34, "tcp", (12_010, 12_012), ALL)];
    let settings =
        "parameters = { cm_port = 8555, http_support = false, endpoints = [12000, \"12010-12012\"] }";
    vec![
        Case::new(POLICY, "as documented", "", DOCUMENTED.to_vec()),
        Case::new(
            POLICY,
            "UI moved, no HTTP, endpoints narrowed",
            settings,
            [fixed, changed.as_slice()].concat(),
        ),
        Case::new(
            POLICY,
            "no endpoint yet",
            "parameters = { endpoints = [] }",
            [fixed, &[tcp(31, 8443, BOTH), tcp(33, 8080, ALL)]].concat(),
        ),
    ]
}
