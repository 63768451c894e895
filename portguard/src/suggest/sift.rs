//! What is worth a suggestion, and what is not: scans, what was seen too seldom, late answers.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::IpAddr,
};

use portguard_common::Reason;
use serde::Serialize;

use super::{Grounds, Seen};
use crate::{
    audit::DropRow,
    compile::Target,
    explain::{Destination, Explanation, Question},
    matrix::{Direction, PeerKind, RuleId, ZoneId},
    site::can_be_peer,
};

/// A source at so many ports, and with so few packets at each, tries what is open.
const SCAN_PORTS: u64 = 8;
const SCAN_PACKETS: u64 = 5;
/// A port at which so many sources have so few packets each is one that the whole internet tries.
const SWEEP_SOURCES: u64 = 16;
const SWEEP_PACKETS: u64 = 25;
/// Less at a port is no use of it: one short connection has as many, and one that is dropped sends its first packet again and again.
const FEW: u64 = 10;

/// Why something is not suggested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Many ports, few packets at each.
    Scan,
    /// At ports that many sources try, with few packets each.
    Sweep,
    /// Next to nothing.
    Few,
    /// The ports are for the node itself.
    NodeOnly,
    /// Answers to connections of the node's own that are gone.
    Late,
}

/// Packets of a source for which nothing is suggested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SetAside {
    /// The source.
    pub source: IpAddr,
    /// Why.
    pub why: Why,
    /// At how many ports.
    pub ports: u64,
    /// Packets.
    pub packets: u64,
}

/// A source at a port, and the rules that name the port.
pub(super) struct Found {
    pub(super) seen: Seen,
    pub(super) zone: ZoneId,
    pub(super) target: Target,
    pub(super) rules: Vec<RuleId>,
}

/// What is left, each in the order of sources and ports.
#[derive(Default)]
pub(super) struct Sifted {
    pub(super) documented: Vec<Found>,
    pub(super) undocumented: Vec<Found>,
    pub(super) set_aside: Vec<SetAside>,
}

/// A source at a port, by zone and port.
type Key = (IpAddr, ZoneId, Target);

#[derive(Default)]
struct Sum {
    packets: u64,
    first: Option<u64>,
    last: u64,
    /// Only as what answers nothing.
    late: bool,
}

pub(super) fn sift(grounds: &Grounds<'_>) -> Sifted {
    let sums = sums(grounds);
    let inbound = grounds.image.legend().ports_of(Direction::In);
    let named: HashMap<(ZoneId, Target), Vec<RuleId>> =
        inbound.map(|port| ((port.zone, port.target), port.rules.to_vec())).collect();
    let scans = spread(&sums, |key| key.0, SCAN_PORTS, SCAN_PACKETS);
    let swept = spread(&sums, |key| (key.1, key.2), SWEEP_SOURCES, SWEEP_PACKETS);
    let mut sifted = Sifted::default();
    let mut aside: BTreeMap<(IpAddr, Why), SetAside> = BTreeMap::new();
    for ((source, zone, target), sum) in sums {
        if !is_closed(grounds, source, zone, target) {
            continue;
        }
        let rules = named.get(&(zone, target)).cloned().unwrap_or_default();
        let node_only =
            |&id: &RuleId| grounds.matrix.rule(id).peers.iter().all(|peer| peer.kind == PeerKind::Node);
        let why = if scans.contains(&source) {
            Some(Why::Scan)
        } else if swept.contains(&(zone, target)) {
            Some(Why::Sweep)
        } else if !rules.is_empty() && rules.iter().all(node_only) {
            Some(Why::NodeOnly)
        } else if rules.is_empty() && sum.late && is_ephemeral(grounds, target) {
            Some(Why::Late)
        } else {
            (sum.packets < FEW).then_some(Why::Few)
        };
        if let Some(why) = why {
            let known = aside.entry((source, why)).or_insert(SetAside { source, why, ports: 0, packets: 0 });
            known.ports += 1;
            known.packets = known.packets.saturating_add(sum.packets);
            continue;
        }
        let matrix = grounds.matrix;
        let seen = Seen {
            source,
            zone: matrix.zone(zone).name.clone(),
            port: target.to_string(),
            rules: rules.iter().map(|&id| matrix.cite(&matrix.rule(id).origin)).collect(),
            packets: sum.packets,
            first: sum.first.unwrap_or_default(),
            last: sum.last,
        };
        let kind = if rules.is_empty() { &mut sifted.undocumented } else { &mut sifted.documented };
        kind.push(Found { seen, zone, target, rules });
    }
    sifted.set_aside = aside.into_values().collect();
    sifted
}

