//! Whether a policy is its document: every port number of the page is covered by a rule that cites its line, and no rule
//! cites a line that does not hold its ports.

use std::collections::BTreeSet;

use portguard::policy::{BUILT_IN, Place, Policy, PortExpression, Protocol, Rule};

use crate::{
    document::{Document, Mention, read},
    parsed,
};

/// A number that is no port: its document, its line, itself, and what it is.
type NoPort = (&'static str, u32, u16, &'static str);

/// Every number of the documents that could be a port and is none.
const NO_PORTS: [NoPort; 12] = [
    ("redis-enterprise", 17, 3, "a count of kinds of ports"),
    ("event-store", 17, 4, "a count of ports"),
    ("wso2", 8, 1, "an offset, as an example"),
    ("wso2", 9, 9764, "what 9763 and the example's offset make"),
    ("wso2", 15, 3, "an offset, as an example"),
    ("wso2", 16, 3, "an offset, as an example"),
    ("wso2", 19, 3, "an offset, as an example"),
    ("wso2", 247, 3, "a count of modes"),
    ("wso2", 436, 15_169, "an autonomous system's number"),
    ("wso2", 447, 8, "a prefix length"),
    ("wso2", 497, 15_169, "an autonomous system's number"),
    ("wso2", 519, 8, "a prefix length"),
];

/// The numbers of a policy's document that are no ports.
pub(crate) fn no_ports(policy: &Policy) -> BTreeSet<Mention> {
    let of_policy = NO_PORTS.iter().filter(|(name, ..)| *name == policy.name);
    of_policy.map(|&(_, line, number, _)| Mention { line, number }).collect()
}

/// The ports of a rule as a document would write them, with the parameters' defaults: single ones and the ends of ranges.
fn written_ports(rule: &Rule, policy: &Policy) -> BTreeSet<u16> {
    let defaults = policy.defaults();
    let ranges =
        rule.ports.iter().flat_map(|ports| ports.evaluate(&defaults).expect("a checked policy has ports"));
    ranges.flat_map(|range| [range.first(), range.last()]).collect()
}

/// Whether a rule covers a mention: it cites the line and has the port.
pub(crate) fn covers(rule: &Rule, policy: &Policy, mention: Mention) -> bool {
    let has_ports = matches!(rule.protocol, Protocol::Transport(_));
    has_ports
        && rule.place.lines.contains(&mention.line)
        && written_ports(rule, policy).contains(&mention.number)
}

/// Everything in which a policy is not its document.
fn faults(policy: &Policy, document: &Document) -> Vec<String> {
    let mut faults = Vec::new();
    let no_ports = no_ports(policy);
    let mentions = document.mentions();
    for mention @ Mention { line, number } in &mentions {
        let covered = policy.rules.iter().any(|rule| covers(rule, policy, *mention));
        match (covered, no_ports.contains(mention)) {
            (false, false) => faults.push(format!("line {line}: no rule that cites it has port {number}")),
            (true, true) => faults.push(format!("line {line}: {number} is said to be no port and covered")),
            (true, false) | (false, true) => {}
        }
    }
    for Mention { line, number } in no_ports.difference(&mentions) {
        faults.push(format!("line {line}: {number} is said to be no port and is not there"));
    }
    for rule in &policy.rules {
        faults.extend(false_citations(rule, policy, document));
        faults.extend(false_section(&rule.id, &rule.place, document));
    }
    for (name, role) in &policy.roles {
        faults.extend(false_section(name, &role.place, document));
    }
    faults
}

/// What a rule cites and the document does not say.
fn false_citations(rule: &Rule, policy: &Policy, document: &Document) -> Vec<String> {
    let id = &rule.id;
    if !matches!(rule.protocol, Protocol::Transport(_)) {
        let lines = rule.place.lines.iter().filter(|line| !document.line(**line).contains("ICMP"));
        return lines.map(|line| format!("`{id}` cites line {line}, which does not name ICMP")).collect();
    }
    let ports = written_ports(rule, policy);
    let holds_port = |line: &u32| ports.iter().any(|port| document.names(*line, *port));
    // Where a port has no number on the spot, the document's words are quoted.
    let may_quote = rule.inferred.iter().any(|field| field == "ports") || rule.ports.iter().all(is_parameter);
    let quoted = |line: &u32| may_quote && document.says_only_on(*line, &rule.says);
    let lines = rule.place.lines.iter().filter(|line| !holds_port(line) && !quoted(line));
    let mut faults: Vec<String> = lines
        .map(|line| format!("`{id}` cites line {line}, which holds neither its ports nor its words"))
        .collect();
    if !rule.inferred.iter().any(|field| field == "ports") {
        let cited: Vec<u32> = rule.place.lines.iter().copied().chain(parameter_lines(rule, policy)).collect();
        let missing = ports.iter().filter(|port| !cited.iter().any(|line| document.names(*line, **port)));
        faults
            .extend(missing.map(|port| format!("`{id}` has port {port}, which no line that it cites holds")));
    }
    faults
}

