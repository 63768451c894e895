//! What of the node's network the filter can't see through.

use super::{Check, Guarded, Machine, State, translation::Translation};
use crate::matrix::{Direction, PortRange, PortSet, Service};

/// Whether packets are forwarded or translated: the socket table, by which answers are found, knows neither.
pub(super) fn translation(machine: &Machine, by_nftables: Translation) -> Check {
    let is_on = |path: &str| machine.read(path).is_ok_and(|value| value != "0");
    let families =
        [("/proc/sys/net/ipv4/ip_forward", "IPv4"), ("/proc/sys/net/ipv6/conf/all/forwarding", "IPv6")];
    let forwarded: Vec<&str> =
        families.into_iter().filter_map(|(path, family)| is_on(path).then_some(family)).collect();
    let has_table =
        |path: &str| machine.read(path).is_ok_and(|tables| tables.lines().any(|table| table == "nat"));
    let by_iptables = ["/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"].into_iter().any(has_table);
    let translation = if by_iptables { Translation::Found } else { by_nftables };
    let translated = match translation {
        Translation::Found => "addresses are translated",
        Translation::NotFound => "no address is translated",
        Translation::Untold => "whether addresses are translated is not told",
    };
    let forwarded_text = match forwarded.as_slice() {
        [] => "nothing is forwarded".to_owned(),
        families => format!("forwarded: {}", families.join(", ")),
    };
    let check = Check::fine(
        "forwarding and NAT",
        "answers to be found: the filter asks the kernel for the node's own sockets",
        format!("{forwarded_text}; {translated}"),
    );
    match translation {
        Translation::NotFound if forwarded.is_empty() => check,
        Translation::Untold if forwarded.is_empty() => check.but(State::Unseen, "run as root to see it"),
        _ => check.but(State::Notice, REMEDY),
    }
}

const REMEDY: &str = "unless the site says transit = \"drop\", what the node sends on to others passes whatever the rules say, and so does what comes \
                      in for others and is translated to the node itself; answers to what the node translates (containers behind \
                      masquerading) need a rule under posture drop; see docs/deploy.md";

/// Whether a connection of the node's own may hold a port when a product wants it.
pub(super) fn ephemeral_ports(guarded: &Guarded<'_>) -> Check {
    let subject = "ephemeral ports";
    let needed_for = "products to get their ports at every start";
    let Some(local) = &guarded.local_ports else {
        return Check::fine(subject, needed_for, "the range is not told").but(State::Unseen, "mount /proc");
    };
    let documented = guarded.matrix.rules.iter().filter(|rule| rule.direction == Direction::In);
    let ranges = documented.filter_map(|rule| match &rule.service {
        Service::Transport { ports, .. } => Some(ports.ranges()),
        _ => None,
    });
    let shared = ranges.flatten().filter_map(|range| {
        PortRange::new(range.first().max(local.range.first()), range.last().min(local.range.last()))
    });
    let shared = PortSet::new(shared.collect()).and_then(|shared| match &local.reserved {
        Some(reserved) => shared.without(reserved),
        None => Some(shared),
    });
    match shared {
        None => Check::fine(subject, needed_for, format!("{}, none of them documented", local.range)),
        Some(shared) => {
            let found = format!("{}, among them documented ones: {shared}", local.range);
            Check::fine(subject, needed_for, found).but(
                State::Notice,
                "reserve them (net.ipv4.ip_local_reserved_ports) or move the range (net.ipv4.ip_local_port_range)",
            )
        }
    }
}
