//! Sites and questions, drawn at random.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ops::RangeInclusive,
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use portguard::policy::BuiltIn;
use rand::{RngExt, rngs::StdRng, seq::IndexedRandom};
use toml::{Table, Value};

use super::{
    Kind, Question,
    ports::{Settings, parameter, ranges},
};

const GROUPS: [&str; 8] = ["ants", "bees", "cats", "dogs", "eels", "foxes", "gnus", "hens"];

/// A policy that a site can name.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// How a site names it.
    pub reference: String,
    /// Its TOML.
    pub text: String,
}

impl From<&BuiltIn> for Policy {
    fn from(built_in: &BuiltIn) -> Self {
        let name = built_in.name.to_owned();
        Self { reference: name.clone(), name, text: built_in.text.to_owned() }
    }
}

/// A site, and what its text says.
#[derive(Debug)]
pub struct Site {
    /// The site file.
    pub text: String,
    /// Its zones.
    pub zones: Vec<String>,
    pub(super) posture_pass: bool,
    pub(super) groups: BTreeMap<String, Vec<IpNet>>,
    /// The failsafe groups.
    pub(super) failsafe: Vec<String>,
    pub(super) products: Vec<Product>,
    /// Where what leaves is judged: whether what no rule names does.
    pub(super) outbound_pass: Option<bool>,
    pub(super) own_rules: Vec<OwnRule>,
}

/// A rule of the site's own, for TCP and one group.
#[derive(Debug)]
pub(super) struct OwnRule {
    pub(super) name: String,
    pub(super) line: u32,
    pub(super) ports: RangeInclusive<u16>,
    pub(super) group: String,
    pub(super) out: bool,
}

/// A product: its policy's TOML, and what the site says about it.
#[derive(Debug)]
pub(super) struct Product {
    pub(super) policy: String,
    reference: String,
    document: Table,
    pub(super) settings: Settings,
    /// The parameters that the site sets.
    set: BTreeSet<String>,
    pub(super) roles: BTreeMap<String, Vec<String>>,
    pub(super) profiles: BTreeSet<String>,
    /// Whether the site names the profiles.
    profiles_named: bool,
    pub(super) zones: BTreeMap<String, Vec<String>>,
}

impl Product {
    pub(super) fn rules(&self) -> impl Iterator<Item = &Table> {
        self.document["rules"].as_array().into_iter().flatten().filter_map(Value::as_table)
    }

    /// The addresses that the document itself gives a role.
    pub(super) fn fixed_addresses(&self, role: &str) -> Option<Vec<IpNet>> {
        let texts = self.document.get("roles")?.get(role)?.get("addresses")?.as_array()?;
        let prefixes = texts.iter().filter_map(Value::as_str).map(|text| match text.parse::<IpAddr>() {
            Ok(address) => IpNet::from(address),
            Err(_) => text.parse().expect("the policy is sound"),
        });
        Some(prefixes.collect())
    }
}

impl Site {
    /// A site on which these products run, with so many zones.
    ///
    /// # Panics
    /// When a policy is not TOML.
    pub fn draw(policies: &[Policy], zones: usize, random: &mut StdRng) -> Self {
        let zones: Vec<String> = ["front", "back"][..zones].iter().map(|&zone| zone.to_owned()).collect();
        let groups = GROUPS.iter().map(|&name| (name.to_owned(), prefixes(random))).collect();
        let products = policies.iter().map(|policy| draw_product(policy, &zones, random)).collect();
        let mut site = Self {
            text: String::new(),
            zones,
            posture_pass: random.random_bool(0.3),
            groups,
            failsafe: failsafe(random),
            products,
            outbound_pass: random.random_bool(0.7).then(|| random.random_bool(0.3)),
            own_rules: Vec::new(),
        };
        site.write(random).expect("a string takes all");
        site
    }

    fn write(&mut self, random: &mut StdRng) -> std::fmt::Result {
        let mut text = String::new();
        let posture = if self.posture_pass { "pass" } else { "drop" };
        writeln!(text, "mode = \"enforce\"\nposture = \"{posture}\"")?;
        if !self.failsafe.is_empty() {
            writeln!(text, "failsafe = {}", list(self.failsafe.iter()))?;
        }
        if let Some(pass) = self.outbound_pass {
            let posture = if pass { "pass" } else { "drop" };
            writeln!(text, "outbound = \"enforce\"\noutbound_posture = \"{posture}\"")?;
        }
        for (number, zone) in self.zones.iter().enumerate() {
            writeln!(text, "[interfaces.eth{number}]\nzone = \"{zone}\"")?;
        }
        writeln!(text, "[groups]")?;
        for (name, prefixes) in &self.groups {
            writeln!(text, "{name} = {}", list(prefixes.iter()))?;
        }
        for product in &self.products {
            write_product(&mut text, product)?;
        }
        let own =
            [("own-ssh", 22..=22, false), ("own-range", 8000..=9500, false), ("own-out", 5000..=9000, true)];
        for (name, ports, out) in own {
            let line = u32::try_from(text.lines().count() + 1).expect("a short file");
            let group = (*GROUPS.choose(random).expect("there are groups")).to_owned();
            let (first, last) = (ports.start(), ports.end());
            writeln!(
                text,
                "[[rules]]\nname = \"{name}\"\nports = [\"{first}-{last}/tcp\"]\n{} = [\"{group}\"]",
                if out { "to" } else { "from" }
            )?;
            self.own_rules.push(OwnRule { name: name.to_owned(), line, ports, group, out });
        }
        self.text = text;
        Ok(())
    }

