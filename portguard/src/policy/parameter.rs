//! What a document lets an administrator change, and the values it can take.

use std::{collections::BTreeMap, fmt};

use miette::Diagnostic;

use crate::{
    matrix::PortRange,
    reading::{Fault, Faults, Kind, Located, Value, did_you_mean},
};

/// Something that an administrator may change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// What it is, in words.
    pub meaning: String,
    /// The lines of the document that speak of it.
    pub lines: Vec<u32>,
    /// The values it can take.
    pub kind: ParameterType,
    /// Its value where a site says nothing.
    pub default: Setting,
}

/// The values that a parameter can take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParameterType {
    /// On or off.
    Flag,
    /// One port.
    Port {
        /// The ports it must be one of.
        within: PortRange,
    },
    /// Any number of ports, none included.
    Ports {
        /// The ports they must be among.
        within: PortRange,
    },
    /// A number that is added to ports.
    Number,
    /// One of these words.
    Choice(Vec<String>),
}

impl fmt::Display for ParameterType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flag => "bool",
            Self::Port { .. } => "port",
            Self::Ports { .. } => "ports",
            Self::Number => "number",
            Self::Choice(_) => "choice",
        })
    }
}

/// The value of a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// Of a `bool`.
    Flag(bool),
    /// Of a `port`.
    Port(u16),
    /// Of `ports`, as written.
    Ports(Vec<PortRange>),
    /// Of a `number`.
    Number(u16),
    /// Of a `choice`.
    Choice(String),
}

/// The values of all of a policy's parameters.
pub type Settings = BTreeMap<String, Setting>;

/// Reads a parameter's value.
pub fn read_setting<F: Diagnostic + From<Fault>>(
    value: &Value,
    kind: &ParameterType,
    faults: &mut Faults<F>,
) -> Option<Setting> {
    match kind {
        ParameterType::Flag => value.flag(faults).map(Setting::Flag),
        ParameterType::Port { within } => {
            let port = value.number(within.first().into(), within.last().into(), faults)?;
            Some(Setting::Port(u16::try_from(port.value).expect("a port within a range of ports")))
        }
        ParameterType::Number => {
            let number = value.number(0, u16::MAX.into(), faults)?;
            Some(Setting::Number(u16::try_from(number.value).expect("a number of 16 bits")))
        }
        ParameterType::Ports { within } => read_ports(value, *within, faults).map(Setting::Ports),
        ParameterType::Choice(choices) => {
            let text = value.text(faults)?;
            if choices.contains(&text.value) {
                return Some(Setting::Choice(text.value));
            }
            let remedy = did_you_mean(text.as_str(), "values", choices.iter().map(String::as_str));
            faults.push(Fault::NotOneOf { key: value.path.clone(), value: text.value, at: text.at, remedy });
            None
        }
    }
}

/// One port, one range, or a list of both.
fn read_ports<F: Diagnostic + From<Fault>>(
    value: &Value,
    within: PortRange,
    faults: &mut Faults<F>,
) -> Option<Vec<PortRange>> {
    let items = match &value.kind {
        Kind::List(items) => items.as_slice(),
        Kind::Text(_) | Kind::Integer(_) | Kind::Flag(_) | Kind::Table(_) | Kind::Other(_) => {
            std::slice::from_ref(value)
        }
    };
    let ranges: Vec<Option<PortRange>> = items
        .iter()
        .map(|item| {
            let range = read_range(item, faults)?;
            let inside = within.contains(range.first()) && within.contains(range.last());
            if !inside {
                faults.push(Fault::OutOfRange {
                    key: value.path.clone(),
                    value: range.to_string(),
                    first: within.first().into(),
                    last: within.last().into(),
                    at: item.at,
                });
            }
            inside.then_some(range)
        })
        .collect();
    ranges.into_iter().collect()
}

/// A port written as a number or as a string, or a range.
fn read_range<F: Diagnostic + From<Fault>>(value: &Value, faults: &mut Faults<F>) -> Option<PortRange> {
    if let Kind::Integer(_) = value.kind {
        let port = value.number(1, u16::MAX.into(), faults)?;
        return Some(PortRange::single(u16::try_from(port.value).expect("a port")));
    }
    let Kind::Text(text) = &value.kind else {
        faults.push(Fault::WrongType {
            key: value.path.clone(),
            expected: "a port or a range of ports",
            example: "12000 or \"12000-12009\"".to_owned(),
            found: value.kind.name(),
            at: value.at,
        });
        return None;
    };
    match parse_range(&Located::new(text.clone(), value.at)) {
        Ok(range) => Some(range),
        Err(fault) => {
            faults.push(fault);
            None
        }
    }
}

/// Reads `8086` or `20000-29999`.
pub(crate) fn parse_range(text: &Located<String>) -> Result<PortRange, Fault> {
    let bad = || Fault::BadPorts { text: text.value.clone(), at: text.at };
    let port = |written: &str| -> Result<u16, Fault> {
        let plain = written.bytes().all(|byte| byte.is_ascii_digit());
        written.parse().ok().filter(|&port| plain && port > 0).ok_or_else(bad)
    };
    let (first, last) = match text.value.split_once('-') {
        Some((first, last)) => (port(first.trim())?, port(last.trim())?),
        None => (port(&text.value)?, port(&text.value)?),
    };
    PortRange::new(first, last).ok_or_else(|| Fault::ReversedRange {
        text: text.value.clone(),
        first: first.into(),
        last: last.into(),
        at: text.at,
    })
}
