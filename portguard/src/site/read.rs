//! Reading a site file, field by field.

use std::collections::BTreeMap;

use super::{
    ANY, Fault,
    accept::read_accept,
    audit::{read_audit, read_metrics},
    members::read_members,
    model::{Bindings, Failsafe, Group, Interface, PolicyReference, Product, Rule, Site},
    service::read_services,
};
use crate::{
    matrix::{
        Attach, Direction, Fragments, LONGEST_INTERFACE, Mode, Outbound, OutboundAttach, Posture,
        common_name, covers,
    },
    reading::{self, Kind, Located, Source, Table, Value},
};

type Faults = reading::Faults<Fault>;

/// What a site file says, and what is wrong with the way it says it.
pub fn read(source: &Source, faults: &mut Faults) -> Site {
    let mut file = reading::parse(source.text(), faults);
    let mode = file
        .need(
            "mode",
            "write mode = \"observe\" to count what would be dropped, or mode = \"enforce\"",
            faults,
        )
        .and_then(|value| value.one_of(&[("observe", Mode::Observe), ("enforce", Mode::Enforce)], faults));
    let posture = file
        .need(
            "posture",
            "say what happens to ports that no rule names: posture = \"pass\" or \"drop\"",
            faults,
        )
        .and_then(|value| read_posture(&value, faults));
    let transit = file.get("transit").and_then(|value| read_posture(&value, faults));
    let senders = [Fragments::Admitted, Fragments::Anybody].map(|senders| (senders, senders.to_string()));
    let senders = senders.each_ref().map(|(senders, name)| (name.as_str(), *senders));
    let fragments = file.get("fragments").and_then(|value| value.one_of(&senders, faults));
    let outbound = read_outbound(&mut file, faults);
    let watch = file.get("watch").and_then(|value| value.flag(faults)).unwrap_or(false);
    let failsafe = file.get("failsafe").and_then(|value| {
        let (at, line) = (value.at, LineCounter::new(source.text()).line_of(value.at.offset()));
        Some(Failsafe { groups: value.names(faults)?, at, line })
    });
    if file.lacks("interfaces") || file.is_empty("interfaces") {
        faults.push_absence(Fault::NoInterface { at: file.at() });
    }
    let site = Site {
        mode,
        posture,
        transit: transit.map_or(Posture::Pass, |transit| transit.value),
        fragments: fragments.unwrap_or_default(),
        outbound,
        watch,
        failsafe,
        interfaces: read_interfaces(file.get("interfaces"), faults),
        groups: read_groups(file.get("groups"), faults),
        products: read_products(file.get("products"), faults),
        rules: read_rules(file.get("rules"), source, faults),
        accept: read_accept(file.get("accept"), faults),
        audit: read_audit(file.get("audit"), faults),
        metrics: read_metrics(file.get("metrics"), faults),
    };
    file.finish(faults);
    site
}

fn read_posture(value: &Value, faults: &mut Faults) -> Option<Located<Posture>> {
    let postures = [("pass", Posture::Pass), ("drop", Posture::Drop)];
    Some(Located::new(value.one_of(&postures, faults)?, value.at))
}

/// Whether what leaves is judged, and how. Who says how has to say that first.
fn read_outbound(file: &mut Table, faults: &mut Faults) -> Option<Located<Outbound>> {
    const MODES: &str = "say whether what leaves is judged: outbound = \"off\", \"observe\" or \"enforce\"";
    const POSTURES: &str =
        "say what happens to what leaves and no outbound rule names: outbound_posture = \"pass\" or \"drop\"";
    let modes = [("off", None), ("observe", Some(Mode::Observe)), ("enforce", Some(Mode::Enforce))];
    let written = if file.lacks("outbound_posture") && file.lacks("outbound_attach") {
        file.get("outbound")
    } else {
        file.need("outbound", MODES, faults)
    };
    let mode = written.and_then(|value| value.one_of(&modes, faults)).flatten();
    let written = match mode {
        Some(_) => file.need("outbound_posture", POSTURES, faults),
        None => file.get("outbound_posture"),
    };
    let posture = written.and_then(|value| read_posture(&value, faults));
    let attaches =
        [OutboundAttach::Auto, OutboundAttach::Tcx, OutboundAttach::Clsact].map(|it| (it.name(), it));
    let attach = file.get("outbound_attach").and_then(|value| value.one_of(&attaches, faults));
    let (posture, attach) = (posture?, attach.unwrap_or_default());
    Some(Located::new(Outbound { mode: mode?, posture: posture.value, attach }, posture.at))
}

