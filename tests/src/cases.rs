//! Sites to ask about: one with two products for packets of every kind, and the cases of every document with the
//! sources that each of their roles is.

use std::{
    collections::BTreeSet,
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnet::IpNet;
use portguard::{
    input::read_site,
    matrix::Matrix,
    policy::{self, built_in},
    reading::Source,
};
use tempfile::TempDir;

use crate::rows::{Case, Row};

/// The groups of the site with two products, each with an address of both families.
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

/// A site with two products, each role bound to a group of its own.
fn site_text() -> String {
    let groups = (1..).zip(GROUPS).map(|(index, (name, _, _))| {
        format!("{name} = [\"10.{index}.0.0/16\", \"2001:db8:{index}::/48\"]\n")
    });
    format!(
        "mode = \"enforce\"\nposture = \"drop\"\n[interfaces.eth0]\n[groups]\n{}\
         [products.influxdb]\npolicy = \"influxdb-enterprise\"\n[products.influxdb.roles]\nclients = [\"clients\"]\n\
         data-nodes = [\"data\"]\nmeta-nodes = [\"meta\"]\nchronograf = [\"chronograf\"]\n\
         [products.redis]\npolicy = \"redis-enterprise\"\n[products.redis.roles]\ninternal = [\"internal\"]\n\
         external = [\"external\"]\nactive-active = [\"active\"]\n",
        groups.collect::<String>(),
    )
}

/// The matrix of a site with InfluxDB and Redis, whose roles are [`GROUPS`].
pub fn matrix() -> anyhow::Result<Matrix> {
    read(&site_text())
}

fn read(site: &str) -> anyhow::Result<Matrix> {
    let directory = TempDir::new()?;
    let path = directory.path().join("site.toml");
    fs::write(&path, site)?;
    read_site(&path).map(|loaded| loaded.matrix).map_err(|error| anyhow::anyhow!("{error:?}"))
}

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

/// A case with its site read and its roles at hand.
pub struct Site {
    /// The case.
    pub case: Case,
    /// Its matrix: each role is a group of its own.
    pub matrix: Matrix,
    roles: Vec<String>,
    /// The roles whose addresses the document itself names.
    fixed: Vec<(String, Vec<IpNet>)>,
}

impl Site {
    /// Reads the site of `case`.
    pub fn read(case: Case) -> anyhow::Result<Self> {
        Self::read_with("", case)
    }

    /// The same with what leaves judged, too: what no document names drops.
    pub fn read_judging_outbound(case: Case) -> anyhow::Result<Self> {
        Self::read_with("outbound = \"enforce\"\noutbound_posture = \"drop\"\n", case)
    }

    fn read_with(head: &str, case: Case) -> anyhow::Result<Self> {
        let built_in = built_in(case.policy).ok_or_else(|| anyhow::anyhow!("no policy {}", case.policy))?;
        let policy = policy::parse(&Source::new(built_in.file, built_in.text))
            .map_err(|faults| anyhow::anyhow!("{faults:?}"))?;
        let (mut roles, mut fixed) = (Vec::new(), Vec::new());
        for (name, role) in policy.roles {
            match role.addresses {
                Some(addresses) => fixed.push((name, addresses)),
                None => roles.push(name),
            }
        }
        let names: Vec<&str> = roles.iter().map(String::as_str).collect();
        let matrix = read(&(head.to_owned() + &case.site(&names)))?;
        Ok(Self { case, matrix, roles, fixed })
    }

    /// The roles that are bound, in the order of their groups.
    pub fn roles(&self) -> &[String] {
        &self.roles
    }

    /// A source in each role and one in none, both families.
    pub fn sources(&self) -> Vec<(&str, IpAddr)> {
        let names = self.roles.iter().map(String::as_str).chain(["nobody"]);
        let addresses = (1..).zip(names).flat_map(|(index, name)| {
            [format!("10.{index}.0.9"), format!("2001:db8:{index}::9")].map(|address| (name, address))
        });
        addresses.map(|(name, address)| (name, address.parse().expect("an address"))).collect()
    }

    /// A destination in each role, both ends of the networks that the document itself names, and the neighbours of these; and
    /// one in none, both families.
    pub fn destinations(&self) -> Vec<(&str, IpAddr)> {
        let beside = |address: IpAddr, step: i8| match address {
            IpAddr::V4(v4) => {
                IpAddr::from(Ipv4Addr::from_bits(v4.to_bits().wrapping_add_signed(step.into())))
            }
            IpAddr::V6(v6) => {
                IpAddr::from(Ipv6Addr::from_bits(v6.to_bits().wrapping_add_signed(step.into())))
            }
        };
        let named =
            self.fixed.iter().flat_map(|(name, networks)| networks.iter().map(move |net| (name, net)));
        let named = named.flat_map(|(name, net)| {
            let (first, last) = (net.network(), net.broadcast());
            [
                (name.as_str(), first),
                (name.as_str(), last),
                ("nobody", beside(first, -1)),
                ("nobody", beside(last, 1)),
            ]
        });
        self.sources().into_iter().chain(named).collect()
    }

    /// The roles that the document lets such a node reach at a port; `None` when it does not say that it goes there.
    pub fn reached(&self, protocol: &str, port: u16, zone: Option<&str>) -> Option<BTreeSet<&'static str>> {
        let names_it = |row: &&Row| {
            let here = row.zone.is_none() || row.zone == zone;
            here && row.protocol == protocol && (row.ports.0..=row.ports.1).contains(&port)
        };
        let rows = self.case.rows.iter().filter(names_it);
        let to = |row: &Row| if row.outbound { row.roles.to_vec() } else { self.case.reached(row) };
        let roles: BTreeSet<&'static str> = rows.flat_map(to).collect();
        (!roles.is_empty()).then_some(roles)
    }

    /// The roles that the document admits to a port on a kind of network; `None` when it does not name the port.
    pub fn admitted(&self, protocol: &str, port: u16, zone: Option<&str>) -> Option<BTreeSet<&'static str>> {
        let names_it = |row: &&Row| {
            let here = row.zone.is_none() || row.zone == zone;
            let there = row.protocol == protocol && (row.ports.0..=row.ports.1).contains(&port);
            here && there && !row.outbound
        };
        let rows: Vec<&Row> = self.case.rows.iter().filter(names_it).collect();
        (!rows.is_empty()).then(|| rows.iter().flat_map(|row| row.roles).copied().collect())
    }
}

/// The edges and the middle of every range of the inbound ones of these rows, and the ports beside them.
pub fn edges<'a>(rows: impl IntoIterator<Item = &'a Row>) -> BTreeSet<(&'static str, u16)> {
    edges_of_all(rows.into_iter().filter(|row| !row.outbound))
}

/// The same of all of them.
pub fn edges_of_all<'a>(rows: impl IntoIterator<Item = &'a Row>) -> BTreeSet<(&'static str, u16)> {
    let ports = rows.into_iter().flat_map(|&Row { protocol, ports: (first, last), .. }| {
        // Pings have no port.
        let beside = u16::from(protocol != "icmp");
        [first.saturating_sub(beside), first, first.midpoint(last), last, last.saturating_add(beside)]
            .map(|port| (protocol, port))
    });
    ports.collect()
}
