//! Ports in tables: a row of the table is a candidate for a rule.

use super::{
    Candidate, Doubt, Field, Findings, Peer, Section, Unread, cells,
    columns::Columns,
    page::{Row, Table, Text},
    peers,
    ports::{self, NotPorts, Ports},
    protocols::{self, Protocols},
};
use crate::matrix::Direction;

/// What speaks against ports that no heading calls so.
pub(super) const GUESSED: &str = "the table does not say that these numbers are ports";

/// Reads a table.
pub(super) fn read(table: &Table, section: &Section, findings: &mut Findings) {
    let columns = Columns::of(table);
    if columns.ports.is_empty() {
        if let Some(row) = table.rows.first() {
            let text = cells::shortened(&joined(table.heading.iter().chain(&row.cells)));
            findings.unread.push(Unread { line: row.line, why: "the table has no column of ports", text });
        }
        return;
    }
    for row in table.rows.iter().filter(|row| !row.cells.is_empty()) {
        for &(position, protocol) in &columns.ports {
            let reader = RowReader { columns: &columns, row, heading_protocol: protocol };
            reader.read(position, section, findings);
        }
    }
}

fn joined<'t>(texts: impl Iterator<Item = &'t Text>) -> String {
    texts.map(Text::joined).filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" | ")
}

struct RowReader<'t> {
    columns: &'t Columns,
    row: &'t Row,
    heading_protocol: Option<&'static str>,
}

