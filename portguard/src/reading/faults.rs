//! The list that faults add up in.

use std::ops::Range;

use miette::Diagnostic;

use super::Fault;

/// The faults of one file, of the kind that the file's room speaks of.
#[derive(Debug)]
pub struct Faults<F> {
    list: Vec<F>,
    /// The lines that are not TOML, ascending. What else is found on them is their consequence and is not told.
    broken: Vec<Range<usize>>,
}

impl<F> Default for Faults<F> {
    fn default() -> Self {
        Self { list: Vec::new(), broken: Vec::new() }
    }
}

impl<F: Diagnostic + From<Fault>> Faults<F> {
    /// Notes a fault, unless it stands on a line that is not even TOML.
    pub fn push(&mut self, fault: impl Into<F>) {
        let fault = fault.into();
        if first_label(&fault).is_none_or(|offset| !self.is_broken(offset)) {
            self.list.push(fault);
        }
    }

    /// Notes that something is absent, unless the file is not TOML: then what is absent may merely have been lost.
    pub fn push_absence(&mut self, fault: impl Into<F>) {
        if self.broken.is_empty() {
            self.push(fault);
        }
    }

    /// Whether part of the file could not be read as TOML, so that names may be missing that the file does declare.
    pub fn has_lost_text(&self) -> bool {
        !self.broken.is_empty()
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The faults in the order of the file.
    pub fn into_sorted(mut self) -> Vec<F> {
        self.list.sort_by_key(|fault| first_label(fault));
        self.list
    }

    /// Notes a syntax error and that its line is lost; one a line is enough.
    pub(super) fn push_syntax(&mut self, message: String, at: Range<usize>, text: &str) {
        // A label behind the end of a line would not be seen: it moves to what is last there.
        let last = text.get(..at.start).unwrap_or(text).trim_end().char_indices().next_back();
        let at = match last {
            Some((last, letter)) if text[at.start.min(text.len())..].trim_start_matches(' ').is_empty() => {
                last..last + letter.len_utf8()
            }
            _ => at,
        };
        if self.is_broken(at.start) {
            return;
        }
        let start = at.start.min(text.len());
        let line_start =
            text.as_bytes()[..start].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let line_end = text.as_bytes()[start..]
            .iter()
            .position(|&byte| byte == b'\n')
            .map_or(text.len(), |at| start + at);
        // The library tells its errors apart by their text alone.
        self.list.push(match message.as_str() {
            "duplicate key" => Fault::KeyTwice { at: at.into() }.into(),
            _ => Fault::Syntax { message, at: at.into() }.into(),
        });
        let position = self.broken.partition_point(|line| line.start < line_start);
        self.broken.insert(position, line_start..line_end + 1);
    }

    fn is_broken(&self, offset: usize) -> bool {
        let position = self.broken.partition_point(|line| line.end <= offset);
        self.broken.get(position).is_some_and(|line| line.contains(&offset))
    }
}

fn first_label(fault: &impl Diagnostic) -> Option<usize> {
    fault.labels()?.next().map(|label| label.offset())
}
