//! A policy as written: each field read on its own, with its place; names not yet followed.

use ipnet::IpNet;

use super::{
    Basis, Declared, Fault, ParameterType, Place, ProfileChoice, Protocol, Reach, Role, SELF, Setting,
    model::{Condition, Test},
    parameter::{Parameter, parse_range, read_setting},
    port::PortExpression,
};
use crate::{
    matrix::{Direction, IcmpFamilies, PortRange, Transport, portless},
    reading::{self, Located, SourceSpan, Table, Value, disjoint_prefixes, prefix},
};

type Faults = reading::Faults<Fault>;

/// Named declarations in the order of the file. The value is absent where it could not be read, and the name stays
/// known, so that one fault does not make others.
pub(super) type Declarations<T> = Vec<(Located<String>, Option<T>)>;

/// A policy file.
pub(super) struct RawPolicy {
    pub(super) name: Option<String>,
    pub(super) title: Option<String>,
    pub(super) document: Option<String>,
    pub(super) profile_choice: ProfileChoice,
    pub(super) roles: Declarations<Role>,
    pub(super) parameters: Declarations<Parameter>,
    pub(super) profiles: Declarations<Declared>,
    pub(super) zones: Declarations<Declared>,
    pub(super) rules: Vec<RawRule>,
}

/// A `[[rules]]` table.
pub(super) struct RawRule {
    pub(super) at: SourceSpan,
    pub(super) id: Option<Located<String>>,
    pub(super) ports: Vec<Located<PortExpression>>,
    pub(super) protocol: Option<Protocol>,
    pub(super) direction: Direction,
    pub(super) peers: Vec<Located<String>>,
    pub(super) reaches: Vec<Located<String>>,
    pub(super) when: Vec<Located<Condition>>,
    pub(super) profiles: Vec<Located<String>>,
    pub(super) zones: Vec<Located<String>>,
    pub(super) place: Option<Place>,
    pub(super) says: Option<String>,
    pub(super) description: Option<String>,
    pub(super) reach: Reach,
    pub(super) inferred: Vec<String>,
    pub(super) why: Option<String>,
}

const LAST_LINE: u32 = 1_000_000;

const EVERY_PORT: (u16, u16) = (1, u16::MAX);

pub(super) fn read(mut file: Table, faults: &mut Faults) -> RawPolicy {
    read_format(&mut file, faults);
    let name = file
        .need("name", "the name that site files use, for example name = \"my-product\"", faults)
        .and_then(|value| value.name(faults))
        .map(|name| name.value);
    let title = read_words(&mut file, "title", "the product's name", faults);
    let document = read_words(&mut file, "document", "the file name of the vendor's page", faults);
    let profile_choice = file
        .get("profile_choice")
        .and_then(|value| {
            value.one_of(&[("all", ProfileChoice::All), ("required", ProfileChoice::Required)], faults)
        })
        .unwrap_or(ProfileChoice::All);
    let policy = RawPolicy {
        name,
        title,
        document,
        profile_choice,
        roles: read_declarations(file.get("roles"), read_role, faults),
        parameters: read_declarations(file.get("parameters"), read_parameter, faults),
        profiles: read_declarations(file.get("profiles"), read_declared, faults),
        zones: read_declarations(file.get("zones"), read_declared, faults),
        rules: read_rules(&mut file, faults),
    };
    for (role, _) in &policy.roles {
        if role.value == SELF {
            faults.push(Fault::Reserved { name: role.value.clone(), at: role.at });
        }
    }
    file.finish(faults);
    policy
}

fn read_rules(file: &mut Table, faults: &mut Faults) -> Vec<RawRule> {
    if file.lacks("rules") || file.is_empty("rules") {
        faults.push_absence(Fault::NoRules { at: file.at() });
    }
    let tables = file.get("rules").map(|value| value.tables(faults)).unwrap_or_default();
    tables.into_iter().map(|table| read_rule(table, faults)).collect()
}

