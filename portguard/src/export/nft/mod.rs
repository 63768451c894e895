//! The matrix as an nftables ruleset: a table of the family inet, a set for each group, a chain for each zone.
//!
//! A zone's chain takes the steps of the verdict in their order: what IP needs to live, the rules, replies, what the rules
//! refuse, and what no rule names. Which types of ICMP are needed, and which protocols are tunnels, is asked of
//! `portguard_common`, where the verdict has it from.

mod groups;
mod head;
mod necessary;
mod words;
mod zone;

use std::fmt::Write as _;

use thiserror::Error;

use crate::matrix::{Direction, Interface, Matrix, Mode, Posture, Rule, ZoneId, is_pattern};
use groups::Sets;
use words::{Line, Refusal};

/// Why a matrix cannot be said in nftables.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NftError {
    /// A name that nft reads as something else.
    #[error(
        "nftables cannot name the interface `{0}`: quotes and backslashes mean something there; rename it (`ip link \
         set dev NAME name OTHER`)"
    )]
    Interface(String),
    /// A pattern of which nft knows nothing.
    #[error(
        "nftables cannot match the interfaces `{0}`: of patterns it knows those with one `*`, at their end; name the \
         interfaces one by one"
    )]
    Pattern(String),
}

/// The ruleset, as `nft -f` loads it.
pub fn ruleset(matrix: &Matrix) -> Result<String, NftError> {
    let odd = |name: &str| name.contains(['"', '\\']);
    if let Some(interface) = matrix.interfaces.iter().find(|interface| odd(&interface.name)) {
        return Err(NftError::Interface(interface.name.clone()));
    }
    let stem = |name: &str| name.strip_suffix('*').unwrap_or(name).to_owned();
    if let Some(interface) = matrix.interfaces.iter().find(|interface| is_pattern(&stem(&interface.name))) {
        return Err(NftError::Pattern(interface.name.clone()));
    }
    let refusal = Refusal::of(matrix.mode);
    let sets = Sets::new(matrix);
    let mut text = head::text(matrix);
    // Made if it is missing, so that it can be taken away, so that what follows is all there is; in one transaction.
    text.push_str("table inet portguard\ndelete table inet portguard\n\ntable inet portguard {\n");
    sets.write(&mut text);
    input(matrix, &mut text);
    chain("necessary", &necessary::lines(matrix, refusal), &mut text);
    for index in 0..matrix.zones.len() {
        let zone = ZoneId::new(index);
        if matrix.interfaces.iter().any(|interface| interface.zone == zone) {
            let lines = zone::lines(matrix, zone, &sets, refusal);
            chain(&words::zone(matrix.zone(zone)), &lines, &mut text);
        }
    }
    text.truncate(text.trim_end().len());
    text.push_str("\n}\n");
    Ok(text)
}

/// The chain where packets come in: each to the chain of its interface's zone. Others are not judged.
fn input(matrix: &Matrix, text: &mut String) {
    let zone = |interface: &Interface| words::zone(matrix.zone(interface.zone));
    let hook = "type filter hook input priority filter; policy accept;".to_owned();
    let mut lines = vec![Line::Statement(hook)];
    let (mut patterns, named): (Vec<&Interface>, Vec<&Interface>) =
        matrix.interfaces.iter().partition(|interface| is_pattern(&interface.name));
    if !named.is_empty() {
        let goal = |interface: &&Interface| format!("\"{}\" : goto {}", interface.name, zone(interface));
        let goals: Vec<String> = named.iter().map(goal).collect();
        lines.push(Line::Statement(format!("iifname vmap {}", words::set(&goals))));
    }
    if !patterns.is_empty() {
        lines.push(Line::Statement("iifname \"lo\" accept".to_owned()));
    }
    // What ends in `*` is narrower the longer it is.
    patterns.sort_by_key(|interface| std::cmp::Reverse(interface.name.len()));
    for interface in patterns {
        let matches = words::interface(&interface.name);
        lines.push(Line::Statement(format!("{matches}goto {}", zone(interface))));
    }
    chain("input", &lines, text);
}

fn chain(name: &str, lines: &[Line], text: &mut String) {
    writeln!(text, "\tchain {name} {{").expect("memory does not fail");
    for (position, line) in lines.iter().enumerate() {
        match line {
            Line::Remark(remark) if position == 0 => writeln!(text, "\t\t# {remark}"),
            Line::Remark(remark) => writeln!(text, "\n\t\t# {remark}"),
            Line::Statement(statement) => writeln!(text, "\t\t{statement}"),
        }
        .expect("memory does not fail");
    }
    text.push_str("\t}\n\n");
}

/// The inbound rules of a zone, in the order in which they are asked.
fn rules(matrix: &Matrix, zone: ZoneId) -> impl Iterator<Item = &Rule> {
    matrix.rules.iter().filter(move |rule| rule.direction == Direction::In && rule.zones.contains(&zone))
}

fn mode(matrix: &Matrix) -> &'static str {
    match matrix.mode {
        Mode::Observe => "observe",
        Mode::Enforce => "enforce",
    }
}

fn posture(matrix: &Matrix) -> &'static str {
    match matrix.posture {
        Posture::Pass => "pass",
        Posture::Drop => "drop",
    }
}