fn is_parameter(ports: &PortExpression) -> bool {
    ports.parameters().count() == 1 && ports.to_string().starts_with('$')
}

/// The lines that speak of the parameters that a rule's ports consist of.
fn parameter_lines(rule: &Rule, policy: &Policy) -> Vec<u32> {
    let names = rule.ports.iter().filter(|ports| is_parameter(ports)).flat_map(PortExpression::parameters);
    names.flat_map(|name| policy.parameters[name].lines.clone()).collect()
}

fn false_section(name: &str, place: &Place, document: &Document) -> Option<String> {
    let line = place.lines[0];
    let section = document.section(line).unwrap_or("the beginning");
    (section != place.section).then(|| {
        format!("`{name}` cites line {line} under {:?}, and it stands under {section:?}", place.section)
    })
}

fn policies() -> impl Iterator<Item = (Policy, Document)> {
    BUILT_IN.iter().map(|built_in| parsed(built_in.name)).map(|policy| {
        let document = Document::of(&policy);
        (policy, document)
    })
}

#[test]
fn every_port_of_every_document_is_covered_and_every_citation_is_true() {
    for (policy, document) in policies() {
        let faults = faults(&policy, &document);
        assert!(faults.is_empty(), "{}:\n{}", policy.name, faults.join("\n"));
    }
}

#[test]
fn a_port_whose_rules_are_missing_is_told() {
    for (policy, document) in policies() {
        for mention in document.mentions().difference(&no_ports(&policy)) {
            let mut broken = policy.clone();
            broken.rules.retain(|rule| !covers(rule, &policy, *mention));
            let told = format!("line {}: no rule that cites it has port {}", mention.line, mention.number);
            assert!(faults(&broken, &document).contains(&told), "{}: {mention:?}", policy.name);
        }
    }
}

#[test]
fn a_line_that_is_shifted_by_one_is_told() {
    let mut untold = Vec::new();
    for (policy, document) in policies() {
        for (index, rule) in policy.rules.iter().enumerate() {
            for (position, line) in rule.place.lines.iter().enumerate() {
                for shifted in [line - 1, line + 1] {
                    let mut broken = policy.clone();
                    broken.rules[index].place.lines[position] = shifted;
                    if faults(&broken, &document).is_empty() {
                        untold.push((rule.id.clone(), *line, shifted));
                    }
                }
            }
        }
    }
    // ThoughtSpot has one port in two rows, 66 for the nodes and 67 for administrators too: for this test either rule
    // covers row 67. Whom each row admits is the rows' own test.
    let twins = ["log-search", "log-search-debugging"].map(|rule| (rule.to_owned(), 67, 66));
    assert_eq!(untold, twins);
}

#[test]
fn a_port_that_is_off_by_one_is_told() {
    for (policy, document) in policies() {
        for (index, rule) in policy.rules.iter().enumerate() {
            for (position, ports) in rule.ports.iter().enumerate() {
                let text = ports.to_string();
                let digits = text.bytes().take_while(u8::is_ascii_digit).count();
                let Ok(number) = text[..digits].parse::<u16>() else { continue };
                let wrong = format!("{}{}", number + 1, &text[digits..]);
                let mut broken = policy.clone();
                broken.rules[index].ports[position] =
                    PortExpression::parse(&wrong).expect("it was one before");
                assert!(!faults(&broken, &document).is_empty(), "{}/{}: {wrong}", policy.name, rule.id);
            }
        }
    }
}

#[test]
fn a_document_that_changed_is_told() {
    for (policy, _) in policies() {
        let text = read(&policy.document);
        let later = Document::new(&text.replacen("\n\n", "\n\n\n", 1));
        assert!(!faults(&policy, &later).is_empty(), "{}: a line was put in", policy.name);
        let more = Document::new(&format!("{text}\n-   4711 - a port of the next version\n"));
        assert_eq!(faults(&policy, &more).len(), 1, "{}: a port was added", policy.name);
    }
}
