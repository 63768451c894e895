//! Sentences that the page and the ticket share.

use super::{
    Absence, GroupInForce, Reaches, Report, Verified, Witness,
    words::{count, time},
};
use crate::{
    audit::{Change, SourceRow, TopSources, Verification},
    matrix::{Direction, Mode, Outbound, Posture, Row},
    observe::Count,
};
use portguard_common::Reason;

/// The undocumented ports that are shown.
pub(super) const PORTS_SHOWN: usize = 50;
/// The changes that are shown: the latest. Programs get all.
const CHANGES_SHOWN: usize = 200;
/// The addresses of a group that are shown.
const ADDRESSES_SHOWN: usize = 48;

/// What is said where no site is known.
pub(super) const NO_SITE: &str =
    "No site is known: the state directory holds none that can be read, and no --site was given.";

/// What is said where a site does not judge what leaves.
pub(super) const NOT_FILTERED: &str = "What leaves this node is not filtered (outbound off).";
/// What stands in the column of that name.
pub(super) const USED: &str = "Used: the packets that the rule admitted in the period.";

/// What becomes of what leaves.
pub(super) fn judged(mode: Mode) -> &'static str {
    match mode {
        Mode::Observe => {
            "What leaves this node is counted only (outbound observe): what no rule admits leaves all the same, and counts as what \
             would have been dropped."
        }
        Mode::Enforce => {
            "What leaves this node is filtered (outbound enforce). What answers a peer, and what IP itself needs, leaves without a \
             rule."
        }
    }
}

/// What becomes of ports that no rule names.
pub(super) fn others(posture: Posture) -> &'static str {
    match posture {
        Posture::Pass => "Ports that no rule names are open to everyone (posture pass).",
        Posture::Drop => "Ports that no rule names are closed (posture drop).",
    }
}

/// The same of ports that this node would reach.
pub(super) fn others_outbound(Reaches { outbound, failsafe, .. }: &Reaches) -> String {
    let others = match outbound.posture {
        Posture::Pass => "Ports that no outbound rule names are reached anywhere (posture pass).",
        Posture::Drop => "Ports that no outbound rule names are reached nowhere (posture drop).",
    };
    match failsafe.as_slice() {
        [] => others.to_owned(),
        groups => format!("{others} Every port of the failsafe groups is reached: {}.", groups.join(", ")),
    }
}

/// What is in force, by lines.
pub(super) fn in_force(report: &Report) -> Vec<(&'static str, String)> {
    let known = report.in_force.generation.as_ref();
    let site = report.accepts.as_ref();
    let mode = known.and_then(|known| known.mode).or_else(|| site.map(|site| site.mode));
    let posture = known.and_then(|known| known.posture).or_else(|| site.map(|site| site.posture));
    let mut lines = Vec::new();
    match known {
        Some(known) => {
            lines.push((
                "Generation",
                format!("{}, since {} UTC, by {}", known.number, time(known.since), known.by),
            ));
            lines.push(("Digest", known.digest.clone()));
        }
        None if report.in_force.witness == Witness::Nobody => {
            lines.push(("Generation", "not known".to_owned()));
        }
        None => lines.push(("Generation", "NONE: nothing is guarded".to_owned())),
    }
    if known.is_some() || report.in_force.witness == Witness::Nobody {
        lines.push((
            "Mode",
            match mode {
                Some(Mode::Observe) => "observe: nothing is dropped, what would be is counted".to_owned(),
                Some(Mode::Enforce) => "enforce".to_owned(),
                None => "not known".to_owned(),
            },
        ));
        let posture = posture.map_or_else(|| "not known".to_owned(), |posture| posture.to_string());
        lines.push(("Posture", format!("{posture}: what no rule names")));
        // Who says the mode says this, too.
        let outbound = match (known.filter(|known| known.mode.is_some()), site) {
            (Some(known), _) => Some(known.outbound),
            (None, Some(site)) => Some(site.reaches.as_ref().map(|reaches| reaches.outbound)),
            (None, None) => None,
        };
        lines.push((
            "Outbound",
            match outbound {
                None => "not known".to_owned(),
                Some(None) => "off: what leaves is not filtered".to_owned(),
                Some(Some(Outbound { mode: Mode::Observe, posture, .. })) => {
                    format!("observe, posture {posture}: nothing is dropped, what would be is counted")
                }
                Some(Some(Outbound { mode: Mode::Enforce, posture, .. })) => {
                    format!("enforce, posture {posture}")
                }
            },
        ));
    }
    if !report.in_force.interfaces.is_empty() {
        lines.push(("Interfaces", report.in_force.interfaces.join(", ")));
    }
    if !report.in_force.absent.is_empty() {
        lines.push(("NOT guarded", report.in_force.absent.join(", ")));
    }
    lines
}

/// What stands above a rule's peers.
pub(super) fn peers_are(direction: Direction) -> &'static str {
    match direction {
        Direction::In => "From",
        Direction::Out => "To",
    }
}

/// Who may reach what a rule opens, or be reached.
pub(super) fn peers(row: &Row) -> String {
    let peers = row.peers.iter().map(|peer| match peer.groups.as_slice() {
        _ if peer.this_node => "this node only".to_owned(),
        [] => format!("{}: nobody", peer.role),
        [only] if *only == peer.role => only.clone(),
        groups => format!("{}: {}", peer.role, groups.join(", ")),
    });
    peers.collect::<Vec<_>>().join("\n")
}

