//! Tables that are tables on a wide page and on paper, and cards on a telephone.

use maud::{Markup, html};

use crate::report::words::visible;

/// What a column holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Words.
    Text,
    /// A figure.
    Number,
    /// A port, an address, a digest.
    Code,
    /// When.
    Time,
}

/// A column's name and kind.
pub(super) type Column = (&'static str, Kind);

/// A table of `rows`, with `foot` below them.
pub(super) fn table(
    caption: &str,
    columns: &[Column],
    rows: impl IntoIterator<Item = Vec<String>>,
    foot: Option<Vec<String>>,
) -> Markup {
    let mut rows = rows.into_iter().peekable();
    if rows.peek().is_none() {
        return html! { p.none { "None." } };
    }
    html! {
        table {
            caption { (caption) }
            thead { tr { @for (name, kind) in columns { th scope="col" class=[class(*kind)] { (name) } } } }
            tbody { @for cells in rows { (row(columns, &cells)) } }
            @if let Some(cells) = foot { tfoot { (row(columns, &cells)) } }
        }
    }
}

fn row(columns: &[Column], cells: &[String]) -> Markup {
    html! {
        tr {
            @for ((name, kind), cell) in columns.iter().zip(cells) {
                td data-label=(name) class=[class(*kind)] { (lines(cell)) }
            }
        }
    }
}

/// Text with its line ends.
pub(super) fn lines(text: &str) -> Markup {
    let text = visible(text);
    html! { @for (place, line) in text.split('\n').enumerate() { @if place > 0 { br; } (line) } }
}

fn class(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Text => None,
        Kind::Number => Some("number"),
        Kind::Code => Some("code"),
        Kind::Time => Some("time"),
    }
}