fn read_interfaces(value: Option<Value>, faults: &mut Faults) -> Vec<Interface> {
    let Some(table) = value.and_then(|value| value.table(faults)) else { return Vec::new() };
    let mut interfaces = Vec::new();
    for (name, value) in table.into_entries() {
        if !is_interface(name.as_str()) {
            faults.push(Fault::BadInterface { name: name.value.clone(), at: name.at });
        } else if let Some((other, example)) = crossing(&name.value, &interfaces) {
            faults.push(Fault::CrossingPatterns {
                name: name.value.clone(),
                other: other.value.clone(),
                example,
                at: name.at,
                other_at: other.at,
            });
        }
        let Some(mut table) = value.table(faults) else { continue };
        let attaches = [
            ("auto", Attach::Auto),
            ("native", Attach::Native),
            ("generic", Attach::Generic),
            ("tcx", Attach::Tcx),
        ];
        interfaces.push(Interface {
            name,
            zone: table.get("zone").and_then(|value| value.name(faults)),
            attach: table
                .get("attach")
                .and_then(|value| value.one_of(&attaches, faults))
                .unwrap_or(Attach::Auto),
            dhcp: table.get("dhcp").and_then(|value| value.flag(faults)).unwrap_or(false),
        });
        table.finish(faults);
    }
    interfaces
}

/// An earlier pattern that matches some of what `name` matches while neither is the narrower one, and such a name.
fn crossing<'i>(name: &str, earlier: &'i [Interface]) -> Option<(&'i Located<String>, String)> {
    earlier.iter().map(|interface| &interface.name).find_map(|other| {
        let nested = covers(name, other.as_str()) || covers(other.as_str(), name);
        let example = if nested { None } else { common_name(name, other.as_str()) };
        Some((other, example?))
    })
}

/// What the kernel accepts (`dev_valid_name`), but for brackets: a shell's classes are not ours, and no driver puts one
/// into a name.
fn is_interface(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= LONGEST_INTERFACE
        && !name.contains(['[', ']'])
        && name != "."
        && name != ".."
        && !name.contains(|letter: char| letter == '/' || letter == ':' || letter.is_whitespace())
}

fn read_groups(value: Option<Value>, faults: &mut Faults) -> Vec<Group> {
    let Some(table) = value.and_then(|value| value.table(faults)) else { return Vec::new() };
    let mut groups = Vec::new();
    for (name, value) in table.named(faults) {
        if name.value == ANY {
            faults.push(Fault::ReservedGroup { at: name.at });
        }
        groups.push(read_members(name, &value, faults));
    }
    groups
}

fn read_products(value: Option<Value>, faults: &mut Faults) -> Vec<Product> {
    let Some(table) = value.and_then(|value| value.table(faults)) else { return Vec::new() };
    let mut products = Vec::new();
    for (name, value) in table.named(faults) {
        let Some(mut table) = value.table(faults) else { continue };
        let policy = table
            .need(
                "policy",
                "name a policy, for example policy = \"redis-enterprise\", or the path of one",
                faults,
            )
            .and_then(|value| value.words(faults))
            .map(|text| text.map(|text| PolicyReference::new(&text)));
        let parameters = table
            .get("parameters")
            .and_then(|value| value.table(faults))
            .map(Table::into_entries)
            .unwrap_or_default();
        products.push(Product {
            at: table.at(),
            name,
            policy,
            roles: if table.lacks("roles") {
                Some(Vec::new())
            } else {
                read_bindings(table.get("roles"), faults)
            },
            parameters,
            profiles: table.get("profiles").and_then(|value| value.names(faults)),
            zones: read_bindings(table.get("zones"), faults).unwrap_or_default(),
        });
        table.finish(faults);
    }
    products
}