    /// A question, most likely about an edge of something.
    ///
    /// # Panics
    /// Never: there are zones and groups.
    pub fn question(&self, random: &mut StdRng) -> Question {
        let from = self.source(random);
        let port = self.port(random);
        let to = match random.random_range(0..20) {
            0..11 => Kind::Tcp(port),
            11..16 => Kind::Udp(port),
            16 => Kind::Sctp(port),
            17 => Kind::Protocol(*[47, 50, 89].choose(random).expect("three")),
            _ if from.is_ipv4() => Kind::Icmp(*[8, 8, 13, 3, 0, 42].choose(random).expect("six")),
            _ => Kind::Icmp(*[128, 128, 137, 1, 129, 135, 42].choose(random).expect("seven")),
        };
        let zone = self.zones.choose(random).expect("there are zones").clone();
        Question { from, to, zone, out: random.random_bool(0.3) }
    }

    fn source(&self, random: &mut StdRng) -> IpAddr {
        let fixed = self.products.iter().flat_map(|product| {
            let roles =
                product.document.get("roles").and_then(Value::as_table).into_iter().flat_map(Table::keys);
            roles.filter_map(|role| product.fixed_addresses(role)).flatten()
        });
        let known: Vec<IpNet> = self.groups.values().flatten().copied().chain(fixed).collect();
        match known.choose(random) {
            Some(prefix) if random.random_bool(0.8) => edge(prefix, random),
            _ => address(random),
        }
    }

    /// A port at the edge of what a rule names, switched on or not, or any.
    fn port(&self, random: &mut StdRng) -> u16 {
        let product = self.products.choose(random).expect("there are products");
        let rules: Vec<&Table> = product.rules().filter(|rule| has_ports(rule)).collect();
        let named = rules.choose(random).map(|rule| ranges(&rule["ports"], &product.settings));
        match named.as_deref().and_then(|ranges| ranges.choose(random)) {
            Some(range) if random.random_bool(0.8) => {
                let (first, last) = (*range.start(), *range.end());
                let edges =
                    [first.saturating_sub(1), first, first.midpoint(last), last, last.saturating_add(1)];
                *edges.choose(random).expect("five")
            }
            _ => random.random_range(1..=u16::MAX),
        }
    }
}

/// None on most sites.
fn failsafe(random: &mut StdRng) -> Vec<String> {
    let groups = GROUPS.map(str::to_owned);
    if random.random_bool(0.3) { few(&groups, random).into_iter().collect() } else { Vec::new() }
}

fn has_ports(rule: &Table) -> bool {
    matches!(rule["protocol"].as_str(), Some("tcp" | "udp" | "sctp"))
}

fn write_product(text: &mut String, product: &Product) -> std::fmt::Result {
    let name = &product.policy;
    writeln!(text, "[products.p-{name}]\npolicy = \"{}\"", product.reference)?;
    if product.profiles_named {
        writeln!(text, "profiles = {}", list(product.profiles.iter()))?;
    }
    writeln!(text, "[products.p-{name}.roles]")?;
    for (role, groups) in &product.roles {
        writeln!(text, "{role} = {}", list(groups.iter()))?;
    }
    writeln!(text, "[products.p-{name}.parameters]")?;
    for parameter in &product.set {
        writeln!(text, "{parameter} = {}", product.settings[parameter])?;
    }
    writeln!(text, "[products.p-{name}.zones]")?;
    for (zone, zones) in &product.zones {
        writeln!(text, "{zone} = {}", list(zones.iter()))?;
    }
    Ok(())
}

fn list<T: ToString>(items: impl Iterator<Item = T>) -> String {
    let items: Vec<String> = items.map(|item| format!("\"{}\"", item.to_string())).collect();
    format!("[{}]", items.join(", "))
}

