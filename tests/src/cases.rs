//! A site with both documents' policies, and what each group may reach: the rows of the documents, written down a
//! second time and by hand, so that a slip in a policy is seen.

use std::{fs, net::IpAddr};

use portguard::{input::read_site, matrix::Matrix};
use tempfile::TempDir;

/// The groups of the site, each with an address of both families.
pub const GROUPS: [(&str, &str, &str); 7] = [
    ("clients", "10.1.0.9", "2001:db8:1::9"),
    ("data", "10.2.0.9", "2001:db8:2::9"),
    ("meta", "10.3.0.9", "2001:db8:3::9"),
    ("chronograf", "10.4.0.9", "2001:db8:4::9"),
    ("internal", "10.5.0.9", "2001:db8:5::9"),
    ("external", "10.6.0.9", "2001:db8:6::9"),
    ("active", "10.7.0.9", "2001:db8:7::9"),
];

/// Somebody who is in no group.
pub const STRANGER: (&str, &str) = ("192.168.77.7", "2001:db8:ff::7");

/// The site: each role bound to a group of its own, everything that the documents leave switched off switched on when
/// `services` says so.
pub fn site_text(services: bool) -> String {
    let groups = (1..).zip(GROUPS).map(|(index, (name, _, _))| {
        format!("{name} = [\"10.{index}.0.0/16\", \"2001:db8:{index}::/48\"]\n")
    });
    let named = ["graphite", "opentsdb", "udp", "collectd"];
    let writers = named.iter().filter(|_| services).map(|name| format!("{name}-writers = [\"clients\"]\n"));
    let switches = named.iter().filter(|_| services).map(|name| format!("{name} = true\n"));
    format!(
        "mode = \"enforce\"\nposture = \"drop\"\n[interfaces.eth0]\n[groups]\n{}\
         [products.influxdb]\npolicy = \"influxdb-enterprise\"\n[products.influxdb.roles]\nclients = [\"clients\"]\n\
         data-nodes = [\"data\"]\nmeta-nodes = [\"meta\"]\nchronograf = [\"chronograf\"]\n{}\
         [products.influxdb.parameters]\n{}\
         [products.redis]\npolicy = \"redis-enterprise\"\n[products.redis.roles]\ninternal = [\"internal\"]\n\
         external = [\"external\"]\nactive-active = [\"active\"]\n",
        groups.collect::<String>(),
        writers.collect::<String>(),
        switches.collect::<String>(),
    )
}

/// The matrix of [`site_text`].
pub fn matrix(services: bool) -> anyhow::Result<Matrix> {
    let directory = TempDir::new()?;
    let path = directory.path().join("site.toml");
    fs::write(&path, site_text(services))?;
    read_site(&path).map(|loaded| loaded.matrix).map_err(|error| anyhow::anyhow!("{error:?}"))
}

/// A row of a document: ports, protocol, and the groups that may reach them.
pub struct Row {
    /// The document's line.
    pub line: &'static str,
    /// `tcp` or `udp`.
    pub protocol: &'static str,
    /// First and last port.
    pub ports: (u16, u16),
    /// The groups; empty for ports that are for the node itself.
    pub groups: &'static [&'static str],
}

const fn row(
    line: &'static str,
    protocol: &'static str,
    ports: (u16, u16),
    groups: &'static [&'static str],
) -> Row {
    Row { line, protocol, ports, groups }
}

const BOTH: &[&str] = &["internal", "external"];
const ALL: &[&str] = &["internal", "external", "active"];
const INTERNAL: &[&str] = &["internal"];

/// What is open as the documents come.
pub const ENABLED: [Row; 23] = [
    row("influxdb-enterprise.md:15", "tcp", (8086, 8086), &["clients"]),
    row("influxdb-enterprise.md:25", "tcp", (8088, 8088), &["data", "meta"]),
    row("influxdb-enterprise.md:41", "tcp", (8089, 8089), &["meta"]),
    row("influxdb-enterprise.md:49", "tcp", (8091, 8091), &["data", "meta", "chronograf"]),
    row("redis-enterprise.md:29", "tcp", (8001, 8001), BOTH),
    row("redis-enterprise.md:30", "tcp", (8070, 8071), BOTH),
    row("redis-enterprise.md:31", "tcp", (8443, 8443), BOTH),
    row("redis-enterprise.md:32", "tcp", (9081, 9081), &["internal", "active"]),
    row("redis-enterprise.md:33", "tcp", (9443, 9443), ALL),
    row("redis-enterprise.md:33", "tcp", (8080, 8080), ALL),
    row("redis-enterprise.md:34", "tcp", (10_000, 19_999), ALL),
    row("redis-enterprise.md:35", "udp", (53, 53), BOTH),
    row("redis-enterprise.md:35", "udp", (5353, 5353), BOTH),
    row("redis-enterprise.md:44", "tcp", (1968, 1968), INTERNAL),
    row("redis-enterprise.md:45", "tcp", (3333, 3341), INTERNAL),
    row("redis-enterprise.md:45", "tcp", (3343, 3344), INTERNAL),
    row("redis-enterprise.md:45", "tcp", (36_379, 36_380), INTERNAL),
    row("redis-enterprise.md:46", "tcp", (20_000, 29_999), INTERNAL),
    row("redis-enterprise.md:54", "tcp", (8002, 8002), &[]),
    row("redis-enterprise.md:54", "tcp", (8004, 8004), &[]),
    row("redis-enterprise.md:54", "tcp", (8006, 8006), &[]),
    row("redis-enterprise.md:55", "tcp", (8444, 8444), &[]),
    row("redis-enterprise.md:55", "tcp", (9080, 9080), &[]),
];

/// InfluxDB's services that are off until an administrator switches them on.
pub const DISABLED: [Row; 5] = [
    row("influxdb-enterprise.md:61", "tcp", (2003, 2003), &["clients"]),
    row("influxdb-enterprise.md:61", "udp", (2003, 2003), &["clients"]),
    row("influxdb-enterprise.md:69", "tcp", (4242, 4242), &["clients"]),
    row("influxdb-enterprise.md:77", "udp", (8089, 8089), &["clients"]),
    row("influxdb-enterprise.md:85", "udp", (25_826, 25_826), &["clients"]),
];

/// Every source to try: the groups' and the stranger's, both families.
pub fn sources() -> Vec<(&'static str, IpAddr)> {
    let stranger = ("stranger", STRANGER.0, STRANGER.1);
    GROUPS
        .into_iter()
        .chain([stranger])
        .flat_map(|(name, v4, v6)| [(name, v4), (name, v6)])
        .map(|(name, address)| (name, address.parse().expect("an address")))
        .collect()
}
