//! The types of a site as written.

use std::{net::SocketAddr, path::PathBuf};

use ipnet::IpNet;

use super::host::{Answer, HostName};
use crate::{
    matrix::{Attach, Direction, Fragments, Mode, Outbound, Posture, Service},
    reading::{Code, Located, SourceSpan, Value},
};

/// A site file. What could not be read is absent, and its fault is noted; a `Site` is not yet one that holds together.
#[derive(Clone, Debug)]
pub struct Site {
    /// Observe or enforce.
    pub mode: Option<Mode>,
    /// What happens to what no rule names.
    pub posture: Option<Located<Posture>>,
    /// What happens to what no rule admits and the node sends on to others: it passes unless written.
    pub transit: Posture,
    /// Whose later fragments come in under posture `drop`.
    pub fragments: Fragments,
    /// What happens to what leaves, where the site judges it; it stands where its posture does.
    pub outbound: Option<Located<Outbound>>,
    /// Whether the daemon is to follow the files by itself.
    pub watch: bool,
    /// The groups that are always admitted.
    pub failsafe: Option<Failsafe>,
    /// The guarded interfaces.
    pub interfaces: Vec<Interface>,
    /// The named sets of addresses.
    pub groups: Vec<Group>,
    /// The products that run on this node.
    pub products: Vec<Product>,
    /// The site's own rules.
    pub rules: Vec<Rule>,
    /// The warnings that it takes as they are.
    pub accept: Vec<Acceptance>,
    /// What is kept of drops.
    pub audit: Audit,
    /// Where metrics are served, if anywhere.
    pub metrics: Option<Located<SocketAddr>>,
}

/// `[audit]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// Whether it is noted who was dropped.
    pub details: bool,
    /// How many days are kept.
    pub days: u32,
    /// How large the store may grow.
    pub mebibytes: u32,
    /// Who is told of each drop, beside the store.
    pub events: Option<EventsTo>,
}

impl Default for Audit {
    fn default() -> Self {
        Self { details: true, days: 400, mebibytes: 256, events: None }
    }
}

/// Where events go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventsTo {
    /// To the journal.
    Journald,
    /// To a file, a line each.
    File(PathBuf),
}

/// `failsafe = ["GROUP"]`: the groups that are admitted to every port.
#[derive(Clone, Debug)]
pub struct Failsafe {
    /// Their names.
    pub groups: Vec<Located<String>>,
    /// Where the list stands.
    pub at: SourceSpan,
    /// Its line in the file, counted from 1.
    pub line: u32,
}

/// `[interfaces.NAME]`
#[derive(Clone, Debug)]
pub struct Interface {
    /// The kernel's name for it, or a pattern.
    pub name: Located<String>,
    /// Its zone, where it names one.
    pub zone: Option<Located<String>>,
    /// How the program is put on it.
    pub attach: Attach,
    /// Whether it gets its address by DHCP.
    pub dhcp: bool,
}

/// A line of `[groups]`
#[derive(Clone, Debug)]
pub struct Group {
    /// Its name.
    pub name: Located<String>,
    /// The addresses that the site file itself lists, ascending and disjoint.
    pub listed: Vec<Located<IpNet>>,
    /// The files that list more.
    pub files: Vec<Located<GroupFile>>,
    /// The host names.
    pub hosts: Vec<Located<Host>>,
    /// All of its addresses, ascending and disjoint. What a file or a host name brings stands where that is named.
    pub prefixes: Vec<Located<IpNet>>,
}

/// A file of addresses.
#[derive(Clone, Debug)]
pub struct GroupFile {
    /// Its path, as the site file names it.
    pub path: String,
    /// What it holds.
    pub prefixes: Vec<IpNet>,
}

/// A host name.
#[derive(Clone, Debug)]
pub struct Host {
    /// The name.
    pub name: HostName,
    /// What is known of it; nothing, if nobody has been asked.
    pub answer: Option<Answer>,
}

/// Which policy a product follows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PolicyReference {
    /// One that comes with the binary, by name.
    BuiltIn(String),
    /// A file, relative to the site file.
    File(String),
}

impl PolicyReference {
    /// What holds a `/` or ends in `.toml` is a file.
    pub fn new(text: &str) -> Self {
        let is_file = text.contains('/') || text.to_ascii_lowercase().ends_with(".toml");
        if is_file { Self::File(text.to_owned()) } else { Self::BuiltIn(text.to_owned()) }
    }
}

/// Names of a policy, each with the names of this site that stand for it.
pub type Bindings = Vec<(Located<String>, Vec<Located<String>>)>;

/// `[products.NAME]`
#[derive(Clone, Debug)]
pub struct Product {
    /// Its name on this site.
    pub name: Located<String>,
    /// Where the table stands.
    pub at: SourceSpan,
    /// The policy it follows.
    pub policy: Option<Located<PolicyReference>>,
    /// The groups that play each role; `None` where the table could not be read.
    pub roles: Option<Bindings>,
    /// The parameters that this site sets, unread: their types are the policy's.
    pub parameters: Vec<(Located<String>, Value)>,
    /// The profiles of this node, where the site names them.
    pub profiles: Option<Vec<Located<String>>>,
    /// The site's zones that each zone of the policy stands for.
    pub zones: Bindings,
}

/// A `[[rules]]` table: a rule of the site's own.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its name.
    pub name: Located<String>,
    /// Its line in the file, counted from 1.
    pub line: u32,
    /// What it opens.
    pub services: Vec<Service>,
    /// Whether it lets peers in or the node out.
    pub direction: Direction,
    /// The groups it admits: `from`, or `to` of one that lets out.
    pub peers: Vec<Located<String>>,
    /// The zones it holds on, where it names them.
    pub zones: Option<Vec<Located<String>>>,
    /// What it is for.
    pub description: String,
}

/// A `[[accept]]` table: a warning that the site's administrator has thought about.
#[derive(Clone, Debug)]
pub struct Acceptance {
    /// Which warning.
    pub code: Located<&'static Code>,
    /// The group, rule, role, parameter or product that the warning must be about, where it names one.
    pub subject: Option<Located<String>>,
    /// Why it is taken as it is.
    pub reason: String,
}
