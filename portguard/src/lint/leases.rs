//! Interfaces whose address is leased, and on which no DHCP passes: the address is lost when the lease ends, long after somebody
//! looked.

use std::collections::BTreeMap;

use super::{Surroundings, Warning, lookup::Lookup, lookup::few, outward};
use crate::{
    matrix::{Interface, Posture, Service, Transport},
    reading::SourceSpan,
};

/// Where a client of DHCP is answered.
const CLIENT: u16 = 68;
/// Where it is asked.
const SERVER: u16 = 67;

/// The leased interfaces of each table of the site without `dhcp = true`.
pub(super) fn find(lookup: &Lookup<'_>, around: &Surroundings) -> Vec<Warning> {
    let mut tables: BTreeMap<&str, (&Interface, Vec<String>)> = BTreeMap::new();
    for name in &around.leased {
        let Some(interface) = lookup.matrix.interface_for(name).filter(|interface| !interface.dhcp) else {
            continue;
        };
        let (_, leased) = tables.entry(&interface.name).or_insert_with(|| (interface, Vec::new()));
        leased.push(format!("`{name}`"));
    }
    let warning = |(interface, leased): (&Interface, Vec<String>)| {
        Some(Warning::NoDhcp {
            leased: few(&leased),
            table: interface.name.clone(),
            closed: closed(lookup, interface)?,
            at: place(lookup, &interface.name)?,
        })
    };
    tables.into_values().filter_map(warning).collect()
}

/// What of DHCP does not pass by `interface`, if anything.
fn closed(lookup: &Lookup<'_>, interface: &Interface) -> Option<&'static str> {
    let is_closed_in = lookup.site.posture.as_ref().is_some_and(|posture| posture.value == Posture::Drop)
        && !lookup.inbound.iter().any(|inbound| {
            let opens = matches!(&inbound.rule.service, Service::Transport { transport: Transport::Udp, ports } if ports.contains(CLIENT));
            opens && inbound.rule.zones.contains(&interface.zone) && !inbound.sources.is_empty()
        });
    let outbound = lookup.site.outbound.as_ref();
    let is_closed_out = outbound
        .is_some_and(|outbound| outward::is_closed(lookup, outbound.value.posture, Transport::Udp, SERVER));
    match (is_closed_in, is_closed_out) {
        (true, true) => Some("neither questions nor answers of DHCP pass"),
        (true, false) => Some("answers of DHCP are dropped"),
        (false, true) => Some("questions of DHCP do not leave"),
        (false, false) => None,
    }
}

fn place(lookup: &Lookup<'_>, table: &str) -> Option<SourceSpan> {
    let written = lookup.site.interfaces.iter().find(|interface| interface.name.value == table);
    written.map(|interface| interface.name.at)
}
