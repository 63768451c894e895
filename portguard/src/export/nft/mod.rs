//! The matrix as an nftables ruleset: a table of the family inet, a set for each group, a chain for each zone, and, where the
//! site judges what leaves, a second one for that.
//!
//! Both ways are judged where the node's own stack has them, at the hooks input and output: the egress hook of the family
//! netdev would see forwarded packets, too, but the kernel takes neither `reject` nor `ct` there. What comes in for others is judged at
//! the hook forward, where the site wants that.
//!
//! A zone's chain takes the steps of the verdict in their order: what IP needs to live, the rules, replies, what the rules
//! refuse, and what no rule names. Which types of ICMP are needed, and which protocols are tunnels, is asked of
//! `portguard_common`, where the verdict has it from.

mod answers;
mod groups;
mod head;
mod necessary;
mod words;
mod zone;

use std::fmt::Write as _;

use thiserror::Error;

use crate::matrix::{
    Direction, Interface, Matrix, Mode, Outbound, Posture, Rule, Service, ZoneId, is_pattern,
};
use groups::Sets;
use words::{Line, REFUSE, Refusal};

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
    let ways = Way::of(matrix);
    let sets = Sets::new(matrix);
    let mut text = head::text(matrix);
    // Made if it is missing, so that it can be taken away, so that what follows is all there is; in one transaction.
    text.push_str("table inet portguard\ndelete table inet portguard\n\ntable inet portguard {\n");
    sets.write(&mut text);
    for way in ways {
        bases(matrix, way.direction, &mut text);
        chain(necessary::name(way.direction), &necessary::lines(matrix, way), &mut text);
        if matches!(way.refusal, Refusal::Tell) {
            chain(REFUSE, &refuse(), &mut text);
        }
        for index in 0..matrix.zones.len() {
            let zone = ZoneId::new(index);
            if matrix.interfaces.iter().any(|interface| interface.zone == zone) {
                let lines = zone::lines(matrix, zone, &sets, way);
                chain(&words::zone(way.direction, matrix.zone(zone)), &lines, &mut text);
            }
        }
    }
    text.truncate(text.trim_end().len());
    text.push_str("\n}\n");
    Ok(text)
}

/// One of the ways that packets go, and what becomes of those that may not.
#[derive(Clone, Copy)]
struct Way {
    direction: Direction,
    refusal: Refusal,
    posture: Posture,
}

impl Way {
    /// Those that the site judges.
    fn of(matrix: &Matrix) -> impl Iterator<Item = Self> {
        let way =
            |direction, mode, posture| Self { direction, refusal: Refusal::of(direction, mode), posture };
        let leaving =
            matrix.outbound.map(|Outbound { mode, posture, .. }| way(Direction::Out, mode, posture));
        std::iter::once(way(Direction::In, matrix.mode, matrix.posture)).chain(leaving)
    }
}

/// What becomes of what must not leave: as the program at tcx has it, the sender knows at once.
fn refuse() -> [Line; 4] {
    let statement = |text: &str| Line::Statement(text.to_owned());
    [
        words::remark(
            "a connection is refused, a datagram said to be prohibited; whatever else there is just goes",
        ),
        statement("tcp flags & (syn | ack) == syn reject with tcp reset"),
        statement("meta l4proto udp reject with icmpx admin-prohibited"),
        statement("drop"),
    ]
}

/// The chains where packets come in, or leave.
fn bases(matrix: &Matrix, direction: Direction, text: &mut String) {
    let hooks: &[&str] = match (direction, matrix.transit) {
        (Direction::In, Posture::Pass) => &["input"],
        (Direction::In, Posture::Drop) => &["input", "forward"],
        (Direction::Out, _) => &["output"],
    };
    for hook in hooks {
        base(matrix, direction, hook, text);
    }
}

/// One of them: each packet goes to the chain of its interface's zone. Others are not judged.
fn base(matrix: &Matrix, direction: Direction, hook: &str, text: &mut String) {
    let zone = |interface: &Interface| words::zone(direction, matrix.zone(interface.zone));
    let by = words::by(direction);
    let mut lines = vec![Line::Statement(format!("type filter hook {hook} priority filter; policy accept;"))];
    let (mut patterns, named): (Vec<&Interface>, Vec<&Interface>) =
        matrix.interfaces.iter().partition(|interface| is_pattern(&interface.name));
    if !named.is_empty() {
        let goal = |interface: &&Interface| format!("\"{}\" : goto {}", interface.name, zone(interface));
        let goals: Vec<String> = named.iter().map(goal).collect();
        lines.push(Line::Statement(format!("{by} vmap {}", words::set(&goals))));
    }
    if !patterns.is_empty() {
        lines.push(Line::Statement(format!("{by} \"lo\" accept")));
    }
    // What ends in `*` is narrower the longer it is.
    patterns.sort_by_key(|interface| std::cmp::Reverse(interface.name.len()));
    for interface in patterns {
        let matches = words::interface(direction, &interface.name);
        lines.push(Line::Statement(format!("{matches}goto {}", zone(interface))));
    }
    chain(hook, &lines, text);
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

/// The rules of a zone for one way, in the order in which they are asked. That of the failsafe groups holds for both.
fn rules(matrix: &Matrix, zone: ZoneId, direction: Direction) -> impl Iterator<Item = &Rule> {
    let holds = move |rule: &Rule| rule.direction == direction || rule.service == Service::All;
    matrix.rules.iter().filter(move |rule| holds(rule) && rule.zones.contains(&zone))
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Observe => "observe",
        Mode::Enforce => "enforce",
    }
}

fn posture(posture: Posture) -> &'static str {
    match posture {
        Posture::Pass => "pass",
        Posture::Drop => "drop",
    }
}
