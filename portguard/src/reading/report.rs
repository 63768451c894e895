//! Diagnostics of one or several files, ready to be shown.

use std::fmt;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, Severity, SourceCode, ThemeCharacters,
    ThemeStyles,
};
use serde::{Serialize, Serializer};

use super::{Source, source::LineIndex};

/// The most diagnostics that are shown of one file. Who has a thousand faults has one cause, and it is among these.
const SHOWN: usize = 50;
/// The most letters of a message and bytes of a marked place that are shown: who wrote a name of a megabyte knows it
/// after this.
const LONGEST: usize = 400;

/// Whether a text for people carries terminal colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// Plain text.
    Never,
    /// ANSI colours.
    Always,
}

/// A file and what there is to say about it.
#[derive(Debug)]
pub struct FileReport {
    /// The file.
    pub source: Source,
    /// What there is to say, in the order of the file.
    pub diagnostics: Vec<Box<dyn Diagnostic + Send + Sync>>,
}

impl FileReport {
    /// A report of `diagnostics` about `source`.
    pub fn new<D: Diagnostic + Send + Sync + 'static>(source: Source, diagnostics: Vec<D>) -> Self {
        let diagnostics = diagnostics
            .into_iter()
            .map(|diagnostic| -> Box<dyn Diagnostic + Send + Sync> { Box::new(diagnostic) })
            .collect();
        Self { source, diagnostics }
    }
}

/// A diagnostic as a program reads it. Lines and columns count from 1, columns in characters; the end is the first
/// character behind what is meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// `PG0301`.
    pub code: Option<String>,
    /// `error`, `warning` or `advice`.
    #[serde(serialize_with = "severity_name")]
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// The file.
    pub file: String,
    /// Where it begins; none where it is about the file as a whole.
    pub line: Option<usize>,
    /// Where it begins.
    pub column: Option<usize>,
    /// Where it ends.
    pub end_line: Option<usize>,
    /// Where it ends.
    pub end_column: Option<usize>,
    /// What to do.
    pub help: Option<String>,
}

impl Entry {
    /// `diagnostic`, which is about the whole of `file`.
    pub fn of_file(file: &str, diagnostic: &dyn Diagnostic) -> Self {
        Self {
            code: diagnostic.code().map(|code| code.to_string()),
            severity: severity(diagnostic),
            message: diagnostic.to_string(),
            file: file.to_owned(),
            line: None,
            column: None,
            end_line: None,
            end_column: None,
            help: diagnostic.help().map(|help| help.to_string()),
        }
    }

    /// `diagnostic`, at the place of its first label.
    fn new(source: &Source, lines: &LineIndex<'_>, diagnostic: &dyn Diagnostic) -> Self {
        let entry = Self::of_file(source.name(), diagnostic);
        let Some(label) = diagnostic.labels().and_then(|mut labels| labels.next()) else { return entry };
        let (line, column) = lines.position(label.offset());
        let (end_line, end_column) = lines.position(label.offset() + label.len());
        Self {
            line: Some(line),
            column: Some(column),
            end_line: Some(end_line),
            end_column: Some(end_column),
            ..entry
        }
    }
}

fn severity(diagnostic: &dyn Diagnostic) -> Severity {
    diagnostic.severity().unwrap_or(Severity::Error)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn severity_name<S: Serializer>(severity: &Severity, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Advice => "advice",
    })
}

/// The reports of several files; files without diagnostics are left out.
#[derive(Debug, Default)]
pub struct Report {
    files: Vec<FileReport>,
}

impl Report {
    /// Adds a file's report, unless it says nothing.
    pub fn add(&mut self, file: FileReport) {
        if !file.diagnostics.is_empty() {
            self.files.push(file);
        }
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// How many diagnostics there are, shown or not.
    pub fn count(&self) -> usize {
        self.files.iter().map(|file| file.diagnostics.len()).sum()
    }

    /// How many of them are warnings.
    pub fn warnings(&self) -> usize {
        let diagnostics = self.files.iter().flat_map(|file| &file.diagnostics);
        diagnostics.filter(|diagnostic| severity(diagnostic.as_ref()) == Severity::Warning).count()
    }

    /// The files that the diagnostics are about.
    pub fn files(&self) -> &[FileReport] {
        &self.files
    }

    /// Every diagnostic as programs read it, file by file.
    pub fn entries(&self) -> Vec<Entry> {
        let mut entries = Vec::with_capacity(self.count());
        for FileReport { source, diagnostics } in &self.files {
            let lines = LineIndex::new(source.text());
            entries.extend(diagnostics.iter().map(|it| Entry::new(source, &lines, it.as_ref())));
        }
        entries
    }

    /// Every diagnostic with the lines it is about, file by file; of one file 50 at most.
    pub fn render(&self, colour: Colour) -> String {
        let mut text = String::new();
        self.render_into(&mut text, colour).expect("writing to a string does not fail");
        text
    }

    fn render_into(&self, out: &mut impl fmt::Write, colour: Colour) -> fmt::Result {
        let handler = handler(colour);
        for file in &self.files {
            for diagnostic in file.diagnostics.iter().take(SHOWN) {
                let in_source = InSource { diagnostic: diagnostic.as_ref(), source: &file.source };
                let mut shown = String::new();
                handler.render_report(&mut shown, &in_source)?;
                for line in shown.lines() {
                    writeln!(out, "{}", line.trim_end())?;
                }
                writeln!(out)?;
            }
            let hidden = file.diagnostics.len().saturating_sub(SHOWN);
            if hidden > 0 {
                writeln!(out, "{}: {hidden} more are not shown\n", file.source.name())?;
            }
        }
        Ok(())
    }
}

fn handler(colour: Colour) -> GraphicalReportHandler {
    let styles = match colour {
        Colour::Never => ThemeStyles::none(),
        Colour::Always => ThemeStyles::ansi(),
    };
    let theme = GraphicalTheme { characters: ThemeCharacters::unicode(), styles };
    GraphicalReportHandler::new_themed(theme).with_wrap_lines(false).with_links(false)
}

/// A diagnostic together with the file that its labels point into.
#[derive(Debug)]
struct InSource<'a> {
    diagnostic: &'a dyn Diagnostic,
    source: &'a Source,
}

impl fmt::Display for InSource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shortened(&self.diagnostic.to_string()))
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

impl std::error::Error for InSource<'_> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.diagnostic.source()
    }
}

impl Diagnostic for InSource<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.diagnostic.code()
    }

    fn severity(&self) -> Option<Severity> {
        self.diagnostic.severity()
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.diagnostic.help()
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let labels = self.diagnostic.labels()?;
        Some(Box::new(labels.map(|label| {
            let (start, length) = (label.offset(), label.len());
            let end = if length > LONGEST { self.source.boundary(start + LONGEST) } else { start + length };
            LabeledSpan::new(label.label().map(str::to_owned), start, end - start)
        })))
    }
}
