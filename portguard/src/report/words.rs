//! Figures and times as people read them, and texts that show what they hold.

use std::borrow::Cow;

use indicatif::{HumanBytes, HumanCount};
use jiff::Timestamp;

use crate::{
    audit::{DropRow, Span},
    observe::split_direction,
};

/// What stands for a character that would not show, or that would change how others show.
const REPLACED: char = '\u{fffd}';

/// `1,234,567`.
pub(super) fn count(number: u64) -> String {
    HumanCount(number).to_string()
}

/// `1.20 MiB`.
pub(super) fn bytes(number: u64) -> String {
    HumanBytes(number).to_string()
}

/// `2026-11-21 13:05:09` in UTC, for seconds since 1970.
pub(super) fn time(seconds: u64) -> String {
    written(seconds, "%F %T")
}

/// The same for milliseconds.
pub(super) fn moment(milliseconds: u64) -> String {
    time(milliseconds / 1000)
}

/// `2026-11-21`, or with the hour where `step` is shorter than a day.
pub(super) fn place(seconds: u64, step: u64) -> String {
    written(seconds, if step < 86_400 { "%F %H:%M" } else { "%F" })
}

/// `2026-11-01 00:00 to 2026-11-21 13:00`.
pub(super) fn period(span: Span) -> String {
    format!("{} to {} UTC", place(span.since, 1), place(span.until, 1))
}

/// A port, with its zone where that is not the only one.
pub(super) fn port(zone: &str, port: &str) -> String {
    if zone == crate::site::DEFAULT_ZONE { port.to_owned() } else { format!("{port} in {zone}") }
}

/// A source, or that none could be read.
pub(super) fn source(source: Option<std::net::IpAddr>) -> String {
    source.map_or_else(|| "(not readable)".to_owned(), |source| source.to_string())
}

/// Whether no document names the port that a drop was at.
pub(super) fn is_undocumented(row: &DropRow) -> bool {
    row.rules.is_empty() && split_direction(&row.port).1 != "-"
}

/// `text` with nothing in it that would not show, line ends of a longer text but for.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    let hides = |letter: char| {
        (letter.is_control() && letter != '\n')
            || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    if text.contains(hides) {
        Cow::Owned(text.chars().map(|letter| if hides(letter) { REPLACED } else { letter }).collect())
    } else {
        Cow::Borrowed(text)
    }
}

fn written(seconds: u64, how: &str) -> String {
    let at = i64::try_from(seconds).ok().and_then(|at| Timestamp::from_second(at).ok());
    at.unwrap_or(Timestamp::MAX).strftime(how).to_string()
}
