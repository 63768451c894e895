//! WSO2: "Default Ports of WSO2 Products", product by product. The document gives ports; whom a careful administrator
//! admits is decided here a second time.

use super::{Case, Row, range, tcp, udp};

const POLICY: &str = "wso2";

const ADMINS: &[&str] = &["admins"];
const MEMBERS: &[&str] = &["members"];
const SERVERS: &[&str] = &["servers"];
/// The cluster and the servers beside it.
const DEPLOYMENT: &[&str] = &["members", "servers"];
/// These and administrators.
const INFRASTRUCTURE: &[&str] = &["members", "servers", "admins"];
/// The cluster and administrators.
const CLUSTER_ADMINS: &[&str] = &["members", "admins"];
const CONSOLE: &[&str] = &["admins", "servers", "portal-users"];
const CLIENTS: &[&str] = &["clients"];
const REQUESTS: &[&str] = &["clients", "servers"];
const EVENTS: &[&str] = &["publishers", "servers"];
const MESSAGES: &[&str] = &["messaging-clients", "servers"];
const APPLE: &[&str] = &["apple-push"];
const GOOGLE: &[&str] = &["google-push"];
const ANALYTICS: &[&str] = &["analytics-servers"];

/// Of every product, features on as they come.
const COMMON: [Row; 7] = [
    tcp(135, 10_389, INFRASTRUCTURE),
    tcp(139, 8000, INFRASTRUCTURE),
    udp(139, 8000, INFRASTRUCTURE),
    tcp(380, 8000, INFRASTRUCTURE),
    udp(380, 8000, INFRASTRUCTURE),
    tcp(148, 11_111, ADMINS),
    tcp(149, 9999, ADMINS),
];

const MANAGEMENT_CONSOLE: [Row; 2] = [tcp(116, 9443, CONSOLE), tcp(118, 9763, CONSOLE)];

/// Rows that follow the port offset.
const API_MANAGER: [Row; 9] = [
    tcp(203, 5672, DEPLOYMENT),
    tcp(204, 7611, DEPLOYMENT),
    tcp(207, 7711, DEPLOYMENT),
    tcp(213, 8280, REQUESTS),
    tcp(213, 8243, REQUESTS),
    tcp(214, 9611, DEPLOYMENT),
    tcp(216, 9711, DEPLOYMENT),
    tcp(218, 10_397, DEPLOYMENT),
    tcp(219, 9099, CLIENTS),
];

const ANALYTICS_RECEIVER: [Row; 2] = [tcp(206, 7612, SERVERS), tcp(209, 7711, SERVERS)];

const DAS: [Row; 10] = [
    tcp(241, 7711, EVENTS),
    tcp(243, 7611, EVENTS),
    tcp(268, 4040, CLUSTER_ADMINS),
    tcp(269, 18_080, CLUSTER_ADMINS),
    tcp(270, 12_000, MEMBERS),
    tcp(271, 12_500, MEMBERS),
    tcp(272, 13_000, MEMBERS),
    tcp(273, 13_500, MEMBERS),
    tcp(274, 14_000, MEMBERS),
    tcp(275, 14_500, MEMBERS),
];

const SPARK_CLUSTER: [Row; 5] = [
    tcp(282, 7077, MEMBERS),
    tcp(283, 6066, MEMBERS),
    tcp(284, 8081, CLUSTER_ADMINS),
    tcp(285, 11_000, MEMBERS),
    tcp(286, 11_500, CLUSTER_ADMINS),
];

const CEP: [Row; 4] =
    [tcp(294, 9160, DEPLOYMENT), tcp(295, 7711, EVENTS), tcp(297, 7611, EVENTS), tcp(298, 11_224, MEMBERS)];

const EI_ANALYTICS: [Row; 5] = [
    tcp(129, 9444, &["admins", "servers"]),
    tcp(337, 9643, &["admins", "portal-users"]),
    tcp(339, 9161, DEPLOYMENT),
    tcp(340, 7712, EVENTS),
    tcp(342, 7612, EVENTS),
];