/// Who is in a group.
pub(super) fn addresses(GroupInForce { name, addresses }: &GroupInForce) -> String {
    if name == crate::site::ANY {
        return "any address".to_owned();
    }
    if addresses.is_empty() {
        return "nobody".to_owned();
    }
    let shown = addresses.iter().take(ADDRESSES_SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match addresses.len().saturating_sub(ADDRESSES_SHOWN) {
        0 => shown,
        more => format!("{shown} and {} more (--format json has all)", count(more as u64)),
    }
}

/// What a reason means for a packet of `direction`.
pub(super) fn reason(direction: Direction, name: &str) -> &'static str {
    let reason = Reason::ALL.iter().find(|reason| reason.name() == name);
    reason.map_or("", |reason| match direction {
        Direction::In => reason.says(),
        Direction::Out => reason.says_outbound(),
    })
}

/// So many packets, and how many of them were about to leave, if any were.
pub(super) fn packets(all: Count, outbound: Count) -> String {
    match outbound.packets {
        0 => count(all.packets),
        leaving => format!("{} ({} outbound)", count(all.packets), count(leaving)),
    }
}

/// Whether the report has anything to tell of what was about to leave.
pub(super) fn judges_outbound(report: &Report) -> bool {
    report.accepts.as_ref().is_some_and(|accepts| accepts.reaches.is_some())
        || report.sources.rows.iter().any(|row| row.direction == Direction::Out)
}

/// That of `all` only `shown` are shown.
pub(super) fn more(all: usize, shown: usize) -> Option<String> {
    let more = all.checked_sub(shown).filter(|&more| more > 0)?;
    Some(format!("{} more are not shown here: --format json has all.", count(more as u64)))
}

/// The ports of a source.
pub(super) fn ports(row: &SourceRow) -> String {
    let ports = row.ports.join(", ");
    match row.more_ports {
        0 => ports,
        more => format!("{ports} and {} more", count(more as u64)),
    }
}

/// What is to be known of the list of sources.
pub(super) fn sources(top: &TopSources) -> Vec<String> {
    let mut says = Vec::new();
    if top.more > 0 {
        says.push(format!("{} more addresses are not shown.", count(top.more as u64)));
    }
    says.extend(by_loudest(top.by_loudest));
    says
}

/// Which days are told by their loudest sources only.
pub(super) fn by_loudest(days: u64) -> Option<String> {
    let which = match days {
        0 => return None,
        1 => "One day is told".to_owned(),
        days => format!("{days} days are told"),
    };
    Some(format!(
        "{which} here by the loudest sources of the day alone, so that a source may have sent more than is said. Sums by port and \
         by reason are exact all the same."
    ))
}

/// The changes that are shown.
pub(super) fn latest(changes: &[Change]) -> &[Change] {
    &changes[changes.len().saturating_sub(CHANGES_SHOWN)..]
}

/// A change in a sentence.
pub(super) fn of_change(change: &Change) -> String {
    match (change.generation, &change.digest) {
        (Some(number), Some(digest)) => {
            format!("{} (generation {number}, {})", change.says, digest.get(..12).unwrap_or(digest))
        }
        (Some(number), None) => format!("{} (generation {number})", change.says),
        (None, _) => change.says.clone(),
    }
}

/// A time without a daemon in a sentence.
pub(super) fn absence(absence: &Absence) -> String {
    match absence {
        Absence { since: Some(since), until: Some(until) } => format!(
            "No daemon ran from {} to {}. What the kernel counted meanwhile is recorded at the end of it.",
            time(*since),
            time(*until)
        ),
        Absence { since: None, until: Some(until) } => format!(
            "The daemon that began at {} followed one that did not say that it ends: it was killed, or the node lost its power.",
            time(*until)
        ),
        Absence { since: Some(since), until: None } => {
            format!("No daemon has run since {}. The filter stays in the kernel, and counts.", time(*since))
        }
        Absence { since: None, until: None } => "No daemon runs.".to_owned(),
    }
}

/// The detail that was lost, in a sentence.
pub(super) fn lost(in_kernel: Count, in_hour: Count) -> String {
    if in_kernel.packets == 0 && in_hour.packets == 0 {
        return "Every packet that found a place in the kernel's table is told by its source.".to_owned();
    }
    format!(
        "Of {} packets the source is not told, since the kernel's table was full, and of {}, since their hour was. They are \
         counted by port and by reason like any other.",
        count(in_kernel.packets),
        count(in_hour.packets)
    )
}

/// What is known of the seals, in a sentence.
pub(super) fn verified(Verified { sealed, head, at, found }: &Verified) -> String {
    let seals = match (sealed, head) {
        (0, _) | (_, None) => "no day is sealed yet".to_owned(),
        (1, Some(head)) => format!("1 day sealed, head {head}"),
        (days, Some(head)) => format!("{days} days sealed, head {head}"),
    };
    match (at, found) {
        (Some(at), Some(found)) if found.is_whole() => {
            format!("As it was sealed, verified {} UTC{}; {seals}", time(*at), covers(found, *sealed))
        }
        (Some(at), Some(found)) => {
            format!("NOT as it was sealed: {} faults, found {} UTC; {seals}", found.faults.len(), time(*at))
        }
        _ => format!("Not verified yet (`portguard report --verify` does); {seals}"),
    }
}

/// How many of the seals a verification has seen.
fn covers(found: &Verification, sealed: usize) -> String {
    let later = (sealed as u64).saturating_sub(found.sealed);
    if later == 0 { String::new() } else { format!(", and {later} days were sealed since") }
}
