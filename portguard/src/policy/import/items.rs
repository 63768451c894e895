//! Ports outside of tables: list items that begin with them, headings that are nothing else, and what only speaks of
//! them.

use super::{
    Candidate, Doubt, Field, Findings, Peer, Prose, Section, cells,
    page::{Part, Text},
    ports::{self, Ports},
    protocols,
};
use crate::matrix::Direction;

/// Reads `8280, 8243 - transport ports`; an item of another kind may still speak of ports.
pub(super) fn read_item(item: &Text, section: &Section, findings: &mut Findings) {
    let text = item.joined();
    let (head, description) = split(&text).unwrap_or((&text, ""));
    match ports::read(head) {
        Ok(found) if !is_every(&found) && (!description.is_empty() || found.doubt.is_none()) => {
            let lines = lines_of(item, head.len());
            add(found, &lines, description, section, findings);
        }
        // `Thrift 7611 - for events`: a port after words may be anything, a step of a guide included.
        _ if head.len() < text.len() && numbers(head).next().is_some() => {
            let (ports, text) = (numbers(head).collect(), cells::shortened(&text));
            findings.prose.push(Prose { line: item.line(), ports, text });
        }
        _ => read_prose(item, findings),
    }
}

/// Reads a heading that is nothing but a port, `8086`: what follows is its description. Says whether it is one.
pub(super) fn read_heading(
    heading: &Text,
    next: Option<&Part>,
    section: &Section,
    findings: &mut Findings,
) -> bool {
    let text = heading.joined();
    let begins_with_a_digit = text.starts_with(|letter: char| letter.is_ascii_digit());
    let Ok(found) = ports::read(&text) else { return false };
    if !begins_with_a_digit || found.doubt.is_some() || is_every(&found) {
        return false;
    }
    let description = match next {
        Some(Part::Paragraph(paragraph)) => paragraph.joined(),
        _ => String::new(),
    };
    let sentence = description.split_inclusive(". ").next().unwrap_or_default();
    add(found, &[heading.line()], sentence, section, findings);
    true
}

/// Whether it says every port, as no list of ports does; the star is some mark.
fn is_every(ports: &Ports) -> bool {
    ports.expressions.iter().any(|expression| expression == "*")
}

/// Notes the lines of a paragraph that speaks of ports: nobody but a person can read it.
pub(super) fn read_prose(paragraph: &Text, findings: &mut Findings) {
    let is_port = |word: &str| matches!(word, "port" | "ports" | "Port" | "Ports");
    let words = |text: &str| text.split(|letter: char| !letter.is_alphanumeric()).any(is_port);
    if !paragraph.lines.iter().any(|(_, text)| words(text)) {
        return;
    }
    for (line, text) in &paragraph.lines {
        let ports: Vec<u16> = numbers(text).collect();
        if !ports.is_empty() {
            findings.prose.push(Prose { line: *line, ports, text: cells::shortened(text) });
        }
    }
}

/// The numbers of a line that look like ports: two to five digits that stand alone.
fn numbers(text: &str) -> impl Iterator<Item = u16> {
    text.split_whitespace().filter_map(|word| {
        let word = word.trim_matches(|letter: char| !letter.is_ascii_digit()).replace(',', "");
        let port: u16 = word.parse().ok()?;
        (port >= 10).then_some(port)
    })
}

/// What stands before the first dash or colon that has space around or behind it, and what stands after.
fn split(text: &str) -> Option<(&str, &str)> {
    let separators = [" - ", " – ", " — ", ": "];
    let found = separators.iter().filter_map(|separator| text.find(separator).map(|at| (at, separator)));
    let (at, separator) = found.min()?;
    let (head, rest) = (&text[..at], &text[at + separator.len()..]);
    // `10000 - 19999 - databases`: the first dash belongs to the range.
    let ends = head.ends_with(|letter: char| letter.is_ascii_digit());
    if ends && rest.starts_with(|letter: char| letter.is_ascii_digit()) && *separator != ": " {
        let word = rest.find(' ').unwrap_or(rest.len());
        let tail = &rest[word..];
        let next = separators.iter().find(|separator| tail.starts_with(**separator));
        let end = at + separator.len() + word;
        return Some((&text[..end], next.map_or("", |separator| &tail[separator.len()..])));
    }
    Some((head, rest))
}

/// The lines that hold a digit, of the first `length` bytes of an item's joined text.
fn lines_of(item: &Text, length: usize) -> Vec<u32> {
    let mut before = 0;
    let mut lines = Vec::new();
    for (line, text) in &item.lines {
        if before < length && text.contains(|letter: char| letter.is_ascii_digit()) {
            lines.push(*line);
        }
        before += text.split_whitespace().map(|word| word.len() + 1).sum::<usize>();
    }
    lines.dedup();
    lines
}

fn add(found: Ports, lines: &[u32], description: &str, section: &Section, findings: &mut Findings) {
    let Ports { expressions, doubt, protocols: named } = found;
    let protocols = match named.first() {
        Some(&protocol) => protocols::Protocols { names: vec![protocol], doubt: None },
        None => protocols::guess(description),
    };
    let shown = cells::shortened(description);
    for protocol in protocols.names {
        let mut doubts: Vec<Doubt> = protocols.doubt.clone().into_iter().collect();
        doubts.extend(doubt.clone().map(|why| Doubt::new(Field::Ports, why)));
        doubts.push(Doubt::new(Field::From, "the document does not say who is at the other end"));
        findings.candidates.push(Candidate {
            section: section.name(),
            lines: lines.to_vec(),
            name: None,
            ports: expressions.clone(),
            protocol,
            direction: Direction::In,
            peers: vec![Peer::Unnamed],
            says: None,
            description: if shown.is_empty() {
                format!("port {}", expressions.join(", "))
            } else {
                shown.clone()
            },
            doubts,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_split_behind_its_ports() {
        assert_eq!(split("8280, 8243 - NIO - PT"), Some(("8280, 8243", "NIO - PT")));
        assert_eq!(split("10000 - 19999 - databases"), Some(("10000 - 19999", "databases")));
        assert_eq!(split("8086: HTTP"), Some(("8086", "HTTP")));
        assert_eq!(split("see 8086"), None);
    }

    #[test]
    fn the_lines_of_the_ports_are_found_whatever_the_space_between_words() {
        let item = Text {
            lines: vec![
                (3, "port      and".to_owned()),
                (4, "  80 - 9 lives".to_owned()),
                (5, "9".to_owned()),
            ],
        };
        assert_eq!(lines_of(&item, "port and 80".len()), [4]);
    }

    #[test]
    fn numbers_of_prose_stand_alone() {
        assert_eq!(
            numbers("between 10,000 and 19,999, (8443) `8089`, 1.8, 7").collect::<Vec<_>>(),
            [10_000, 19_999, 8443, 8089]
        );
    }
}