fn read_format(file: &mut Table, faults: &mut Faults) {
    let format = file.need("format", "begin the file with format = 1", faults);
    if let Some(format) = format.and_then(|value| value.number(0, u32::MAX, faults))
        && format.value != 1
    {
        faults.push(Fault::Format { found: format.value, at: format.at });
    }
}

fn read_words(table: &mut Table, key: &'static str, remedy: &str, faults: &mut Faults) -> Option<String> {
    Some(table.need(key, remedy, faults)?.words(faults)?.value)
}

fn read_declarations<T>(
    value: Option<Value>,
    read: fn(Table, &mut Faults) -> Option<T>,
    faults: &mut Faults,
) -> Declarations<T> {
    let Some(table) = value.and_then(|value| value.table(faults)) else { return Vec::new() };
    table
        .named(faults)
        .into_iter()
        .map(|(name, value)| (name, value.table(faults).and_then(|table| read(table, faults))))
        .collect()
}

fn read_declared(mut table: Table, faults: &mut Faults) -> Option<Declared> {
    let meaning = read_words(&mut table, "meaning", "say what it is in a few words", faults);
    let line = read_lines(&mut table, faults);
    table.finish(faults);
    Some(Declared { meaning: meaning?, line: *line?.first()? })
}

/// `line = 29` or `line = [29, 31]`.
fn read_lines(table: &mut Table, faults: &mut Faults) -> Option<Vec<u32>> {
    let value = table.need("line", "say at which line the document says it, counted from 1", faults)?;
    if let reading::Kind::List(items) = &value.kind {
        let lines: Option<Vec<u32>> =
            items.iter().map(|item| item.number(1, LAST_LINE, faults).map(|line| line.value)).collect();
        if items.is_empty() {
            let remedy = "say at which line the document says it";
            faults.push(reading::Fault::Empty { key: value.path.clone(), at: value.at, remedy });
        }
        return lines.filter(|lines| !lines.is_empty());
    }
    value.number(1, LAST_LINE, faults).map(|line| vec![line.value])
}

fn read_place(table: &mut Table, faults: &mut Faults) -> Option<Place> {
    let section =
        read_words(table, "section", "name the heading of the document that it stands under", faults);
    let lines = read_lines(table, faults);
    Some(Place { section: section?, lines: lines? })
}

fn read_reach(table: &mut Table, faults: &mut Faults) -> Reach {
    match table.get("cluster_only").and_then(|value| value.flag(faults)) {
        Some(true) => Reach::ClusterOnly,
        Some(false) | None => Reach::Anywhere,
    }
}

fn read_role(mut table: Table, faults: &mut Faults) -> Option<Role> {
    let meaning = read_words(&mut table, "meaning", "say who it is in a few words", faults);
    let place = read_place(&mut table, faults);
    let basis = table
        .need("basis", "write \"documented\" where the document names the role, else \"inferred\"", faults)
        .and_then(|value| {
            value.one_of(&[("documented", Basis::Documented), ("inferred", Basis::Inferred)], faults)
        });
    let addresses = table.get("addresses").and_then(|value| read_addresses(&value, faults));
    let reach = read_reach(&mut table, faults);
    table.finish(faults);
    Some(Role { meaning: meaning?, place: place?, basis: basis?, addresses, reach })
}

fn read_addresses(value: &Value, faults: &mut Faults) -> Option<Vec<IpNet>> {
    let texts = value.texts(faults)?;
    let prefixes: Vec<_> = texts.iter().filter_map(|text| prefix(text, faults)).collect();
    let prefixes = disjoint_prefixes(&format!("`{}`", value.path), &prefixes, faults);
    Some(prefixes.into_iter().map(|prefix| prefix.value).collect())
}