fn draw_product(policy: &Policy, zones: &[String], random: &mut StdRng) -> Product {
    let document: Table = policy.text.parse().expect("a policy is TOML");
    let keys = |key: &str| -> Vec<String> {
        document.get(key).and_then(Value::as_table).into_iter().flat_map(Table::keys).cloned().collect()
    };
    let (mut settings, mut set) = (Settings::new(), BTreeSet::new());
    for name in keys("parameters") {
        let declared = document["parameters"][&name].as_table().expect("a table");
        let value = if random.random_bool(0.5) {
            set.insert(name.clone());
            draw_setting(declared, random)
        } else {
            declared["default"].clone()
        };
        settings.insert(name, value);
    }
    let all: Vec<String> = keys("profiles");
    let required = document.get("profile_choice").and_then(Value::as_str) == Some("required");
    let profiles_named = !all.is_empty() && (required || random.random_bool(0.5));
    let profiles: BTreeSet<String> =
        if profiles_named { some(&all, random) } else { all.into_iter().collect() };
    let bound = keys("roles").into_iter().filter(|role| document["roles"][role].get("addresses").is_none());
    let groups: Vec<String> = GROUPS.iter().map(|&group| group.to_owned()).collect();
    let roles = bound.map(|role| {
        let groups = if random.random_bool(0.1) { BTreeSet::new() } else { few(&groups, random) };
        (role, groups.into_iter().collect())
    });
    let roles = roles.collect();
    let bound =
        keys("zones").into_iter().map(|zone| (zone, some(zones, random).into_iter().collect())).collect();
    Product {
        policy: policy.name.clone(),
        reference: policy.reference.clone(),
        document,
        settings,
        set,
        roles,
        profiles,
        profiles_named,
        zones: bound,
    }
}

fn draw_setting(declared: &Table, random: &mut StdRng) -> Value {
    let within = declared.get("within").map_or(1024..=40_000, |within| parameter(within)[0].clone());
    let port = |random: &mut StdRng| random.random_range(within.clone());
    match declared["type"].as_str().expect("a string") {
        "bool" => Value::Boolean(random.random_bool(0.5)),
        "port" => Value::Integer(port(random).into()),
        "number" => Value::Integer(random.random_range(0..500)),
        "choice" => declared["one_of"].as_array().expect("a list").choose(random).expect("a value").clone(),
        "ports" => {
            let ranges = (0..random.random_range(0..4)).map(|_| {
                let (one, other) = (port(random), port(random));
                let last = one.max(other).min(one.min(other).saturating_add(50));
                Value::String(format!("{}-{last}", one.min(other)))
            });
            Value::Array(ranges.collect())
        }
        other => panic!("a type that this oracle does not know: {other}"),
    }
}

/// One of them at least.
fn some(of: &[String], random: &mut StdRng) -> BTreeSet<String> {
    let count = random.random_range(1..=of.len());
    of.sample(random, count).cloned().collect()
}

/// Up to three of them.
fn few(of: &[String], random: &mut StdRng) -> BTreeSet<String> {
    let count = random.random_range(1..=3);
    of.sample(random, count).cloned().collect()
}

/// A group's prefixes: up to six that do not overlap each other, though they overlap those of other groups.
fn prefixes(random: &mut StdRng) -> Vec<IpNet> {
    let mut kept: Vec<IpNet> = Vec::new();
    for _ in 0..random.random_range(0..=6) {
        let prefix = match address(random) {
            IpAddr::V4(address) => {
                let length = *[12, 16, 20, 24, 29, 31, 32, 32].choose(random).expect("eight");
                IpNet::V4(Ipv4Net::new(address, length).expect("at most 32"))
            }
            IpAddr::V6(address) => {
                let length = *[40, 48, 64, 65, 127, 128, 128].choose(random).expect("seven");
                IpNet::V6(Ipv6Net::new(address, length).expect("at most 128"))
            }
        };
        let prefix = prefix.trunc();
        if !kept.iter().any(|other| other.contains(&prefix) || prefix.contains(other)) {
            kept.push(prefix);
        }
    }
    kept
}

/// One of few addresses, so that prefixes nest.
fn address(random: &mut StdRng) -> IpAddr {
    let mut low = |end: u8| random.random_range(0..end);
    if low(5) < 3 {
        return IpAddr::V4(Ipv4Addr::new(10, low(3), low(3), low(9)));
    }
    let [second, third, last] = [low(3), low(3), low(9)].map(u16::from);
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, second, third, 0, 0, 0, last))
}

/// The first or last address of a prefix, one beside it, or one inside.
fn edge(prefix: &IpNet, random: &mut StdRng) -> IpAddr {
    let which = random.random_range(0..5);
    match prefix {
        IpNet::V4(net) => {
            let (first, last) = (net.network().to_bits(), net.broadcast().to_bits());
            let edges = [first - 1, first, first.midpoint(last), last, last.saturating_add(1)];
            IpAddr::V4(Ipv4Addr::from_bits(edges[which]))
        }
        IpNet::V6(net) => {
            let (first, last) = (net.network().to_bits(), net.broadcast().to_bits());
            let edges = [first - 1, first, first.midpoint(last), last, last.saturating_add(1)];
            IpAddr::V6(Ipv6Addr::from_bits(edges[which]))
        }
    }
}