/// `name = ["one", "another"]` or `name = "one"`.
fn read_bindings(value: Option<Value>, faults: &mut Faults) -> Option<Bindings> {
    let table = value?.table(faults)?;
    let mut bindings = Vec::new();
    for (name, value) in table.into_entries() {
        let names = match value.kind {
            Kind::Text(_) => value.text(faults).into_iter().collect(),
            Kind::Integer(_) | Kind::Flag(_) | Kind::List(_) | Kind::Table(_) | Kind::Other(_) => {
                value.names(faults).unwrap_or_default()
            }
        };
        bindings.push((name, names));
    }
    Some(bindings)
}

fn read_rules(value: Option<Value>, source: &Source, faults: &mut Faults) -> Vec<Rule> {
    let mut lines = LineCounter::new(source.text());
    let mut first: BTreeMap<String, reading::SourceSpan> = BTreeMap::new();
    let mut rules = Vec::new();
    for mut table in value.map(|value| value.tables(faults)).unwrap_or_default() {
        let line = lines.line_of(table.at().offset());
        let name = table
            .need("name", "name the rule, for example name = \"ssh\"", faults)
            .and_then(|value| value.name(faults));
        let rule = read_rule(name, line, &mut table, faults);
        table.finish(faults);
        let Some(rule) = rule else { continue };
        match first.get(&rule.name.value) {
            Some(&first) => {
                faults.push(Fault::RuleTwice { name: rule.name.value.clone(), at: rule.name.at, first });
            }
            None => drop(first.insert(rule.name.value.clone(), rule.name.at)),
        }
        rules.push(rule);
    }
    rules
}

fn read_rule(
    name: Option<Located<String>>,
    line: u32,
    table: &mut Table,
    faults: &mut Faults,
) -> Option<Rule> {
    let ports = table.need("ports", "list what it opens, for example ports = [\"22/tcp\"]", faults);
    if let Some(Value { kind: Kind::List(items), path, at }) = &ports
        && items.is_empty()
    {
        let remedy = "list at least one, for example \"22/tcp\"";
        faults.push(reading::Fault::Empty { key: path.clone(), at: *at, remedy });
    }
    let services = ports.and_then(|value| value.names(faults)).map(|texts| read_services(texts, faults));
    let (direction, peers) = read_peers(name.as_ref(), table, faults);
    let zones = table.get("zones").and_then(|value| value.names(faults));
    let description = table.get("description").and_then(|value| value.text(faults));
    Some(Rule {
        name: name?,
        line,
        services: services.unwrap_or_default(),
        direction,
        peers,
        zones,
        description: description.map(|text| text.value).unwrap_or_default(),
    })
}

/// `from` of a rule that lets in, `to` of one that lets out.
fn read_peers(
    name: Option<&Located<String>>,
    table: &mut Table,
    faults: &mut Faults,
) -> (Direction, Vec<Located<String>>) {
    const PEERS: &str = "list the groups that it admits, for example from = [\"admins\"]; or those that this node may reach, for example to = [\"relays\"]";
    let to = table.get("to");
    let (direction, value) = match (to, table.lacks("from")) {
        (Some(to), true) => (Direction::Out, Some(to)),
        (to, _) => {
            let from = table.need("from", PEERS, faults);
            if let (Some(to), Some(from)) = (&to, &from) {
                let name = name.map(|name| name.value.clone()).unwrap_or_default();
                faults.push(Fault::BothDirections { name, at: to.at, from_at: from.at });
            }
            (Direction::In, from)
        }
    };
    (direction, value.and_then(|value| value.names(faults)).unwrap_or_default())
}

/// Lines of ascending offsets, in one pass over the text.
struct LineCounter<'a> {
    text: &'a str,
    offset: usize,
    line: u32,
}

impl<'a> LineCounter<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, offset: 0, line: 1 }
    }

    fn line_of(&mut self, offset: usize) -> u32 {
        if offset > self.offset && offset <= self.text.len() {
            let passed = self.text[self.offset..offset].matches('\n').count();
            self.line = self.line.saturating_add(u32::try_from(passed).unwrap_or(u32::MAX));
            self.offset = offset;
        }
        self.line
    }
}
