//! Tables of measurements: Markdown for people, JSON for programs.

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// One table.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    title: &'static str,
    columns: &'static [&'static str],
    rows: Vec<Vec<Cell>>,
    notes: Vec<String>,
}

/// What stands in one place of a table.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Cell {
    /// A name.
    Text(String),
    /// A whole number.
    Count(u64),
    /// A number with one digit after the point.
    Tenths(f64),
    /// A ratio, with two digits.
    Ratio(f64),
    /// Not measured.
    None,
}

impl Section {
    /// A table without rows.
    pub fn new(title: &'static str, columns: &'static [&'static str]) -> Self {
        Self { title, columns, rows: Vec::new(), notes: Vec::new() }
    }

    /// Adds a row with a cell for each column.
    pub fn add(&mut self, row: Vec<Cell>) {
        assert_eq!(row.len(), self.columns.len(), "a cell for each column of `{}`", self.title);
        self.rows.push(row);
    }

    /// Adds what a reader of the table must know: what was left out, and why.
    pub fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// The table with its title and notes.
    pub fn to_markdown(&self) -> String {
        let mut table = Table::new();
        table.load_preset(presets::ASCII_MARKDOWN).set_header(self.columns);
        for row in &self.rows {
            table.add_row(row.iter().map(|cell| {
                let alignment = match cell {
                    Cell::Text(_) => CellAlignment::Left,
                    _ => CellAlignment::Right,
                };
                comfy_table::Cell::new(cell).set_alignment(alignment)
            }));
        }
        let paragraphs = [format!("## {}", self.title), table.to_string()];
        let paragraphs: Vec<String> = paragraphs.into_iter().chain(self.notes.iter().cloned()).collect();
        paragraphs.join("\n\n") + "\n"
    }

    fn to_value(&self) -> Value {
        let row = |row: &Vec<Cell>| {
            let fields =
                self.columns.iter().zip(row).map(|(name, cell)| (name.replace(' ', "_"), json!(cell)));
            Value::Object(fields.collect::<Map<_, _>>())
        };
        json!({
            "title": self.title,
            "rows": self.rows.iter().map(row).collect::<Vec<_>>(),
            "notes": self.notes,
        })
    }
}

impl std::fmt::Display for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Count(count) => f.write_str(&thousands(*count)),
            Self::Tenths(number) => write!(f, "{number:.1}"),
            Self::Ratio(ratio) => write!(f, "{ratio:.2}"),
            Self::None => f.write_str("-"),
        }
    }
}

/// All tables: an object for each, whose rows are objects with a field for each column.
pub(super) fn to_json(sections: &[Section]) -> serde_json::Result<String> {
    let values: Vec<Value> = sections.iter().map(Section::to_value).collect();
    serde_json::to_string_pretty(&values).map(|text| text + "\n")
}

/// `1234567` as `1,234,567`.
pub(super) fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::{Cell, Section, to_json};

    fn section() -> Section {
        let mut section = Section::new("What it costs", &["packet", "sources", "floor ns", "to the floor"]);
        section.add(vec![
            Cell::Text("IPv4".into()),
            Cell::Count(1_000_000),
            Cell::Tenths(7.0),
            Cell::Ratio(1.5),
        ]);
        section.add(vec![Cell::Text("IPv6".into()), Cell::Count(10), Cell::Tenths(7.25), Cell::None]);
        section.note("Measured at night.".into());
        section
    }

    #[test]
    fn a_table_is_markdown_with_its_notes() {
        let expected = "\
            ## What it costs\n\n\
            | packet | sources   | floor ns | to the floor |\n\
            |--------|-----------|----------|--------------|\n\
            | IPv4   | 1,000,000 |      7.0 |         1.50 |\n\
            | IPv6   |        10 |      7.2 |            - |\n\n\
            Measured at night.\n";
        assert_eq!(section().to_markdown(), expected);
    }

    #[test]
    fn json_has_the_numbers_under_the_names_of_the_columns() {
        let json: serde_json::Value = serde_json::from_str(&to_json(&[section()]).unwrap()).unwrap();
        assert_eq!(json[0]["rows"][0]["sources"], 1_000_000);
        assert_eq!(json[0]["rows"][1]["floor_ns"], 7.25);
        assert!(json[0]["rows"][1]["to_the_floor"].is_null());
    }
}
