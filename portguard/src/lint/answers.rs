//! Answers that posture `drop` closes out: those to UDP sockets that their program has not connected.
//!
//! The answer to a connected socket is found in the kernel's socket table and passes by itself, and so does all of TCP.
//! A resolver or a time client that sends from an unconnected socket waits for an answer to a port that no rule names.
//! Which kind runs on the node cannot be seen from here; a rule for the answers, or an acceptance, shows that somebody
//! has looked.

use super::{LocalPorts, Surroundings, Warning, lookup::Lookup};
use crate::matrix::{PortRange, PortSet, Posture, Service, Transport};

/// NTP's port; some clients send from it, too.
const NTP: u16 = 123;

/// Whether posture `drop` stands without a rule for answers to DNS and NTP.
pub(super) fn find(lookup: &Lookup<'_>, around: &Surroundings) -> Option<Warning> {
    let posture = lookup.site.posture.as_ref().filter(|posture| posture.value == Posture::Drop)?;
    let range = around.local_ports.clone().unwrap_or_else(LocalPorts::usual).range;
    let open = open_udp_ports(lookup);
    let opens = |wanted: PortRange| {
        let mut ranges = open.iter().flat_map(PortSet::ranges);
        ranges.any(|range| range.contains(wanted.first()) && range.contains(wanted.last()))
    };
    let dns = opens(range);
    let ntp = dns || opens(PortRange::single(NTP));
    let what = match (dns, ntp) {
        (true, _) => return None,
        (false, true) => "DNS",
        (false, false) => "DNS and NTP",
    };
    Some(Warning::NoAnswers { what, range: range.to_string(), at: posture.at })
}

/// The UDP ports that somebody is admitted to.
fn open_udp_ports(lookup: &Lookup<'_>) -> Option<PortSet> {
    let admitting = lookup.inbound.iter().filter(|inbound| !inbound.sources.is_empty());
    let ranges = admitting.filter_map(|inbound| match &inbound.rule.service {
        Service::Transport { transport: Transport::Udp, ports } => Some(ports.ranges()),
        Service::Transport { .. } | Service::Icmp { .. } | Service::Protocol(_) | Service::All => None,
    });
    PortSet::new(ranges.flatten().copied().collect())
}
