//! What of the node's network the filter can't see through.

use super::{Check, Guarded, Machine, State};
use crate::matrix::{Direction, PortRange, PortSet, Service};

/// Whether packets are forwarded or translated: the socket table, by which answers are found, knows neither.
pub(super) fn translation(machine: &Machine) -> Check {
    let is_on = |path: &str| machine.read(path).is_ok_and(|value| value != "0");
    let forwards: Vec<&str> =
        [("/proc/sys/net/ipv4/ip_forward", "IPv4"), ("/proc/sys/net/ipv6/conf/all/forwarding", "IPv6")]
            .into_iter()
            .filter_map(|(path, family)| is_on(path).then_some(family))
            .collect();
    let has_table =
        |path: &str| machine.read(path).is_ok_and(|tables| tables.lines().any(|table| table == "nat"));
    let translates = machine.has("/sys/module/nf_nat")
        || ["/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"].into_iter().any(has_table);
    let check = |found: String| {
        Check::fine(
            "forwarding and NAT",
            "answers to be found: the filter asks the kernel for the node's own sockets",
            found,
        )
    };
    let translation =
        if translates { "address translation is loaded" } else { "no sign of address translation" };
    if forwards.is_empty() {
        let check = check(format!("nothing is forwarded, {translation}"));
        return if translates { check.but(State::Notice, REMEDY) } else { check };
    }
    check(format!("{} is forwarded, {translation}", forwards.join(" and "))).but(State::Notice, REMEDY)
}

const REMEDY: &str = "what the node forwards or translates (containers, virtual machines, a gateway) has no socket here: its \
                      answers need a rule under posture drop, or an interface that is not guarded; see docs/deploy.md";

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
