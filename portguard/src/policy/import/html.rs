//! Tables that a Markdown page writes in HTML.
//!
//! HTML's own tokenizer reads the tags. What is inside a cell is text, wherever its tags are closed or not.

use html5gum::{DefaultEmitter, Token, Tokenizer};

use super::page::{LineIndex, Row, Table, Text};

/// The tables of a page's HTML. A blank line ends a block of HTML and not the table in it, so what is open is kept from
/// block to block.
#[derive(Default)]
pub(super) struct HtmlTables {
    table: Option<Table>,
    /// The row that is open, if one is; whether its cells are headings.
    row: Option<(Row, Heading)>,
    cell_is_open: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Heading {
    Yes,
    No,
}

impl HtmlTables {
    /// The cell that text belongs to, if one is open.
    pub(super) fn cell(&mut self) -> Option<&mut Text> {
        if !self.cell_is_open {
            return None;
        }
        self.row.as_mut()?.0.cells.last_mut()
    }

    /// Reads a block, which stands at `offset`, and gives the tables that end in it.
    pub(super) fn read(&mut self, block: &str, offset: usize, lines: &LineIndex) -> Vec<Table> {
        let mut done = Vec::new();
        let tokens = Tokenizer::new_with_emitter(block, DefaultEmitter::<usize>::new_with_span());
        for token in tokens {
            let Ok(token) = token;
            match token {
                Token::StartTag(tag) => self.start(&tag.name, lines.line(offset + tag.span.start), &mut done),
                Token::EndTag(tag) => self.end(&tag.name, &mut done),
                Token::String(text) => {
                    let line = lines.line(offset + text.span.start);
                    if let Some(cell) = self.cell() {
                        let text = String::from_utf8_lossy(&text.value);
                        for (below, piece) in (0..).zip(text.split('\n')) {
                            cell.push(line + below, piece);
                        }
                    }
                }
                Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
            }
        }
        done
    }

    /// The table that the page never closes.
    pub(super) fn finish(&mut self) -> Option<Table> {
        self.end_row();
        self.table.take()
    }

    fn start(&mut self, name: &[u8], line: u32, done: &mut Vec<Table>) {
        match name {
            b"table" => {
                // A table inside a cell ends the one around it: neither would be a table of ports any more.
                done.extend(self.finish());
                self.table = Some(Table::default());
            }
            b"tr" if self.table.is_some() => {
                self.end_row();
                self.row = Some((Row { line, cells: Vec::new() }, Heading::Yes));
            }
            b"td" | b"th" => {
                if let Some((row, heading)) = &mut self.row {
                    if name == b"td" {
                        *heading = Heading::No;
                    }
                    row.cells.push(Text::default());
                    self.cell_is_open = true;
                }
            }
            b"br" | b"p" | b"li" | b"div" => {
                if let Some(cell) = self.cell() {
                    cell.break_at(line);
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, name: &[u8], done: &mut Vec<Table>) {
        match name {
            b"table" => done.extend(self.finish()),
            b"tr" => self.end_row(),
            b"td" | b"th" => self.cell_is_open = false,
            _ => {}
        }
    }

    fn end_row(&mut self) {
        self.cell_is_open = false;
        let Some((mut row, heading)) = self.row.take() else { return };
        let Some(table) = &mut self.table else { return };
        if heading == Heading::Yes && table.heading.is_empty() && table.rows.is_empty() {
            table.heading = row.cells;
        } else {
            row.drop_empty_end();
            table.rows.push(row);
        }
    }
}
