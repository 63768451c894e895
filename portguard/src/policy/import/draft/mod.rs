//! Candidates become a policy: roles and rules get their names, what says the same becomes one rule, and what a person
//! must look at gets a comment.

use std::collections::{BTreeSet, HashMap, HashSet};

use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, value};

use super::{
    Candidate, Draft, Field, Findings, Peer, PolicyName, Prose, Unread, cells, page::Page, rows::GUESSED,
};
use crate::{matrix::Direction, policy::SELF};

mod names;
mod roles;

use names::Names;
use roles::Roles;

/// What every comment that asks for a person begins with.
const LOOK: &str = "Look:";

/// Writes the draft.
pub(super) fn write(
    findings: Findings,
    page: &Page,
    tables: usize,
    document: &str,
    name: &PolicyName,
) -> Draft {
    let Findings { candidates, mut unread, prose } = findings;
    unread.extend(unread_prose(&candidates, prose));
    unread.sort_by_key(|place| place.line);
    if candidates.is_empty() {
        return Draft { text: None, rules: 0, doubtful: 0, tables, unread };
    }
    let mut known = Roles::new(page);
    let rules = merged(candidates, &mut known);
    let doubtful = rules.iter().filter(|rule| !rule.candidate.doubts.is_empty()).count();
    let mut text = DocumentMut::new();
    write_head(&mut text, document, name, rules.len(), doubtful);
    known.write(&mut text);
    let mut ids = Names::default();
    let mut written = ArrayOfTables::new();
    for rule in &rules {
        written.push(write_rule(rule, &mut ids));
    }
    text.insert("rules", Item::ArrayOfTables(written));
    text.set_trailing(trailing(&unread));
    Draft { text: Some(text.to_string()), rules: rules.len(), doubtful, tables, unread }
}

/// The prose that names other ports than the rules do: nobody but a person can read it.
fn unread_prose(candidates: &[Candidate], prose: Vec<Prose>) -> impl Iterator<Item = Unread> {
    let known: HashSet<u16> = candidates
        .iter()
        .flat_map(|candidate| &candidate.ports)
        .flat_map(|ports| ports.split('-'))
        .filter_map(|port| port.parse().ok())
        .collect();
    prose.into_iter().filter_map(move |Prose { line, ports, text }| {
        let unknown = ports.iter().any(|port| !known.contains(port));
        unknown.then_some(Unread { line, why: "prose that speaks of a port", text })
    })
}

/// A candidate whose peers have their roles' names.
struct Rule {
    candidate: Candidate,
    roles: Vec<String>,
    /// What the other places say that say the same.
    also: Vec<String>,
}

