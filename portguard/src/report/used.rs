//! Which rules anybody had use for.

use std::collections::{BTreeMap, HashMap};

use super::words::count;
use crate::{
    audit::PortTotals,
    matrix::Row,
    observe::{Direction, split_direction},
};

/// The packets that each rule admitted in the period: of either direction, by its name and place, and by protocol, since a rule
/// for several is a row for each.
pub(super) struct Used<'r>(HashMap<(Direction, &'r str), BTreeMap<&'r str, u64>>);

impl<'r> Used<'r> {
    /// By what was counted at `ports`.
    pub(super) fn new(ports: &'r [PortTotals]) -> Self {
        let mut used: HashMap<(Direction, &str), BTreeMap<&str, u64>> = HashMap::new();
        for port in ports {
            let (direction, name) = split_direction(&port.port);
            for rule in &port.rules {
                let by_protocol = used.entry((direction, &rule.rule)).or_default();
                let known = by_protocol.entry(protocol(name)).or_default();
                *known = known.saturating_add(rule.passed.packets);
            }
        }
        Self(used)
    }

    /// How many packets `row` admitted, or that it never did. What stays within the node is not seen.
    pub(super) fn says(&self, row: &Row) -> String {
        if row.peers.iter().all(|peer| peer.this_node) {
            return "-".to_owned();
        }
        let cited = format!("{} ({})", row.rule_name(), row.place());
        let by_protocol = self.0.get(&(row.direction, cited.as_str())).into_iter().flatten();
        let of_row = by_protocol.filter(|(protocol, _)| covers(&row.protocol, protocol));
        match of_row.map(|(_, packets)| *packets).fold(0, u64::saturating_add) {
            0 => "never".to_owned(),
            packets => count(packets),
        }
    }
}

/// The protocol in the name of a port: of `53/udp` `udp`, of `icmpv4/8` `icmpv4`, of `ip/47` all of it.
fn protocol(port: &str) -> &str {
    match port.split_once('/') {
        Some(("ip", _)) | None => port,
        Some((family @ ("icmpv4" | "icmpv6"), _)) => family,
        Some((_, transport)) => transport,
    }
}

/// Whether a row for `of` is for `protocol`, too.
fn covers(of: &str, protocol: &str) -> bool {
    match of {
        "any" => true,
        "icmp" => protocol.starts_with("icmpv"),
        of => of == protocol,
    }
}
