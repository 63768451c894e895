//! How things are written in nftables.

use std::fmt::Display;

use crate::matrix::{Direction, Mode, Zone};

/// A line of a chain.
pub(super) enum Line {
    /// For the reader.
    Remark(String),
    /// For the kernel.
    Statement(String),
}

/// What is done to a packet that is refused.
#[derive(Clone, Copy)]
pub(super) enum Refusal {
    Drop,
    /// It goes to the chain [`REFUSE`], which tells the sender.
    Tell,
    /// Counted, and let through.
    Count,
}

/// The chain for what must not leave.
pub(super) const REFUSE: &str = "refuse";

impl Refusal {
    pub(super) fn of(direction: Direction, mode: Mode) -> Self {
        match (mode, direction) {
            (Mode::Observe, _) => Self::Count,
            (Mode::Enforce, Direction::In) => Self::Drop,
            (Mode::Enforce, Direction::Out) => Self::Tell,
        }
    }

    /// The statement that refuses what `matches`.
    pub(super) fn line(self, matches: &str, why: &str) -> Line {
        match self {
            Self::Drop => statement(matches, "drop", why),
            Self::Tell => statement(matches, &format!("goto {REFUSE}"), why),
            Self::Count => statement(matches, "accept", &format!("would drop: {why}")),
        }
    }
}

/// The statement that lets through what `matches`.
pub(super) fn accept(matches: &str, why: &str) -> Line {
    statement(matches, "accept", why)
}

pub(super) fn remark(text: &str) -> Line {
    Line::Remark(printable(text))
}

/// The lines under a remark, where there are any.
pub(super) fn titled(title: &str, mut lines: Vec<Line>) -> Vec<Line> {
    if !lines.is_empty() {
        lines.insert(0, remark(title));
    }
    lines
}

fn statement(matches: &str, verdict: &str, why: &str) -> Line {
    let space = if matches.is_empty() { "" } else { " " };
    Line::Statement(format!("{matches}{space}counter {verdict} comment \"{}\"", comment(why)))
}

/// The most bytes of a comment in the kernel (`NFTNL_UDATA_COMMENT_MAXLEN` of libnftnl), its final zero left out.
const LONGEST: usize = 127;

/// A text as a quoted string can hold it: there is no way to write a quote in one.
fn comment(text: &str) -> String {
    let mut text = printable(&text.replace('"', "'"));
    text.truncate(text.floor_char_boundary(LONGEST));
    text
}

fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// What names a packet's interface.
pub(super) fn by(direction: Direction) -> &'static str {
    match direction {
        Direction::In => "iifname",
        Direction::Out => "oifname",
    }
}

/// What matches the packets that come in or leave by an interface, or by those that a pattern matches; nothing is needed for
/// all.
pub(super) fn interface(direction: Direction, name: &str) -> String {
    if name == "*" { String::new() } else { format!("{} \"{name}\" ", by(direction)) }
}

/// An anonymous set.
pub(super) fn set<T: Display>(elements: &[T]) -> String {
    let elements: Vec<String> = elements.iter().map(ToString::to_string).collect();
    format!("{{ {} }}", elements.join(", "))
}

/// The numbers of one byte that are `wanted`, as a set with ranges.
pub(super) fn numbers(wanted: impl Fn(u8) -> bool) -> String {
    let mut ranges: Vec<(u8, u8)> = Vec::new();
    for number in (0..=u8::MAX).filter(|&number| wanted(number)) {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    let text = |&(first, last): &(u8, u8)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    set(&ranges.iter().map(text).collect::<Vec<_>>())
}

/// The name of a zone's chain. It begins with a word of its own, lest a zone be called like something that nft knows.
pub(super) fn zone(direction: Direction, zone: &Zone) -> String {
    match direction {
        Direction::In => format!("zone-{}", zone.name),
        Direction::Out => format!("out-{}", zone.name),
    }
}

#[cfg(test)]
mod tests {
    use super::{comment, numbers};

    #[test]
    fn a_comment_holds_no_quote_no_control_and_no_more_than_the_kernel_takes() {
        assert_eq!(comment("say \"no\"\n\tnow"), "say 'no'  now");
        let long = "ä".repeat(100);
        assert_eq!(comment(&long), "ä".repeat(63));
    }

    #[test]
    fn numbers_are_written_as_ranges() {
        assert_eq!(numbers(|number| matches!(number, 0 | 3..=5 | 254..)), "{ 0, 3-5, 254-255 }");
    }
}
