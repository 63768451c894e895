//! The draft as TOML with comments.

use std::fmt::{self, Display, Write as _};

use ipnet::IpNet;

use super::{Draft, DraftProduct};
use crate::{
    policy::{Parameter, Setting},
    reading::short_prefix,
    site::ANY,
};

/// The group of the cluster's nodes.
const NODES: &str = "nodes";
/// The group of those who may log in.
const SSH: &str = "ssh";
/// SSH's own port.
const SSH_PORT: u16 = 22;

impl Display for Draft<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HEAD)?;
        for interface in &self.interfaces {
            writeln!(
                f,
                "\n[interfaces.{}]\n# dhcp = true     # if it gets its address by DHCP",
                key(interface)
            )?;
        }
        self.write_groups(f)?;
        for product in &self.products {
            self.write_product(product, f)?;
        }
        self.write_ssh(f)
    }
}

const HEAD: &str = "\
# docs/site.md says what can stand here. After each change:
#   portguard check --site FILE      is it right, and what would a careful colleague ask?
#   portguard matrix --site FILE     who may reach what, and which line of which document says so

# \"observe\" counts what \"enforce\" would drop, and lets it pass. Read `portguard counters` for a day, then change it.
mode = \"observe\"

# What happens to ports that no rule names: \"pass\" or \"drop\". Before \"drop\", see to SSH and to the answers to DNS and NTP:
# `portguard check` asks about them.
posture = \"pass\"

# Groups that every port admits, whatever the rules say, so that nobody is locked out. Whoever is in one has all of the node.
# failsafe = [\"admins\"]
";

impl Draft<'_> {
    fn write_groups(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\n# Names for addresses and prefixes, IPv4 and IPv6. `any`, every address there is, needs no line."
        )?;
        writeln!(f, "[groups]")?;
        if self.products.iter().any(DraftProduct::binds_nodes) {
            writeln!(f, "# the nodes of the cluster, this one included")?;
            writeln!(f, "{NODES} = {}", addresses(&self.nodes))?;
        }
        for (role, prefixes) in &self.roles {
            if !prefixes.is_empty()
                && self.products.iter().any(|product| product.open_roles().contains(&role.as_str()))
            {
                writeln!(f, "{} = {}", group(role), addresses(prefixes))?;
            }
        }
        if !self.ssh_from.is_empty() {
            writeln!(f, "# who may log in")?;
            writeln!(f, "{SSH} = {}", addresses(&self.ssh_from))?;
        }
        Ok(())
    }

    fn write_product(&self, product: &DraftProduct<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let policy = product.policy;
        writeln!(f, "\n# {}, by {}", one_line(&policy.title), policy.document)?;
        writeln!(f, "[products.{}]\npolicy = \"{}\"", policy.name, policy.name)?;
        product.write_profiles(f)?;
        if !policy.zones.is_empty() {
            let zones: Vec<String> = policy.zones.keys().map(|zone| format!("{zone} = \"ZONE\"")).collect();
            writeln!(f, "# where interfaces have a `zone`, which of them is which:")?;
            writeln!(f, "# zones = {{ {} }}", zones.join(", "))?;
        }
        writeln!(f, "\n[products.{}.roles]", policy.name)?;
        for (name, role) in policy.roles.iter().filter(|(name, _)| !product.is_fixed(name)) {
            let meaning = one_line(&role.meaning);
            if !product.needs_binding(name) {
                writeln!(f, "# {meaning}; with these parameters no rule asks for them\n# {name} = []")?;
            } else if product.is_of_the_cluster(name) {
                writeln!(f, "# {meaning}\n{name} = [\"{NODES}\"]")?;
            } else if self.roles.get(name).is_some_and(|prefixes| !prefixes.is_empty()) {
                writeln!(f, "# {meaning}\n{name} = [\"{}\"]", group(name))?;
            } else {
                writeln!(f, "# fill in: {meaning}; [] admits nobody\n{name} = []")?;
            }
        }
        product.write_parameters(f)
    }

    fn write_ssh(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = self.ssh_port.unwrap_or(SSH_PORT);
        if self.ssh_from.is_empty() {
            return write!(
                f,
                "\n# Rules of your own. With posture \"drop\" this one keeps you from being locked out:\n#\n# [[rules]]\n# name = \
                 \"ssh\"\n# ports = [\"{port}/tcp\"]\n# from = [\"{SSH}\"]      # and in [groups] {SSH} = [\"ADDRESS\"]\n"
            );
        }
        write!(
            f,
            "\n# Rules of your own.\n[[rules]]\nname = \"ssh\"\nports = [\"{port}/tcp\"]\nfrom = [\"{SSH}\"]\ndescription = \
             \"administration\"\n"
        )
    }
}

impl DraftProduct<'_> {
    fn binds_nodes(&self) -> bool {
        self.policy.roles.keys().any(|role| self.needs_binding(role) && self.is_of_the_cluster(role))
    }

    fn write_profiles(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |names: &mut dyn Iterator<Item = &String>| {
            names.map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
        };
        if self.policy.profiles.is_empty() {
            return Ok(());
        }
        writeln!(f, "# the kinds of nodes that there are:")?;
        for (name, profile) in &self.policy.profiles {
            writeln!(f, "#   {name}: {}", one_line(&profile.meaning))?;
        }
        if self.profiles.is_empty() {
            writeln!(f, "# this node is all of them, unless you say which:")?;
            return writeln!(f, "# profiles = [{}]", quoted(&mut self.policy.profiles.keys()));
        }
        writeln!(f, "profiles = [{}]", quoted(&mut self.profiles.iter()))
    }

    fn write_parameters(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.policy.parameters.is_empty() {
            return Ok(());
        }
        let unknown = self.unknown_ports();
        writeln!(f, "\n# The product's defaults; write down what is configured otherwise.")?;
        writeln!(f, "[products.{}.parameters]", self.policy.name)?;
        for (name, parameter) in &self.policy.parameters {
            let Parameter { meaning, default, .. } = parameter;
            let meaning = one_line(meaning);
            if unknown.contains(&name.as_str()) {
                writeln!(f, "# fill in, if anybody reaches them over the network: {meaning}\n{name} = []")?;
            } else {
                writeln!(f, "# {meaning}\n# {name} = {}", value(default))?;
            }
        }
        Ok(())
    }
}

/// The group for a role, which must not be one of those that have a meaning of their own.
fn group(role: &str) -> String {
    if [NODES, SSH, ANY].contains(&role) { format!("{role}-peers") } else { role.to_owned() }
}

fn addresses(prefixes: &[IpNet]) -> String {
    let mut text = String::from("[");
    for (position, prefix) in prefixes.iter().enumerate() {
        let separator = if position == 0 { "" } else { ", " };
        write!(text, "{separator}\"{}\"", short_prefix(prefix)).expect("writing to a string does not fail");
    }
    text + "]"
}

/// A parameter's value as a site writes it.
fn value(setting: &Setting) -> String {
    match setting {
        Setting::Flag(flag) => flag.to_string(),
        Setting::Port(number) | Setting::Number(number) => number.to_string(),
        Setting::Ports(ranges) => {
            let ranges: Vec<String> = ranges.iter().map(|range| format!("\"{range}\"")).collect();
            format!("[{}]", ranges.join(", "))
        }
        Setting::Choice(choice) => quoted(choice),
    }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// An interface as a key: bare where it can be.
fn key(name: &str) -> String {
    let is_bare = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if is_bare && !name.is_empty() { name.to_owned() } else { quoted(name) }
}

/// Text as a comment can hold it.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
