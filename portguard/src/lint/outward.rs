//! What nearly every node has to reach and is closed: names and clocks.
//!
//! Posture `drop` closes them, and so does a document that names such a port for its own cluster: the servers that this node asks
//! are the site's to name. Neighbour discovery and ICMP errors leave whatever the rules say, what answers needs no rule, and DHCP is
//! asked about beside this.

use super::{Warning, lookup::Lookup};
use crate::matrix::{Direction, Origin, Posture, Rule, Service, Transport};

const DNS: u16 = 53;
const NTP: u16 = 123;

/// Whether what leaves is judged without a rule of the site's own for DNS and NTP.
pub(super) fn find(lookup: &Lookup<'_>) -> Option<Warning> {
    let outbound = lookup.site.outbound.as_ref()?;
    let posture = outbound.value.posture;
    let wanted = [
        ("DNS over UDP", Transport::Udp, DNS),
        ("DNS over TCP", Transport::Tcp, DNS),
        ("NTP", Transport::Udp, NTP),
    ];
    let missing: Vec<&str> = wanted
        .into_iter()
        .filter(|&(_, transport, port)| is_closed(lookup, posture, transport, port))
        .map(|(what, ..)| what)
        .collect();
    let what = match missing.as_slice() {
        [] => return None,
        ["DNS over UDP", "DNS over TCP", rest @ ..] => [&["DNS"], rest].concat().join(" and "),
        missing => missing.join(" and "),
    };
    let consequence = match posture {
        Posture::Drop => "closes all that no rule names",
        Posture::Pass => "and a document that names the port closes it to others",
    };
    Some(Warning::NoWayOut { what, consequence, at: outbound.at })
}

/// Whether no rule of the site's own opens a port that is closed.
pub(super) fn is_closed(lookup: &Lookup<'_>, posture: Posture, transport: Transport, port: u16) -> bool {
    let names_it = |rule: &&Rule| match &rule.service {
        Service::Transport { transport: of, ports } => *of == transport && ports.contains(port),
        Service::Icmp { .. } | Service::Protocol(_) | Service::All => false,
    };
    let outbound = lookup.matrix.rules.iter().filter(|rule| rule.direction == Direction::Out);
    let naming: Vec<&Rule> = outbound.filter(names_it).collect();
    let is_own = |rule: &&Rule| matches!(rule.origin, Origin::Site { .. }) && !rule.groups().is_empty();
    (posture == Posture::Drop || !naming.is_empty()) && !naming.iter().any(is_own)
}
