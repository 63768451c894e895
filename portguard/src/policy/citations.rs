//! Holding a policy against its document: do the lines that it cites exist, and do they hold the ports?

use std::collections::BTreeSet;

use thiserror::Error;

use super::{Basis, Policy, PortExpression, Rule, Settings, thousands::without_separators};
use crate::matrix::PortRange;

/// A line that a policy cites and that does not bear it out.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Citation {
    /// The document ends before it.
    #[error("{who} cites line {line}, and the document has {lines} lines")]
    BeyondTheEnd {
        /// What cites it: a rule, a role.
        who: String,
        /// The line.
        line: u32,
        /// How many lines there are.
        lines: usize,
    },
    /// There is nothing on it.
    #[error("{who} cites line {line}, which is empty")]
    Blank {
        /// What cites it.
        who: String,
        /// The line.
        line: u32,
    },
    /// A rule opens a port that none of its lines holds.
    #[error("{who} opens {port}, and {cited} {} no {port}", if *lines == 1 { "holds" } else { "hold" })]
    WithoutPort {
        /// The rule.
        who: String,
        /// The port, or the end of a range that is missing.
        port: u16,
        /// The lines it cites, in words.
        cited: String,
        /// How many they are.
        lines: usize,
    },
}

/// What `document`, the vendor's page, does not bear out of `policy`: in the order of roles, parameters and rules.
///
/// A rule's ports are taken with the parameters' defaults. Ports that the rule marks as inferred are not looked for, nor
/// is where an inferred role stands.
pub fn unsupported(policy: &Policy, document: &str) -> Vec<Citation> {
    let mut page = Page { lines: document.lines().collect(), faults: Vec::new() };
    for (name, role) in &policy.roles {
        if role.basis == Basis::Documented {
            page.check_lines(&format!("the role `{name}`"), &role.place.lines);
        }
    }
    for (name, parameter) in &policy.parameters {
        page.check_lines(&format!("the parameter `{name}`"), &parameter.lines);
    }
    for (kind, declared) in [("profile", &policy.profiles), ("zone", &policy.zones)] {
        for (name, declared) in declared {
            page.check_lines(&format!("the {kind} `{name}`"), &[declared.line]);
        }
    }
    let defaults = policy.defaults();
    for rule in &policy.rules {
        page.check_lines(&format!("the rule `{}`", rule.id), &rule.place.lines);
        if !rule.inferred.iter().any(|field| field == "ports") {
            page.check_ports(rule, &defaults);
        }
    }
    page.faults
}

struct Page<'d> {
    lines: Vec<&'d str>,
    faults: Vec<Citation>,
}

impl<'d> Page<'d> {
    fn line(&self, number: u32) -> Option<&'d str> {
        let position = usize::try_from(number).ok()?.checked_sub(1)?;
        self.lines.get(position).copied()
    }

    fn check_lines(&mut self, who: &str, lines: &[u32]) {
        for &line in lines {
            let who = who.to_owned();
            match self.line(line) {
                None => self.faults.push(Citation::BeyondTheEnd { who, line, lines: self.lines.len() }),
                Some(text) if text.trim().is_empty() => self.faults.push(Citation::Blank { who, line }),
                Some(_) => {}
            }
        }
    }

    fn check_ports(&mut self, rule: &Rule, defaults: &Settings) {
        let cited = rule.place.lines.iter().filter_map(|&line| self.line(line));
        let held: BTreeSet<u16> = cited.flat_map(numbers).collect();
        for port in rule.ports.iter().flat_map(|ports| named(ports, defaults)) {
            if !held.contains(&port) {
                self.faults.push(Citation::WithoutPort {
                    who: format!("the rule `{}`", rule.id),
                    port,
                    cited: cited_lines(&rule.place.lines),
                    lines: rule.place.lines.len(),
                });
            }
        }
    }
}

/// The numbers that a line must hold for `ports`: of a range both ends.
fn named(ports: &PortExpression, defaults: &Settings) -> Vec<u16> {
    let ranges: Vec<PortRange> = match ports {
        PortExpression::All => Vec::new(),
        _ => ports.evaluate(defaults).unwrap_or_default(),
    };
    let mut named: Vec<u16> = ranges.iter().flat_map(|range| [range.first(), range.last()]).collect();
    named.dedup();
    named
}

/// The numbers of a line that can be ports. `10,000` is the number 10000 and the numbers of a list.
fn numbers(line: &str) -> BTreeSet<u16> {
    fn plain(text: &str) -> impl Iterator<Item = u16> {
        text.split(|letter: char| !letter.is_ascii_digit()).filter_map(|number| number.parse().ok())
    }
    plain(line).chain(plain(&without_separators(line))).collect()
}

fn cited_lines(lines: &[u32]) -> String {
    let numbers: Vec<String> = lines.iter().map(u32::to_string).collect();
    match numbers.as_slice() {
        [one] => format!("line {one}"),
        several => format!("lines {}", several.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_in_tables_prose_and_with_a_separator() {
        assert_eq!(numbers("| TCP | 8070, 8071 |"), BTreeSet::from([8070, 8071]));
        assert!(numbers("between 10,000 and 19,999").contains(&19_999));
        assert_eq!(numbers("70000 and no other"), BTreeSet::new());
    }
}
