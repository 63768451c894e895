//! What the columns of a table hold, by their headings.

use super::{page::Table, ports, protocols};

/// Where a table has what; a table without a column of ports has no columns.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Columns {
    /// Those of ports, with the protocol that the heading names: `UDP port`.
    pub(super) ports: Vec<(usize, Option<&'static str>)>,
    pub(super) protocol: Option<usize>,
    pub(super) source: Option<usize>,
    pub(super) destination: Option<usize>,
    pub(super) direction: Option<usize>,
    pub(super) service: Option<usize>,
    pub(super) description: Option<usize>,
    /// Whether what is in the cells says that they are ports, and not the heading.
    pub(super) guessed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Ports,
    Protocol,
    Source,
    Destination,
    Direction,
    Service,
    Description,
}

/// A heading has the meaning of the first of these words that is in it.
const WORDS: [(&str, Meaning); 29] = [
    ("direction", Meaning::Direction),
    ("port", Meaning::Ports),
    ("ports", Meaning::Ports),
    ("protocol", Meaning::Protocol),
    ("protocols", Meaning::Protocol),
    ("transport", Meaning::Protocol),
    ("source", Meaning::Source),
    ("sources", Meaning::Source),
    ("src", Meaning::Source),
    ("from", Meaning::Source),
    ("initiator", Meaning::Source),
    ("client", Meaning::Source),
    ("destination", Meaning::Destination),
    ("dest", Meaning::Destination),
    ("dst", Meaning::Destination),
    ("target", Meaning::Destination),
    ("to", Meaning::Destination),
    ("service", Meaning::Service),
    ("component", Meaning::Service),
    ("name", Meaning::Service),
    ("application", Meaning::Service),
    ("description", Meaning::Description),
    ("purpose", Meaning::Description),
    ("usage", Meaning::Description),
    ("use", Meaning::Description),
    ("function", Meaning::Description),
    ("property", Meaning::Description),
    ("comments", Meaning::Description),
    ("notes", Meaning::Description),
];

impl Columns {
    pub(super) fn of(table: &Table) -> Self {
        let mut columns = Self::default();
        for (position, heading) in table.heading.iter().enumerate() {
            let heading = heading.joined().to_lowercase();
            let words: Vec<&str> = heading
                .split(|letter: char| !letter.is_alphanumeric())
                .filter(|word| !word.is_empty())
                .collect();
            let Some(meaning) = meaning(&words) else { continue };
            let column = match meaning {
                Meaning::Ports => {
                    let protocol = words.iter().find_map(|word| protocols::transport(word));
                    columns.ports.push((position, protocol));
                    continue;
                }
                Meaning::Protocol => &mut columns.protocol,
                Meaning::Source => &mut columns.source,
                Meaning::Destination => &mut columns.destination,
                Meaning::Direction => &mut columns.direction,
                Meaning::Service => &mut columns.service,
                Meaning::Description => &mut columns.description,
            };
            column.get_or_insert(position);
        }
        if columns.ports.is_empty() {
            columns.guess(table);
        }
        columns
    }

    /// Takes the first column whose cells are ports, mostly, for what it looks like, and the next one without a meaning
    /// for the description.
    fn guess(&mut self, table: &Table) {
        let width = table.rows.iter().map(|row| row.cells.len()).max().unwrap_or(0);
        let mut hits = vec![0_usize; width];
        for row in &table.rows {
            for (position, cell) in row.cells.iter().enumerate() {
                hits[position] +=
                    usize::from(ports::read(&cell.joined()).is_ok_and(|ports| ports.doubt.is_none()));
            }
        }
        let most = hits.iter().position(|&hits| hits > 0 && 2 * hits >= table.rows.len());
        let Some(position) = most else { return };
        self.ports.push((position, None));
        self.guessed = true;
        let meant =
            [self.protocol, self.source, self.destination, self.direction, self.service, Some(position)];
        let next = (0..width).find(|column| !meant.contains(&Some(*column)));
        self.description = self.description.or(next);
    }
}

fn meaning(words: &[&str]) -> Option<Meaning> {
    let (_, meaning) = WORDS.iter().find(|(word, _)| words.contains(word))?;
    // The port that a client sends from is none that anybody listens on.
    let is_of_the_source =
        *meaning == Meaning::Ports && words.iter().any(|word| matches!(*word, "source" | "src"));
    (!is_of_the_source).then_some(*meaning)
}

#[cfg(test)]
mod tests {
    use super::{super::page::Text, *};

    fn table(headings: &[&str]) -> Table {
        let text = |text: &&str| Text { lines: vec![(1, (*text).to_owned())] };
        Table { heading: headings.iter().map(text).collect(), rows: Vec::new() }
    }

    #[test]
    fn columns_are_known_by_their_headings() {
        let columns = Columns::of(&table(&[
            "Protocol",
            "Port(s)",
            "Connection Source",
            "Dest.",
            "Service Name",
            "Direction",
        ]));
        let expected = Columns {
            ports: vec![(1, None)],
            protocol: Some(0),
            source: Some(2),
            destination: Some(3),
            service: Some(4),
            direction: Some(5),
            ..Columns::default()
        };
        assert_eq!(columns, expected);
    }

    #[test]
    fn a_heading_may_name_the_protocol_and_a_source_port_is_none() {
        let columns = Columns::of(&table(&["Source port", "UDP port", "Property"]));
        assert_eq!((columns.ports, columns.description), (vec![(1, Some("udp"))], Some(2)));
    }
}