const EI_BROKER: [Row; 7] = [
    tcp(352, 9446, CONSOLE),
    tcp(354, 9766, CONSOLE),
    tcp(359, 5675, MESSAGES),
    tcp(361, 8675, MESSAGES),
    tcp(363, 1886, MESSAGES),
    tcp(365, 8836, MESSAGES),
    tcp(367, 7614, MEMBERS),
];

const MESSAGE_BROKER: [Row; 5] = [
    tcp(397, 7611, MEMBERS),
    tcp(389, 5672, MESSAGES),
    tcp(391, 8672, MESSAGES),
    tcp(393, 1883, MESSAGES),
    tcp(395, 8833, MESSAGES),
];

const STORAGE: [Row; 11] = [
    tcp(409, 7000, MEMBERS),
    tcp(410, 7001, MEMBERS),
    tcp(411, 9160, DEPLOYMENT),
    tcp(412, 7199, ADMINS),
    tcp(416, 54_310, DEPLOYMENT),
    tcp(417, 54_311, DEPLOYMENT),
    tcp(418, 50_470, CLUSTER_ADMINS),
    tcp(419, 50_475, CLUSTER_ADMINS),
    tcp(420, 50_010, DEPLOYMENT),
    tcp(421, 50_075, CLUSTER_ADMINS),
    tcp(422, 50_020, DEPLOYMENT),
];

const EMM: [Row; 3] = [tcp(458, 10_397, DEPLOYMENT), tcp(459, 8280, REQUESTS), tcp(459, 8243, REQUESTS)];

const MQTT: Row = tcp(476, 1886, &["clients", "messaging-clients", "servers"]);

const IOT_CORE: [Row; 5] = [
    tcp(472, 8243, REQUESTS),
    tcp(473, 9443, CONSOLE),
    tcp(474, 8280, REQUESTS),
    tcp(475, 9763, CONSOLE),
    MQTT,
];

const IOT_ANALYTICS: [Row; 4] =
    [MQTT, tcp(477, 9445, CONSOLE), tcp(478, 9765, CONSOLE), tcp(479, 1039, &["admins", "servers"])];

fn google_push(lines: [u32; 3]) -> [Row; 3] {
    let [first, second, third] = lines;
    [tcp(first, 5228, GOOGLE), tcp(second, 5229, GOOGLE), tcp(third, 5230, GOOGLE)].map(Row::outbound)
}

fn apple_push(lines: [u32; 4]) -> [Row; 4] {
    let [devices, send, feedback, fallback] = lines;
    [tcp(devices, 5223, APPLE), tcp(send, 2195, APPLE), tcp(feedback, 2196, APPLE), tcp(fallback, 443, APPLE)]
        .map(Row::outbound)
}

/// What no offset of this server moves: other machines' ports.
fn others(profile: &str) -> Vec<Row> {
    match profile {
        "api-manager" => [tcp(206, 7612, ANALYTICS), tcp(209, 7711, ANALYTICS)].map(Row::outbound).to_vec(),
        "api-manager-analytics" => ANALYTICS_RECEIVER.to_vec(),
        "enterprise-mobility-manager" => {
            [&google_push([432, 432, 432])[..], &apple_push([440, 441, 442, 443])].concat()
        }
        "iot-core" => [&google_push([493, 494, 495])[..], &apple_push([505, 509, 513, 517])].concat(),
        _ => Vec::new(),
    }
}

