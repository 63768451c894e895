//! A file's text under its name, as diagnostics quote it.

use std::sync::Arc;

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

/// The most that is shown of one line. A list of thousands of addresses may stand on one line, and a diagnostic quotes
/// only the neighbourhood of what is wrong with it.
const LONGEST_LINE: usize = 160;

/// A named text. Cloning it copies nothing.
#[derive(Clone, Debug)]
pub struct Source {
    name: Arc<str>,
    text: Arc<str>,
}

impl Source {
    /// `text`, shown as `name`.
    pub fn new(name: &str, text: &str) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// The name that diagnostics show.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where the line that holds `offset` begins and ends, without its newline.
    fn line_around(&self, offset: usize) -> (usize, usize) {
        let bytes = self.text.as_bytes();
        let start = bytes[..offset].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let end =
            bytes[offset..].iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |at| offset + at);
        (start, end)
    }

    /// The nearest place at or before `offset` where a character begins.
    pub(super) fn boundary(&self, offset: usize) -> usize {
        (0..=offset.min(self.text.len())).rev().find(|&at| self.text.is_char_boundary(at)).unwrap_or(0)
    }
}

impl SourceCode for Source {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let first = self.boundary(span.offset());
        let last = self.boundary((span.offset() + span.len()).min(self.text.len()));
        let (mut start, _) = self.line_around(first);
        let (_, mut end) = self.line_around(last.saturating_sub(usize::from(last > first)));
        let mut column = 0;
        if lines_before == 0 {
            column = self.text[start..first].chars().count();
            start = first;
        } else if end - start > LONGEST_LINE {
            let clipped = self.boundary(first.saturating_sub(LONGEST_LINE / 2).max(start));
            column = self.text[start..clipped].chars().count();
            start = clipped;
        } else {
            for _ in 0..lines_before {
                let (earlier, earlier_end) = self.line_around(start.saturating_sub(1));
                if start == 0 || earlier_end - earlier > LONGEST_LINE {
                    break;
                }
                start = earlier;
            }
        }
        if end > last + LONGEST_LINE / 2 {
            end = self.boundary(last + LONGEST_LINE / 2);
        } else {
            for _ in 0..lines_after {
                if end >= self.text.len() {
                    break;
                }
                let (next, next_end) = self.line_around(end + 1);
                if next_end - next > LONGEST_LINE {
                    break;
                }
                end = next_end;
            }
        }
        let line = self.text[..start].matches('\n').count();
        let quoted = &self.text[start..end.max(last)];
        // miette takes the half of a line's end for a line of its own.
        let quoted = quoted.strip_suffix('\r').unwrap_or(quoted);
        let (end, data) = (start + quoted.len(), quoted.as_bytes());
        let count = quoted.matches('\n').count();
        let covered = (start, end - start).into();
        Ok(Box::new(MietteSpanContents::new_named(self.name.to_string(), data, covered, line, column, count)))
    }
}

/// Where the lines of a text begin, so that many places are found without reading the text again for each.
pub(super) struct LineIndex<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> LineIndex<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    /// Line and column of an offset, both counted from 1.
    pub(super) fn position(&self, offset: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|&start| start <= offset);
        let start = self.starts[line - 1];
        let end = (start..=offset.min(self.text.len())).rev().find(|&at| self.text.is_char_boundary(at));
        (line, self.text[start..end.unwrap_or(start)].chars().count() + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quoted(text: &str, span: (usize, usize), context: usize) -> (String, usize, usize) {
        let source = Source::new("x.toml", text);
        let contents = source.read_span(&span.into(), context, context).unwrap();
        (String::from_utf8_lossy(contents.data()).into_owned(), contents.line(), contents.column())
    }

    #[test]
    fn a_line_is_quoted_with_its_neighbours() {
        assert_eq!(quoted("a\nb\nc\nd\n", (2, 1), 1), ("a\nb\nc".to_owned(), 0, 0));
        assert_eq!(quoted("a\nbcd\nc\nd\n", (3, 1), 0), ("cd".to_owned(), 1, 1));
    }

    #[test]
    fn half_of_a_line_s_end_is_not_quoted() {
        assert_eq!(quoted("a\r\nb\r\nc\r\nd\r\n", (3, 1), 1), ("a\r\nb\r\nc".to_owned(), 0, 0));
    }

    #[test]
    fn places_are_counted_in_lines_and_characters_from_one() {
        let lines = LineIndex::new("ab\näö\n");
        assert_eq!([0, 1, 3, 5, 7].map(|at| lines.position(at)), [(1, 1), (1, 2), (2, 1), (2, 2), (2, 3)]);
        assert_eq!(lines.position(8), (3, 1));
        assert_eq!(lines.position(99), (3, 1), "behind the end is the end");
    }

    #[test]
    fn the_end_of_the_file_can_be_pointed_at() {
        assert_eq!(quoted("a\nb", (3, 0), 1), ("a\nb".to_owned(), 0, 0));
        assert_eq!(quoted("", (0, 0), 1), (String::new(), 0, 0));
        assert_eq!(quoted("ab\n", (3, 0), 1), ("ab\n".to_owned(), 0, 0));
    }

    #[test]
    fn of_a_long_line_the_neighbourhood_is_quoted() {
        let text = format!("x\n{}!{}\ny\n", "ä".repeat(5000), "ö".repeat(5000));
        let (data, line, column) = quoted(&text, (10_002, 1), 1);
        assert!(data.len() <= 2 * LONGEST_LINE && data.contains('!'), "{data}");
        assert_eq!((line, column), (1, 4960));
    }
}
