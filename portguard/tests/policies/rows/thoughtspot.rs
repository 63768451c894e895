//! ThoughtSpot: "Network ports".

use super::{Case, Row, range, tcp};

const POLICY: &str = "thoughtspot";

const ADMINS: &[&str] = &["admins"];
const USERS: &[&str] = &["users"];
const NODES: &[&str] = &["nodes"];
const BOTH: &[&str] = &["admins", "nodes"];
const SUPPORT: &[&str] = &["support"];

const OPERATIONS: [Row; 4] =
    [tcp(17, 22, ADMINS), tcp(18, 80, USERS), tcp(19, 443, USERS), tcp(20, 12_345, ADMINS)];

const DEBUGGING: [Row; 4] =
    [tcp(21, 2201, ADMINS), tcp(22, 2101, ADMINS), tcp(23, 4001, ADMINS), tcp(24, 4251, ADMINS)];

/// Between nodes, with nobody else.
const BETWEEN_NODES: [Row; 29] = [
    tcp(36, 80, NODES),
    tcp(37, 443, NODES),
    tcp(38, 2100, NODES),
    tcp(40, 2181, NODES),
    tcp(41, 2200, NODES),
    tcp(43, 2210, NODES),
    tcp(45, 2230, NODES),
    tcp(47, 2240, NODES),
    tcp(48, 2888, NODES),
    tcp(49, 3888, NODES),
    tcp(50, 4000, NODES),
    tcp(55, 4232, NODES),
    tcp(56, 4233, NODES),
    tcp(58, 4242, NODES),
    tcp(59, 4243, NODES),
    tcp(60, 4251, NODES),
    tcp(61, 4405, NODES),
    tcp(62, 4500, NODES),
    tcp(64, 4851, NODES),
    tcp(66, 4853, NODES),
    tcp(68, 5432, NODES),
    tcp(69, 8020, NODES),
    tcp(70, 8080, NODES),
    tcp(71, 8787, NODES),
    tcp(72, 8888, NODES),
    tcp(73, 11_211, NODES),
    tcp(74, 12_345, NODES),
    tcp(75, 50_070, NODES),
    tcp(76, 50_075, NODES),
];

/// "Admin IP addresses and all nodes", for debugging.
const NODES_AND_DEBUGGING: [Row; 11] = [
    tcp(39, 2101, BOTH),
    tcp(42, 2201, BOTH),
    tcp(44, 2211, BOTH),
    tcp(46, 2231, BOTH),
    tcp(51, 4001, BOTH),
    tcp(53, 4201, BOTH),
    tcp(54, 4231, BOTH),
    tcp(57, 4241, BOTH),
    tcp(63, 4501, BOTH),
    tcp(65, 4852, BOTH),
    tcp(67, 4853, BOTH),
];

/// "Admin IP addresses and all nodes", and nothing is said of debugging.
const METADATA: Row = tcp(52, 4021, BOTH);

const SUPPORT_ACCESS: [Row; 4] =
    [tcp(84, 22, SUPPORT), tcp(85, 80, SUPPORT), tcp(86, 443, SUPPORT), tcp(87, 12_345, SUPPORT)];

const IPMI: Row = tcp(101, 80, SUPPORT);

fn outbound() -> [Row; 5] {
    [
        tcp(91, 443, &["transfer-host"]),
        tcp(92, 25, &["mail-relay"]),
        tcp(92, 587, &["mail-relay"]),
        tcp(93, 389, &["directory"]),
        tcp(93, 636, &["directory"]),
    ]
    .map(Row::outbound)
}

/// The rows for administrators and nodes as they are without debugging: for nodes.
fn without_debugging() -> [Row; 11] {
    NODES_AND_DEBUGGING.map(|row| Row { roles: NODES, ..row })
}

pub(super) fn cases() -> Vec<Case> {
    let [transfer, smtp, secure_smtp, ldap, ldaps] = outbound();
    let always = [&OPERATIONS[..], &BETWEEN_NODES, &[METADATA, transfer]].concat();
    let debugging = [&DEBUGGING[..], &NODES_AND_DEBUGGING].concat();
    let dynamic = range(32, "tcp", (20_000, 65_535), NODES);
    let case = |name, settings, rows: &[&[Row]]| {
        Case::new(POLICY, name, settings, [&always, rows.concat().as_slice()].concat())
    };
    let off = "parameters = { debugging = false, support_access = false, ipmi = false, mail = \"secure-smtp\", \
               directory = \"ldaps\", dynamic_ports = \"32768-60999\" }";
    let others =
        "parameters = { support_access = false, mail = \"smtp\", directory = \"ldap\", dynamic_ports = [] }";
    vec![
        case(
            "as documented",
            "",
            &[&debugging, &SUPPORT_ACCESS, &[dynamic, IPMI, smtp, secure_smtp, ldap, ldaps]],
        ),
        case(
            "everything optional off",
            off,
            &[&without_debugging(), &[range(32, "tcp", (32_768, 60_999), NODES), secure_smtp, ldaps]],
        ),
        case("IPMI without support access", others, &[&debugging, &[IPMI, smtp, ldap]]),
    ]
}