/// Each profile with the rows that are its own.
fn profiles() -> Vec<(&'static str, Vec<Row>)> {
    let with_console = |rows: &[Row]| [&MANAGEMENT_CONSOLE[..], rows].concat();
    vec![
        ("carbon", with_console(&[])),
        ("api-manager", with_console(&API_MANAGER)),
        ("api-manager-analytics", with_console(&[])),
        ("data-analytics-server", with_console(&DAS)),
        ("business-process-server", with_console(&[tcp(290, 2199, DEPLOYMENT)])),
        ("complex-event-processor", with_console(&CEP)),
        ("elastic-load-balancer", with_console(&[tcp(302, 8280, CLIENTS), tcp(302, 8243, CLIENTS)])),
        ("enterprise-service-bus", with_console(&[tcp(311, 8243, REQUESTS), tcp(312, 8280, REQUESTS)])),
        (
            "ei-esb",
            vec![
                tcp(123, 9443, CONSOLE),
                tcp(321, 9443, CONSOLE),
                tcp(332, 8243, REQUESTS),
                tcp(333, 8280, REQUESTS),
            ],
        ),
        ("ei-analytics", EI_ANALYTICS.to_vec()),
        (
            "ei-business-process",
            vec![tcp(126, 9445, CONSOLE), tcp(346, 9445, CONSOLE), tcp(348, 9765, CONSOLE)],
        ),
        ("ei-broker", EI_BROKER.to_vec()),
        ("ei-micro-integrator", vec![tcp(371, 8290, REQUESTS), tcp(372, 8253, REQUESTS)]),
        ("ei-msf4j", vec![tcp(376, 9090, REQUESTS)]),
        ("identity-server", with_console(&[tcp(382, 10_500, DEPLOYMENT)])),
        ("message-broker", with_console(&MESSAGE_BROKER)),
        (
            "machine-learner",
            with_console(&[
                tcp(401, 7077, MEMBERS),
                tcp(402, 54_321, CLUSTER_ADMINS),
                tcp(403, 4040, CLUSTER_ADMINS),
            ]),
        ),
        ("storage-server", with_console(&STORAGE)),
        ("enterprise-mobility-manager", with_console(&EMM)),
        ("iot-core", IOT_CORE.to_vec()),
        ("iot-analytics", IOT_ANALYTICS.to_vec()),
    ]
}

/// A node of one profile, as it comes and with a port offset.
fn profile_cases() -> impl Iterator<Item = Case> {
    const OFFSET: u16 = 1000;
    profiles().into_iter().flat_map(|(profile, own)| {
        let follows = [&COMMON[..], &own].concat();
        let with_offset = follows.iter().map(|row| row.moved(OFFSET)).collect::<Vec<_>>();
        let chosen = format!("profiles = [\"{profile}\"]");
        let others = others(profile);
        [
            Case::new(POLICY, profile, &chosen, [follows, others.clone()].concat()),
            Case::new(
                POLICY,
                &format!("{profile} with an offset"),
                &format!("{chosen}\nparameters = {{ offset = {OFFSET} }}"),
                [with_offset, others].concat(),
            ),
        ]
    })
}

/// A node of one profile with one thing set.
fn case(name: &str, profile: &str, parameters: &str, rows: &[&[Row]]) -> Case {
    let settings = format!("profiles = [\"{profile}\"]\nparameters = {{ {parameters} }}");
    Case::new(POLICY, name, &settings, rows.concat())
}

/// The same without the features that every product has.
fn lone(name: &str, profile: &str, parameters: &str, rows: &[&[Row]]) -> Case {
    case(name, profile, &format!("embedded_ldap = false, kdc = false, jmx = false, {parameters}"), rows)
}

fn common_cases() -> Vec<Case> {
    let console = &MANAGEMENT_CONSOLE[..];
    let moved_console = MANAGEMENT_CONSOLE.map(|row| row.moved(1));
    let random = [
        tcp(167, 40_001, ADMINS),
        udp(171, 40_002, &["self"]),
        range(171, "udp", (40_010, 40_012), &["self"]),
    ];
    let ports = "jmx_random_ports = 40001, syslog_appender_ports = [40002, \"40010-40012\"]";
    vec![
        lone("no common feature", "carbon", "", &[console]),
        lone(
            "multicast, which the offset does not move",
            "carbon",
            "offset = 1, clustering = \"multicast\"",
            &[&moved_console, &[udp(157, 45_564, MEMBERS)]],
        ),
        lone(
            "well-known addresses, which the offset does not move",
            "carbon",
            "offset = 1, clustering = \"wka\"",
            &[&moved_console, &[tcp(158, 4000, MEMBERS)]],
        ),
        lone(
            "a second member on one machine",
            "carbon",
            "offset = 1, clustering = \"wka\", wka_port = 4001",
            &[&moved_console, &[tcp(158, 4001, MEMBERS)]],
        ),
        lone(
            "another multicast port",
            "carbon",
            "offset = 1, clustering = \"multicast\", multicast_port = 45565",
            &[&moved_console, &[udp(157, 45_565, MEMBERS)]],
        ),
        case("random ports that were fixed", "carbon", ports, &[&COMMON, console, &random]),
    ]
}