fn read_parameter(mut table: Table, faults: &mut Faults) -> Option<Parameter> {
    let meaning = read_words(&mut table, "meaning", "say what it changes in a few words", faults);
    let lines = read_lines(&mut table, faults);
    let kind = read_parameter_type(&mut table, faults);
    let default = table.need("default", "a site that says nothing gets this value", faults);
    table.finish(faults);
    let default: Option<Setting> =
        default.zip(kind.as_ref()).and_then(|(value, kind)| read_setting(&value, kind, faults));
    Some(Parameter { meaning: meaning?, lines: lines?, kind: kind?, default: default? })
}

#[derive(Clone, Copy)]
enum TypeName {
    Flag,
    Port,
    Ports,
    Number,
    Choice,
}

fn read_parameter_type(table: &mut Table, faults: &mut Faults) -> Option<ParameterType> {
    let name = table.need("type", "one of bool, port, ports, number, choice", faults).and_then(|value| {
        let names = [
            ("bool", TypeName::Flag),
            ("port", TypeName::Port),
            ("ports", TypeName::Ports),
            ("number", TypeName::Number),
            ("choice", TypeName::Choice),
        ];
        value.one_of(&names, faults)
    });
    let within = || PortRange::new(EVERY_PORT.0, EVERY_PORT.1).expect("1 comes before 65535");
    Some(match name? {
        TypeName::Flag => ParameterType::Flag,
        TypeName::Number => ParameterType::Number,
        TypeName::Port => ParameterType::Port { within: read_within(table, faults).unwrap_or_else(within) },
        TypeName::Ports => ParameterType::Ports { within: read_within(table, faults).unwrap_or_else(within) },
        TypeName::Choice => {
            let choices = table.need("one_of", "list the values, for example [\"none\", \"wka\"]", faults)?;
            ParameterType::Choice(choices.names(faults)?.into_iter().map(|name| name.value).collect())
        }
    })
}

fn read_within(table: &mut Table, faults: &mut Faults) -> Option<PortRange> {
    let text = table.get("within")?.text(faults)?;
    parse_range(&text).map_err(|fault| faults.push(fault)).ok()
}

/// `direction` as it is written.
#[derive(Clone, Copy)]
enum Written {
    In,
    Out,
    Both,
}

fn read_rule(mut table: Table, faults: &mut Faults) -> RawRule {
    let written = table
        .get("direction")
        .and_then(|value| {
            let words = [("in", Written::In), ("out", Written::Out), ("both", Written::Both)];
            value.one_of(&words, faults)
        })
        .unwrap_or(Written::In);
    let (direction, peers, reaches) = match written {
        Written::In => (Direction::In, read_from(&mut table, faults), Vec::new()),
        Written::Out => (Direction::Out, read_to(&mut table, faults), Vec::new()),
        Written::Both => (Direction::In, read_from(&mut table, faults), read_to(&mut table, faults)),
    };
    let rule = RawRule {
        at: table.at(),
        id: table
            .need("id", "name the rule, for example id = \"rest-api\"", faults)
            .and_then(|id| id.name(faults)),
        ports: read_ports(&mut table, faults),
        protocol: read_protocol(&mut table, faults),
        direction,
        peers,
        reaches,
        when: read_conditions(&mut table, faults),
        profiles: read_names(&mut table, "profiles", faults),
        zones: read_names(&mut table, "zones", faults),
        place: read_place(&mut table, faults),
        says: read_words(
            &mut table,
            "says",
            "quote the document's words for who may reach it, shortly",
            faults,
        ),
        description: read_words(&mut table, "description", "say what the port is for", faults),
        reach: read_reach(&mut table, faults),
        inferred: read_inferred(&mut table, faults),
        why: table.get("why").and_then(|why| why.words(faults)).map(|why| why.value),
    };
    table.finish(faults);
    rule
}

fn read_names(table: &mut Table, key: &'static str, faults: &mut Faults) -> Vec<Located<String>> {
    table.get(key).and_then(|value| value.names(faults)).unwrap_or_default()
}

fn read_from(table: &mut Table, faults: &mut Faults) -> Vec<Located<String>> {
    let value = table.need("from", "list the roles that may reach the ports", faults);
    read_roles(value, faults)
}

