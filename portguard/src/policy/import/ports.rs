//! Ports as people write them: `8070, 8071`, `10000-19999`, `25 or 587`, `9443 (recommended), 8080`, `*`.

use super::{
    cells::{self, without_remarks},
    protocols,
};
use crate::{
    matrix::PortRange,
    policy::thousands::{has_certain, without_separators},
};

/// What a text says of ports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ports {
    /// As a policy writes them; never empty.
    pub(super) expressions: Vec<String>,
    /// What about them is not clear, if anything.
    pub(super) doubt: Option<String>,
    /// Protocols that stand with the ports, as in `443/tcp`.
    pub(super) protocols: Vec<&'static str>,
}

/// Why a text is not ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotPorts {
    /// There is nothing.
    Nothing,
    /// There are words and no numbers.
    Words,
    /// There is a number that is no port, or a range that is none.
    NoPort,
}

impl NotPorts {
    pub(super) fn why(self) -> &'static str {
        match self {
            Self::Nothing => "no port is named",
            Self::Words => "these are words, not ports",
            Self::NoPort => "there is a number that is no port",
        }
    }
}

/// Words that stand between ports and say nothing more.
const FILLING: [&str; 7] = ["port", "ports", "and", "range", "between", "from", "default"];
/// More ports in one place are no row of a manual.
const MOST: usize = 1000;

/// Reads the text of a cell, or of a list item up to its dash.
pub(super) fn read(text: &str) -> Result<Ports, NotPorts> {
    let text = prepared(text);
    if text.trim().is_empty() {
        return Err(NotPorts::Nothing);
    }
    let mut ports = Ports::default();
    let mut strangers: Vec<&str> = Vec::new();
    for token in text.split([',', ';', '/', '|', '&', ' ']).filter(|token| !token.is_empty()) {
        let token = token.trim_matches(['.', ':', '"', '\'', '`']);
        if token == "*" || (ports.expressions.is_empty() && matches!(token, "any" | "all")) {
            ports.push("*".to_owned());
        } else if token.starts_with(|letter: char| letter.is_ascii_digit()) {
            match range(token) {
                Some(range) => ports.push(range),
                // The number of a list that goes on in words: `3 nodes`.
                None if ports.expressions.is_empty() => return Err(NotPorts::NoPort),
                None => strangers.push(token),
            }
        } else if token == "or" {
            ports.doubt = Some("the document leaves a choice, and all of its ports are opened".to_owned());
        } else if token.starts_with('+') && !ports.expressions.is_empty() {
            ports.doubt =
                Some("the document adds something to the port: a parameter would say what".to_owned());
            strangers.clear();
            break;
        } else if let Some(found) = protocols::transport(token) {
            ports.protocols.push(found);
        } else if !FILLING.contains(&token) && !token.is_empty() {
            strangers.push(token);
        }
        if ports.expressions.is_empty() && !strangers.is_empty() {
            return Err(NotPorts::Words);
        }
        if ports.expressions.len() > MOST {
            return Err(NotPorts::NoPort);
        }
    }
    if ports.expressions.is_empty() {
        return Err(NotPorts::Words);
    }
    if !strangers.is_empty() {
        let strangers = cells::shortened(&strangers.join(" "));
        ports.doubt = Some(format!("the document says `{strangers}` with the ports"));
    }
    Ok(ports)
}

impl Ports {
    fn push(&mut self, expression: String) {
        if !self.expressions.contains(&expression) {
            self.expressions.push(expression);
        }
    }
}

/// Lower case, one kind of dash, no remarks in parentheses, ranges without spaces, thousands without commas.
fn prepared(text: &str) -> String {
    let dashed = without_remarks(&text.to_lowercase()).replace(['–', '—', '−'], "-");
    let words: Vec<&str> = dashed.split_whitespace().collect();
    let mut joined: Vec<String> = Vec::new();
    let mut position = 0;
    while position < words.len() {
        let word = words[position];
        let goes_on = matches!(words.get(position + 1), Some(&("-" | "to" | "through")));
        let end =
            words.get(position + 2).filter(|end| goes_on && starts_with_digit(end) && ends_with_digit(word));
        if let Some(end) = end {
            joined.push(format!("{word}-{end}"));
            position += 3;
        } else {
            joined.push(word.to_owned());
            position += 1;
        }
    }
    let joined = joined.join(" ");
    if has_certain(&joined) { without_separators(&joined) } else { joined }
}

fn starts_with_digit(word: &str) -> bool {
    word.starts_with(|letter: char| letter.is_ascii_digit())
}

fn ends_with_digit(word: &str) -> bool {
    word.ends_with(|letter: char| letter.is_ascii_digit())
}

/// A port or a range as a policy writes it.
fn range(token: &str) -> Option<String> {
    let port = |text: &str| -> Option<u16> {
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|&port| plain && port > 0)
    };
    let range = match token.split_once('-') {
        Some((first, last)) => PortRange::new(port(first)?, port(last)?)?,
        None => PortRange::single(port(token)?),
    };
    Some(range.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(text: &str) -> String {
        match read(text) {
            Ok(Ports { expressions, doubt, .. }) => {
                expressions.join(" ") + if doubt.is_some() { " ?" } else { "" }
            }
            Err(why) => why.why().to_owned(),
        }
    }

    #[test]
    fn ports_are_read_as_people_write_them() {
        for (text, expected) in [
            ("8001", "8001"),
            ("8070, 8071", "8070 8071"),
            ("8070,8071", "8070 8071"),
            ("9443 (Recommended), 8080", "9443 8080"),
            ("10000-19999", "10000-19999"),
            ("10000 – 19999", "10000-19999"),
            ("10,000 to 19,999", "10000-19999"),
            ("80,443", "80 443"),
            ("3333-3341, 3343-3344, 36379, 36380", "3333-3341 3343-3344 36379 36380"),
            ("25 or 587", "25 587 ?"),
            ("7711 + port offset of the server", "7711 ?"),
            ("443/tcp", "443"),
            ("Ports 80 and 443.", "80 443"),
            ("(8080)", "8080"),
            ("*", "*"),
            ("443 for the console", "443 ?"),
            ("80 80", "80"),
        ] {
            assert_eq!(ports(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_port_is_refused() {
        for text in ["", "  ", "see below", "70000", "0", "20K+", "10.0.0.1", "9-3", "3.2", "-", "tcp"] {
            assert!(read(text).is_err(), "{text}: {:?}", read(text));
        }
    }
}