fn api_manager_cases() -> Vec<Case> {
    let console = &MANAGEMENT_CONSOLE[..];
    let [broker, thrift, thrift_ssl, http, https, binary, binary_auth, validation, websocket] = API_MANAGER;
    let always = [broker, http, https, validation, websocket];
    let analytics = others("api-manager");
    let moved_analytics = [tcp(206, 7613, ANALYTICS), tcp(209, 7712, ANALYTICS)].map(Row::outbound);
    let moved =
        [broker, thrift, thrift_ssl, http, https, binary, binary_auth, websocket].map(|row| row.moved(3));
    let moved_console = MANAGEMENT_CONSOLE.map(|row| row.moved(3));
    vec![
        lone(
            "the analytics server's offset",
            "api-manager",
            "analytics_offset = 1, analytics_tcp_port = 7613",
            &[console, &API_MANAGER, &moved_analytics],
        ),
        lone(
            "the analytics server itself with its offset",
            "api-manager-analytics",
            "analytics_offset = 1",
            &[console, &[tcp(206, 7612, SERVERS), tcp(209, 7712, SERVERS)]],
        ),
        lone(
            "throttling by Thrift",
            "api-manager",
            "throttling = \"thrift\"",
            &[console, &always, &[thrift, thrift_ssl], &analytics],
        ),
        lone(
            "throttling by the binary publisher",
            "api-manager",
            "throttling = \"binary\"",
            &[console, &always, &[binary, binary_auth], &analytics],
        ),
        lone(
            "a Thrift port that the offset does not move",
            "api-manager",
            "offset = 3, thrift_follows_offset = false",
            &[&moved_console, &moved, &[validation], &analytics],
        ),
        lone(
            "a Thrift port that is set by hand",
            "api-manager",
            "offset = 3, thrift_follows_offset = false, thrift_port = 10399",
            &[&moved_console, &moved, &[validation.moved(2)], &analytics],
        ),
        lone(
            "two products in one runtime",
            "api-manager\", \"identity-server",
            "",
            &[console, &API_MANAGER, &analytics, &[tcp(382, 10_500, DEPLOYMENT)]],
        ),
    ]
}

fn analytics_and_broker_cases() -> Vec<Case> {
    let console = &MANAGEMENT_CONSOLE[..];
    vec![
        lone(
            "Spark in cluster mode",
            "data-analytics-server",
            "spark_mode = \"cluster\"",
            &[console, &DAS, &SPARK_CLUSTER],
        ),
        lone("Spark in client mode", "data-analytics-server", "spark_mode = \"client\"", &[console, &DAS]),
        lone(
            "no AMQP",
            "message-broker",
            "amqp = false",
            &[console, &MESSAGE_BROKER[..1], &MESSAGE_BROKER[3..]],
        ),
        lone("no MQTT", "ei-broker", "mqtt = false", &[&EI_BROKER[..4], &EI_BROKER[6..]]),
        lone("IoT without MQTT", "iot-analytics", "mqtt = false", &[&IOT_ANALYTICS[1..]]),
    ]
}

fn mobile_cases() -> Vec<Case> {
    let console = &MANAGEMENT_CONSOLE[..];
    let (emm, iot) = (others("enterprise-mobility-manager"), others("iot-core"));
    let fixed = [EMM[0], EMM[1].moved(3), EMM[2].moved(3)];
    let moved_console = MANAGEMENT_CONSOLE.map(|row| row.moved(3));
    vec![
        lone("EMM before 1.1.0", "enterprise-mobility-manager", "emm_api_manager = false", &[console, &emm]),
        lone(
            "EMM with a fixed Thrift port",
            "enterprise-mobility-manager",
            "offset = 3, thrift_follows_offset = false",
            &[&moved_console, &fixed, &emm],
        ),
        lone("no Android", "enterprise-mobility-manager", "android = false", &[console, &EMM, &emm[3..]]),
        lone("no iOS", "iot-core", "ios = false", &[&IOT_CORE, &iot[..3]]),
    ]
}

pub(super) fn cases() -> Vec<Case> {
    let particular = [common_cases(), api_manager_cases(), analytics_and_broker_cases(), mobile_cases()];
    profile_cases().chain(particular.concat()).collect()
}
