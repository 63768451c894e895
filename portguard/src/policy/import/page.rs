//! A Markdown page taken apart: headings, tables, list items, paragraphs, each piece of text with its line.
//!
//! This module knows Markdown and nothing of ports.

use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::html::HtmlTables;

/// What a page consists of, in its order. Code, metadata and links' addresses are left out.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) parts: Vec<Part>,
}

/// A part of a page.
#[derive(Debug)]
pub(super) enum Part {
    Heading(Text),
    Table(Table),
    /// The first paragraph of an item of a list.
    Item(Text),
    Paragraph(Text),
}

/// A table, of Markdown or of HTML.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// The cells of its heading; none where it has no heading.
    pub(super) heading: Vec<Text>,
    pub(super) rows: Vec<Row>,
}

/// A row of a table. Cells that are empty up to its end are left out.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) line: u32,
    pub(super) cells: Vec<Text>,
}

/// Text of one or several lines.
#[derive(Clone, Debug, Default)]
pub(super) struct Text {
    /// What stands on each line, with the line's number; a line that a tag breaks is there twice.
    pub(super) lines: Vec<(u32, String)>,
}

impl Text {
    /// Adds what stands at `line`.
    pub(super) fn push(&mut self, line: u32, text: &str) {
        match self.lines.last_mut() {
            Some((last, so_far)) if *last == line => so_far.push_str(text),
            _ => self.lines.push((line, text.to_owned())),
        }
    }

    /// Goes on with a piece of its own, on the same line or another.
    pub(super) fn break_at(&mut self, line: u32) {
        if !self.is_empty() {
            self.lines.push((line, String::new()));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.iter().all(|(_, text)| text.trim().is_empty())
    }

    /// The line that it begins on; that of nothing is 1.
    pub(super) fn line(&self) -> u32 {
        self.lines.iter().find(|(_, text)| !text.trim().is_empty()).map_or(1, |&(line, _)| line)
    }

    /// All of it, with single spaces.
    pub(super) fn joined(&self) -> String {
        let words = self.lines.iter().flat_map(|(_, text)| text.split_whitespace());
        words.collect::<Vec<_>>().join(" ")
    }
}

/// The lines of a text, by offset.
pub(super) struct LineIndex {
    starts: Vec<usize>,
}

impl LineIndex {
    fn new(text: &str) -> Self {
        let after_newlines =
            text.bytes().enumerate().filter(|&(_, byte)| byte == b'\n').map(|(at, _)| at + 1);
        Self { starts: std::iter::once(0).chain(after_newlines).collect() }
    }

    /// The line that holds `offset`, counted from 1.
    pub(super) fn line(&self, offset: usize) -> u32 {
        let line = self.starts.partition_point(|&start| start <= offset);
        u32::try_from(line).unwrap_or(u32::MAX)
    }
}

impl Page {
    pub(super) fn read(text: &str) -> Self {
        let options = Options::ENABLE_TABLES | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
        let mut reader = Reader {
            text,
            lines: LineIndex::new(text),
            parts: Vec::new(),
            open: None,
            table: None,
            html: HtmlTables::default(),
        };
        for (event, at) in Parser::new_ext(text, options).into_offset_iter() {
            reader.take(event, at);
        }
        reader.close();
        reader.parts.extend(reader.html.finish().map(Part::Table));
        Self { parts: reader.parts }
    }
}

/// What text belongs to at the moment.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Heading,
    Item,
    Paragraph,
}

struct Reader<'t> {
    text: &'t str,
    lines: LineIndex,
    parts: Vec<Part>,
    open: Option<(Kind, Text)>,
    table: Option<Table>,
    html: HtmlTables,
}

impl Reader<'_> {
    fn take(&mut self, event: Event<'_>, at: Range<usize>) {
        let line = self.lines.line(at.start);
        match event {
            Event::Start(tag) => self.start(&tag, line, at),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Code(text) => self.text(line, &text),
            Event::InlineHtml(tag) if is_break(&tag) => {
                if let Some(text) = self.sink() {
                    text.break_at(line);
                }
            }
            Event::Rule => self.close(),
            // What the source has between two words stands in its lines already.
            _ => {}
        }
    }

    fn start(&mut self, tag: &Tag<'_>, line: u32, at: Range<usize>) {
        match tag {
            Tag::Heading { .. } => self.open(Kind::Heading),
            Tag::Item => self.open(Kind::Item),
            Tag::Paragraph => {
                let begins_an_item =
                    self.open.as_ref().is_some_and(|(kind, text)| *kind == Kind::Item && text.is_empty());
                if !begins_an_item {
                    self.open(Kind::Paragraph);
                }
            }
            Tag::Table(_) => {
                self.close();
                self.table = Some(Table::default());
            }
            Tag::TableRow => {
                if let Some(table) = &mut self.table {
                    table.rows.push(Row { line, cells: Vec::new() });
                }
            }
            Tag::TableCell => {
                if let Some(table) = &mut self.table {
                    let cells = match table.rows.last_mut() {
                        Some(row) => &mut row.cells,
                        None => &mut table.heading,
                    };
                    cells.push(Text::default());
                }
            }
            Tag::HtmlBlock => {
                self.close();
                let tables = self.html.read(&self.text[at.clone()], at.start, &self.lines);
                self.parts.extend(tables.into_iter().map(Part::Table));
            }
            Tag::List(_) | Tag::BlockQuote(_) | Tag::CodeBlock(_) | Tag::MetadataBlock(_) => self.close(),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(_) | TagEnd::Paragraph | TagEnd::Item => self.close(),
            TagEnd::TableRow => {
                if let Some(row) = self.table.as_mut().and_then(|table| table.rows.last_mut()) {
                    row.drop_empty_end();
                }
            }
            TagEnd::Table => self.parts.extend(self.table.take().map(Part::Table)),
            _ => {}
        }
    }

    /// Where text goes: into the cell of an HTML table, of a Markdown table, or into what is open.
    fn sink(&mut self) -> Option<&mut Text> {
        if let Some(cell) = self.html.cell() {
            return Some(cell);
        }
        if let Some(table) = &mut self.table {
            let cells = match table.rows.last_mut() {
                Some(row) => &mut row.cells,
                None => &mut table.heading,
            };
            return cells.last_mut();
        }
        self.open.as_mut().map(|(_, text)| text)
    }

    fn text(&mut self, line: u32, text: &str) {
        let Some(sink) = self.sink() else { return };
        for (below, piece) in (0..).zip(text.split('\n')) {
            sink.push(line + below, piece);
        }
    }

    fn open(&mut self, kind: Kind) {
        self.close();
        self.open = Some((kind, Text::default()));
    }

    fn close(&mut self) {
        let Some((kind, text)) = self.open.take() else { return };
        if text.is_empty() {
            return;
        }
        self.parts.push(match kind {
            Kind::Heading => Part::Heading(text),
            Kind::Item => Part::Item(text),
            Kind::Paragraph => Part::Paragraph(text),
        });
    }
}

impl Row {
    /// Forgets the empty cells at its end.
    pub(super) fn drop_empty_end(&mut self) {
        let full = self.cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
        self.cells.truncate(full);
        self.cells.shrink_to_fit();
    }
}

/// Whether this is `<br>`, `<br/>`, `<br />`.
fn is_break(tag: &str) -> bool {
    tag.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("<br"))
}
