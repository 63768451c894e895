//! What a rule's `ports` come to.

use std::{collections::BTreeMap, ops::RangeInclusive};

use toml::Value;

/// Parameters by name.
pub(super) type Settings = BTreeMap<String, Value>;

/// The ranges of a list such as `["9443+$offset", "$first-$last", "$endpoints"]`.
pub(super) fn ranges(ports: &Value, settings: &Settings) -> Vec<RangeInclusive<u16>> {
    let texts = ports.as_array().into_iter().flatten().filter_map(Value::as_str);
    texts.flat_map(|text| expression(text, settings)).collect()
}

fn expression(text: &str, settings: &Settings) -> Vec<RangeInclusive<u16>> {
    if let Some(value) = text.strip_prefix('$').and_then(|name| settings.get(name.trim())) {
        return parameter(value);
    }
    match text.split_once('-') {
        Some((first, last)) => vec![sum(first, settings)..=sum(last, settings)],
        None => vec![sum(text, settings)..=sum(text, settings)],
    }
}

/// A parameter that stands alone: a port, a range, or a list of both.
pub(super) fn parameter(value: &Value) -> Vec<RangeInclusive<u16>> {
    match value {
        Value::Integer(port) => vec![port_of(*port)..=port_of(*port)],
        Value::String(text) => expression(text, &Settings::new()),
        Value::Array(items) => items.iter().flat_map(parameter).collect(),
        other => panic!("no port: {other}"),
    }
}

fn sum(text: &str, settings: &Settings) -> u16 {
    let terms = text.split('+').map(|term| match term.trim().strip_prefix('$') {
        Some(name) => settings[name].as_integer().expect("only numbers are added up"),
        None => term.trim().parse().expect("a number"),
    });
    port_of(terms.sum())
}

fn port_of(number: i64) -> u16 {
    number.try_into().expect("the site was accepted, so its ports are ports")
}
