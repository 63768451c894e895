//! What every reader of an administrator's file needs: TOML with places, and faults that add up.
//!
//! A file with five faults must show five diagnostics, so nothing here stops at the first: a reader takes what it can,
//! notes what it cannot, and goes on. This room knows TOML, names, addresses and how a diagnostic is shown. It must not
//! know what a policy or a site is, and it never opens a file: it is given text and the name to show for it.

mod code;
mod fault;
mod faults;
mod prefix;
mod report;
mod source;
mod suggest;
mod toml;

pub use code::{Code, Severity};
pub use fault::Fault;
pub use faults::Faults;
pub use miette::SourceSpan;
pub use prefix::{disjoint_prefixes, outermost, prefix, short_prefix};
pub use report::{Colour, Entry, FileReport, Report};
pub use source::Source;
pub use suggest::{closest, did_you_mean};
pub use toml::{Kind, Table, Value, is_name, parse};

/// Something that was read, and where it stands in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Located<T> {
    /// What was read.
    pub value: T,
    /// Its bytes in the file.
    pub at: SourceSpan,
}

impl<T> Located<T> {
    /// `value`, which stands at `at`.
    pub fn new(value: T, at: SourceSpan) -> Self {
        Self { value, at }
    }

    /// The same place, another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Located<U> {
        Located { value: change(self.value), at: self.at }
    }
}

impl Located<String> {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.value
    }
}