impl RowReader<'_> {
    fn cell(&self, column: Option<usize>) -> String {
        column.and_then(|column| self.row.cells.get(column)).map(Text::joined).unwrap_or_default()
    }

    fn read(&self, column: usize, section: &Section, findings: &mut Findings) {
        let empty = Text::default();
        let cell = self.row.cells.get(column).unwrap_or(&empty);
        let protocols = self.protocols();
        let ports = match read_ports(&cell.joined(), &protocols) {
            Ok(ports) => ports,
            // Of several columns of ports one is enough.
            Err(NotPorts::Nothing) if self.columns.ports.len() > 1 => return,
            Err(why) => return self.give_up(why.why(), findings),
        };
        let protocols = if ports.protocols.is_empty() || self.columns.protocol.is_some() {
            protocols
        } else {
            Protocols { names: ports.protocols.clone(), doubt: None }
        };
        let lines = self.lines(cell);
        let mut names = protocols.names;
        names.sort_unstable();
        names.dedup();
        for protocol in names {
            let (expressions, doubt) = match fitted(&ports.expressions, protocol) {
                Ok(fitted) => fitted,
                Err(why) => {
                    self.give_up(why, findings);
                    continue;
                }
            };
            let mut doubts: Vec<Doubt> = doubt.into_iter().chain(protocols.doubt.clone()).collect();
            doubts.extend(ports.doubt.clone().map(|why| Doubt::new(Field::Ports, why)));
            if self.columns.guessed {
                doubts.push(Doubt::new(Field::Ports, GUESSED));
            }
            let direction = self.direction(&mut doubts);
            let (peers, says) = self.peers(direction, &mut doubts);
            findings.candidates.push(Candidate {
                section: section.name(),
                lines: lines.clone(),
                name: self.name(),
                ports: expressions,
                protocol,
                direction,
                peers,
                says,
                description: self.description(),
                doubts,
            });
        }
    }

    /// The lines of a cell that hold its ports.
    fn lines(&self, cell: &Text) -> Vec<u32> {
        let holds_some = |text: &str| text.contains(|letter: char| letter.is_ascii_digit() || letter == '*');
        let mut lines: Vec<u32> =
            cell.lines.iter().filter(|(_, text)| holds_some(text)).map(|&(line, _)| line).collect();
        lines.dedup();
        if lines.is_empty() {
            lines.push(self.row.line);
        }
        lines
    }

    fn give_up(&self, why: &'static str, findings: &mut Findings) {
        let text = cells::shortened(&joined(self.row.cells.iter()));
        findings.unread.push(Unread { line: self.row.line, why, text });
    }

    fn protocols(&self) -> Protocols {
        match (self.columns.protocol, self.heading_protocol) {
            (Some(_), _) => protocols::read(&self.cell(self.columns.protocol)),
            (None, Some(protocol)) => Protocols { names: vec![protocol], doubt: None },
            (None, None) => {
                let service = self.cell(self.columns.service);
                protocols::guess(&format!("{service} {}", self.cell(self.columns.description)))
            }
        }
    }

    fn direction(&self, doubts: &mut Vec<Doubt>) -> Direction {
        let Some(column) = self.columns.direction else { return Direction::In };
        let text = self.cell(Some(column)).to_lowercase();
        let words: Vec<&str> = text.split(|letter: char| !letter.is_alphabetic()).collect();
        let has = |names: &[&str]| words.iter().any(|word| names.contains(word));
        let inbound = has(&["in", "inbound", "incoming", "ingress"]);
        let outbound = has(&["out", "outbound", "outgoing", "egress"]);
        match (inbound, outbound) {
            (true, false) => return Direction::In,
            (false, true) => return Direction::Out,
            _ => {}
        }
        let shown = cells::shortened(&text);
        let why = if inbound || has(&["bidirectional", "both"]) {
            format!("the document says `{shown}`: what others open is let in, and replies pass by themselves")
        } else {
            format!("the document says `{shown}` of the direction")
        };
        doubts.push(Doubt::new(Field::Direction, why));
        Direction::In
    }

    /// The other end of the connections, and the page's words for it.
    fn peers(&self, direction: Direction, doubts: &mut Vec<Doubt>) -> (Vec<Peer>, Option<String>) {
        let (field, column) = match direction {
            Direction::In => (Field::From, self.columns.source),
            Direction::Out => (Field::To, self.columns.destination),
        };
        let text = self.cell(column);
        let mut found = peers::read(&text);
        let mut said = text;
        if direction == Direction::Out {
            // `All nodes and SMTP relay` to `All nodes`: whom the nodes reach stands in the other column.
            let source = self.cell(self.columns.source);
            let sources = peers::read(&source);
            if !found.is_empty() && found.iter().all(|peer| sources.contains(peer)) {
                found = sources.into_iter().filter(|peer| !found.contains(peer)).collect();
                said = source;
                doubts.push(Doubt::new(field, "the document names the nodes themselves as the destination"));
            }
        }
        if found.is_empty() {
            doubts.push(Doubt::new(field, "the document does not say who is at the other end"));
            return (vec![Peer::Unnamed], None);
        }
        (found, Some(cells::shortened(&said)).filter(|said| !said.is_empty()))
    }

    fn name(&self) -> Option<String> {
        const WORDS: usize = 4;
        let service = self.cell(self.columns.service);
        let description = self.cell(self.columns.description);
        let short = |text: &String| !text.is_empty() && text.split_whitespace().count() <= WORDS;
        Some(service).filter(|text| !text.is_empty()).or_else(|| Some(description).filter(short))
    }

    fn description(&self) -> String {
        let candidates = [self.cell(self.columns.description), self.cell(self.columns.service)];
        let found = candidates.iter().map(|text| cells::shortened(text)).find(|text| !text.is_empty());
        found.unwrap_or_else(|| cells::shortened(&joined(self.row.cells.iter())))
    }
}

fn read_ports(text: &str, protocols: &Protocols) -> Result<Ports, NotPorts> {
    match ports::read(text) {
        // No port is named, and the protocol has none.
        Err(NotPorts::Nothing) if protocols.names.iter().all(|name| is_portless(name)) => {
            Ok(Ports { expressions: vec!["*".to_owned()], ..Ports::default() })
        }
        found => found,
    }
}

fn is_portless(protocol: &str) -> bool {
    protocol.starts_with("icmp") || protocol.starts_with("ip/")
}

/// The ports as a rule of this protocol has them.
fn fitted(expressions: &[String], protocol: &str) -> Result<(Vec<String>, Option<Doubt>), &'static str> {
    let all = expressions.iter().any(|expression| expression == "*");
    match (is_portless(protocol), all) {
        (true, true) => Ok((vec!["*".to_owned()], None)),
        (true, false) => Err("ports of a protocol that has none"),
        (false, true) => {
            let why = "the document says every port";
            Ok((vec!["1-65535".to_owned()], Some(Doubt::new(Field::Ports, why))))
        }
        (false, false) => Ok((expressions.to_vec(), None)),
    }
}