/// What makes two rules the same for a policy.
type Key = (Vec<String>, &'static str, bool, Vec<String>);

fn merged(candidates: Vec<Candidate>, known: &mut Roles) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    let mut positions: HashMap<Key, usize> = HashMap::new();
    for candidate in candidates {
        let mut names: Vec<String> = Vec::new();
        for peer in &candidate.peers {
            let name = known.name(peer, &candidate);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let sorted = |list: &[String]| list.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect();
        let outbound = candidate.direction == Direction::Out;
        let key = (sorted(&candidate.ports), candidate.protocol, outbound, sorted(&names));
        if let Some(&position) = positions.get(&key) {
            rules[position].absorb(candidate);
        } else {
            positions.insert(key, rules.len());
            rules.push(Rule { candidate, roles: names, also: Vec::new() });
        }
    }
    rules
}

impl Rule {
    fn absorb(&mut self, other: Candidate) {
        let Candidate { section: _, lines, description, doubts, .. } = other;
        let line = lines[0];
        let known = &mut self.candidate;
        known.lines.extend(lines);
        for doubt in doubts {
            // One reason a field is enough: a page of a thousand equal rows has a thousand equal doubts. And numbers are
            // ports if one place says so.
            if doubt.why != GUESSED && known.doubts.iter().all(|known| known.field != doubt.field) {
                known.doubts.push(doubt);
            }
        }
        self.also.push(format!("line {line}: {description}"));
    }
}

fn write_head(text: &mut DocumentMut, document: &str, name: &PolicyName, rules: usize, doubtful: usize) {
    let head = format!(
        "# {}: drafted from {} by `portguard policy import`, to be looked through before anybody relies on it.\n\
         # Rules: {rules}. With something that the document does not say, see the comments `{LOOK}`: {doubtful}.\n\n",
        name.to_title(),
        cells::shortened(document),
    );
    text.insert("format", value(1));
    text.insert("name", value(name.as_str()));
    text.insert("title", value(name.to_title()));
    text.insert("document", value(document));
    if let Some(mut key) = text.key_mut("format") {
        key.leaf_decor_mut().set_prefix(head);
    }
}

fn write_rule(rule: &Rule, names: &mut Names) -> Table {
    let Rule { candidate, roles, also } = rule;
    let Candidate {
        section,
        lines,
        name: _,
        ports,
        protocol,
        direction,
        peers: _,
        says,
        description,
        doubts,
    } = candidate;
    let mut table = Table::new();
    table.insert("id", value(id(candidate, names)));
    table.insert("ports", value(strings(ports)));
    table.insert("protocol", value(*protocol));
    match direction {
        Direction::In => table.insert("from", value(strings(roles))),
        Direction::Out => {
            table.insert("direction", value("out"));
            table.insert("to", value(strings(roles)))
        }
    };
    table.insert("section", value(section));
    table.insert("line", line_value(lines));
    table.insert("says", value(says.as_deref().unwrap_or("the document does not say")));
    table.insert("description", value(description));
    if !doubts.is_empty() {
        let fields: BTreeSet<Field> = doubts.iter().map(|doubt| doubt.field).collect();
        table.insert("inferred", value(fields.into_iter().map(Field::as_str).collect::<Array>()));
        let whys: Vec<&str> = doubts.iter().map(|doubt| doubt.why.as_str()).collect();
        table.insert("why", value(whys.join("; ")));
    }
    table.decor_mut().set_prefix(comments(candidate, also));
    table
}

/// What stands above a rule: what to look at, and where else the page says the same.
fn comments(candidate: &Candidate, also: &[String]) -> String {
    let doubts =
        candidate.doubts.iter().map(|doubt| format!("# {LOOK} {}: {}", doubt.field.as_str(), doubt.why));
    let also = also.iter().map(|other| format!("# The same again at {other}"));
    let lines: Vec<String> = std::iter::once(String::new()).chain(doubts).chain(also).collect();
    lines.join("\n") + "\n"
}

fn trailing(unread: &[Unread]) -> String {
    if unread.is_empty() {
        return String::new();
    }
    let places: Vec<String> = unread.iter().map(|place| format!("# {place}\n")).collect();
    format!("\n# {LOOK} these places could not be read:\n{}", places.concat())
}

fn strings(list: &[String]) -> Array {
    list.iter().map(String::as_str).collect()
}

/// One line, or the list of them, each once.
fn line_value(lines: &[u32]) -> Item {
    let mut seen = BTreeSet::new();
    let lines: Vec<i64> = lines.iter().filter(|line| seen.insert(**line)).map(|&line| line.into()).collect();
    match lines.as_slice() {
        [one] => value(*one),
        several => value(several.iter().copied().collect::<Array>()),
    }
}

/// A rule's id: after the service, else after protocol and port.
fn id(candidate: &Candidate, names: &mut Names) -> String {
    let first = candidate.ports.first().map(String::as_str).unwrap_or_default();
    let protocol = candidate.protocol.replace('/', "-");
    let by_port = if first == "*" { protocol } else { format!("{protocol}-{first}") };
    let service = candidate.name.as_deref().map(cells::slug).filter(|slug| !slug.is_empty());
    match service {
        Some(service) => names.claim(&service).unwrap_or_else(|| names.give(&format!("{service}-{by_port}"))),
        None => names.give(&by_port),
    }
}
