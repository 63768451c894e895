//! The documents once more: every row of the five, written down by hand from the documents and not from the policies,
//! with what is left of them when parameters are set and features are off. The policies' tests and the kernel's are
//! held against it. Plain data; it knows no type of portguard's, since two crates include it.

mod event_store;
mod influxdb;
mod redis;
mod thoughtspot;
mod wso2;

use std::fmt::Write as _;

/// What a document says of a port: on which line, and who may reach it.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The document's line.
    pub line: u32,
    /// Whether the node opens the connection.
    pub outbound: bool,
    /// `tcp`, `udp`, or `icmp` for pings.
    pub protocol: &'static str,
    /// First and last port; 0 where there are none.
    pub ports: (u16, u16),
    /// The roles at the other end.
    pub roles: &'static [&'static str],
    /// The kind of network that it is on, where the document knows several.
    pub zone: Option<&'static str>,
}

impl Row {
    fn outbound(self) -> Self {
        Self { outbound: true, ..self }
    }

    fn on(self, zone: &'static str) -> Self {
        Self { zone: Some(zone), ..self }
    }

    fn moved(self, by: u16) -> Self {
        Self { ports: (self.ports.0 + by, self.ports.1 + by), ..self }
    }
}

const fn range(line: u32, protocol: &'static str, ports: (u16, u16), roles: &'static [&'static str]) -> Row {
    Row { line, outbound: false, protocol, ports, roles, zone: None }
}

const fn tcp(line: u32, port: u16, roles: &'static [&'static str]) -> Row {
    range(line, "tcp", (port, port), roles)
}

const fn udp(line: u32, port: u16, roles: &'static [&'static str]) -> Row {
    range(line, "udp", (port, port), roles)
}

/// A product as a site may have it, and the rows that are then in force: these and no others.
#[derive(Clone, Debug)]
pub struct Case {
    /// The policy's name.
    pub policy: &'static str,
    /// What is particular about it.
    pub name: String,
    /// What the site file says of the product beside policy and roles.
    pub settings: String,
    /// The kinds of networks of the document; the site has an interface of each.
    pub zones: &'static [&'static str],
    /// What the document says of such a node.
    pub rows: Vec<Row>,
}

impl Case {
    fn new(policy: &'static str, name: &str, settings: &str, rows: Vec<Row>) -> Self {
        let (name, settings) = (name.to_owned(), settings.to_owned());
        Self { policy, name, settings, zones: &[], rows }
    }

    /// The roles to whose port of an inbound row such a node connects as well, since they listen on it as the node does.
    pub fn reached(&self, row: &Row) -> Vec<&'static str> {
        let same: &[&str] = match (self.policy, row.line) {
            (_, _) if row.outbound => &[],
            ("redis-enterprise", 35) => return vec!["internal", "mdns-group"],
            ("redis-enterprise", _) => &["internal", "active-active"],
            ("influxdb-enterprise", 25) => &["data-nodes"],
            ("influxdb-enterprise", 41 | 49) => &["meta-nodes"],
            ("event-store" | "thoughtspot", _) => &["nodes"],
            // Analytics go one way; and a multicast goes to no member's own address.
            ("wso2", 206 | 209) => &[],
            ("wso2", 157) => return vec!["multicast-group"],
            ("wso2", _) => &["members", "servers"],
            _ => &[],
        };
        row.roles.iter().copied().filter(|role| same.contains(role)).collect()
    }

    /// A site with this product and nothing else. Each of `roles` is bound to a group of its own.
    pub fn site(&self, roles: &[&str]) -> String {
        let mut text = "mode = \"enforce\"\nposture = \"drop\"\n".to_owned();
        let mut bound_zones = String::new();
        for (index, zone) in self.zones.iter().enumerate() {
            write!(text, "[interfaces.eth{index}]\nzone = \"at-{zone}\"\n").expect("memory does not fail");
            writeln!(bound_zones, "zones.{zone} = \"at-{zone}\"").expect("memory does not fail");
        }
        if self.zones.is_empty() {
            text.push_str("[interfaces.eth0]\n");
        }
        text.push_str("[groups]\n");
        let mut bound_roles = String::new();
        for (index, role) in (1..).zip(roles) {
            writeln!(text, "of-{role} = [\"10.{index}.0.0/16\", \"2001:db8:{index}::/48\"]")
                .expect("memory does not fail");
            writeln!(bound_roles, "{role} = [\"of-{role}\"]").expect("memory does not fail");
        }
        let Self { policy, settings, .. } = self;
        write!(text, "[products.it]\npolicy = \"{policy}\"\n{settings}\n{bound_zones}[products.it.roles]\n")
            .expect("memory does not fail");
        text + &bound_roles
    }
}

/// Every product in every way that is tested.
pub fn cases() -> Vec<Case> {
    [redis::cases(), influxdb::cases(), thoughtspot::cases(), event_store::cases(), wso2::cases()].concat()
}