/// What was refused for want of a rule or a group, by source and port of the site as it is now.
fn sums(grounds: &Grounds<'_>) -> BTreeMap<Key, Sum> {
    let mut sums: BTreeMap<Key, Sum> = BTreeMap::new();
    for row in &grounds.drops.rows {
        let Some((key, late)) = key(grounds, row) else { continue };
        let sum = sums.entry(key).or_insert_with(|| Sum { late: true, ..Sum::default() });
        sum.packets = sum.packets.saturating_add(row.counted.packets);
        sum.first = Some(sum.first.map_or(row.first, |first| first.min(row.first)));
        sum.last = sum.last.max(row.last);
        sum.late &= late;
    }
    sums
}

fn key(grounds: &Grounds<'_>, row: &DropRow) -> Option<(Key, bool)> {
    let late = row.reason == Reason::NoSocket.name();
    let wanted = [Reason::SourceNotAdmitted, Reason::Undocumented];
    if !late && !wanted.iter().any(|reason| reason.name() == row.reason) {
        return None;
    }
    let source = row.source.filter(|&source| can_be_peer(source))?;
    let zone = grounds.matrix.zones.iter().position(|zone| zone.name == row.zone)?;
    Some(((source, ZoneId::new(zone), target(&row.port)?), late))
}

/// `8086/tcp`, `icmpv4/8`, `ip/47`.
fn target(port: &str) -> Option<Target> {
    match port.parse().ok()? {
        Destination::Port(transport, port) => Some(Target::Port { transport, port }),
        Destination::Icmpv4(kind) => Some(Target::Icmpv4(kind)),
        Destination::Icmpv6(kind) => Some(Target::Icmpv6(kind)),
        Destination::Protocol(number) => Some(Target::Protocol(number)),
        Destination::Icmp(_) => None,
    }
}

/// Whether the site as it is now does not let it in.
fn is_closed(grounds: &Grounds<'_>, from: IpAddr, zone: ZoneId, target: Target) -> bool {
    let to = match target {
        Target::Port { transport, port } => Destination::Port(transport, port),
        Target::Icmpv4(kind) => Destination::Icmpv4(kind),
        Target::Icmpv6(kind) => Destination::Icmpv6(kind),
        Target::Protocol(number) => Destination::Protocol(number),
        // No site can name it.
        Target::Other => return false,
    };
    let Ok(to) = to.of(from) else { return false };
    let question = Question { from, to, zone, direction: Direction::In };
    Explanation::new(&question, grounds.matrix, grounds.image).drops()
}

fn is_ephemeral(grounds: &Grounds<'_>, target: Target) -> bool {
    matches!(target, Target::Port { port, .. } if grounds.ephemeral.contains(port))
}

/// Those that have `many` others and more, with no more than `few` packets for each.
fn spread<T: Ord>(sums: &BTreeMap<Key, Sum>, of: impl Fn(&Key) -> T, many: u64, few: u64) -> BTreeSet<T> {
    let mut tried: BTreeMap<T, (u64, u64)> = BTreeMap::new();
    for (key, sum) in sums {
        let (others, packets) = tried.entry(of(key)).or_default();
        *others += 1;
        *packets = packets.saturating_add(sum.packets);
    }
    tried.retain(|_, &mut (others, packets)| others >= many && packets <= others * few);
    tried.into_keys().collect()
}