fn read_to(table: &mut Table, faults: &mut Faults) -> Vec<Located<String>> {
    let value = table.need("to", "list the roles that the node may reach", faults);
    read_roles(value, faults)
}

fn read_roles(value: Option<Value>, faults: &mut Faults) -> Vec<Located<String>> {
    let Some(value) = value else { return Vec::new() };
    let names = value.names(faults).unwrap_or_default();
    if matches!(&value.kind, reading::Kind::List(items) if items.is_empty()) {
        let remedy = "list at least one role; `self` is the node itself";
        faults.push(reading::Fault::Empty { key: value.path, at: value.at, remedy });
    }
    names
}

fn read_ports(table: &mut Table, faults: &mut Faults) -> Vec<Located<PortExpression>> {
    let remedy = "list the ports, for example [\"8070\", \"20000-29999\"]";
    let Some(value) = table.need("ports", remedy, faults) else { return Vec::new() };
    let texts = value.names(faults).unwrap_or_default();
    if matches!(&value.kind, reading::Kind::List(items) if items.is_empty()) {
        let remedy = "list at least one port; \"*\" is every type of ICMP";
        faults.push(reading::Fault::Empty { key: value.path, at: value.at, remedy });
    }
    let mut ports = Vec::new();
    for text in texts {
        match PortExpression::parse(text.as_str()) {
            Ok(expression) => ports.push(Located::new(expression, text.at)),
            Err(why) => faults.push(Fault::BadExpression { expression: text.value, why, at: text.at }),
        }
    }
    ports
}

fn read_protocol(table: &mut Table, faults: &mut Faults) -> Option<Protocol> {
    let text = table.need("protocol", "for example protocol = \"tcp\"", faults)?.text(faults)?;
    let protocol = match text.as_str() {
        "tcp" => Some(Protocol::Transport(Transport::Tcp)),
        "udp" => Some(Protocol::Transport(Transport::Udp)),
        "sctp" => Some(Protocol::Transport(Transport::Sctp)),
        "icmp" => Some(Protocol::Icmp(IcmpFamilies::Both)),
        "icmpv4" => Some(Protocol::Icmp(IcmpFamilies::V4)),
        "icmpv6" => Some(Protocol::Icmp(IcmpFamilies::V6)),
        other => portless(other).map(Protocol::Ip),
    };
    if protocol.is_none() {
        faults.push(Fault::BadProtocol { protocol: text.value, at: text.at });
    }
    protocol
}

fn read_conditions(table: &mut Table, faults: &mut Faults) -> Vec<Located<Condition>> {
    let mut conditions = Vec::new();
    for text in read_names(table, "when", faults) {
        match parse_condition(text.as_str()) {
            Some(condition) => conditions.push(Located::new(condition, text.at)),
            None => faults.push(Fault::BadCondition { condition: text.value, at: text.at }),
        }
    }
    conditions
}

fn parse_condition(text: &str) -> Option<Condition> {
    let (name, wanted) = if let Some((name, value)) = text.split_once("!=") {
        (name, Test::IsNot(value.to_owned()))
    } else if let Some((name, value)) = text.split_once('=') {
        (name, Test::Is(value.to_owned()))
    } else if let Some(name) = text.strip_prefix('!') {
        (name, Test::Flag(false))
    } else {
        (text, Test::Flag(true))
    };
    let named = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    named.then(|| Condition { parameter: name.to_owned(), test: wanted })
}

fn read_inferred(table: &mut Table, faults: &mut Faults) -> Vec<String> {
    const FIELDS: [(&str, &str); 6] = [
        ("from", "from"),
        ("to", "to"),
        ("protocol", "protocol"),
        ("ports", "ports"),
        ("direction", "direction"),
        ("zones", "zones"),
    ];
    let Some(value) = table.get("inferred") else { return Vec::new() };
    let items = value.list(faults).unwrap_or_default();
    items.iter().filter_map(|item| item.one_of(&FIELDS, faults)).map(str::to_owned).collect()
}
