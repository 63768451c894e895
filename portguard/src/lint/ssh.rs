//! Whether the session that the command runs in would survive: being locked out is what administrators fear first.

use ipnet::IpNet;

use super::{
    Surroundings, Warning,
    addresses::AddressSet,
    lookup::{Inbound, Lookup, name},
    surroundings::SshSession,
};
use crate::{
    matrix::{Mode, Posture, Service, Transport, ZoneId},
    reading::SourceSpan,
};

/// The session's port, if it is closed to the session's address in every zone that the session can have come by.
pub(super) fn find(lookup: &Lookup<'_>, around: &Surroundings) -> Option<Warning> {
    let session = around.ssh.as_ref().filter(|session| !session.client.is_loopback())?;
    let client = AddressSet::new(&[IpNet::from(session.client)]);
    if client.is_within(&[&lookup.failsafe]) {
        return None;
    }
    let closed: Option<Vec<Closed>> =
        zones(lookup, session).into_iter().map(|zone| closed(lookup, session.port, &client, zone)).collect();
    let Closed { at, label, remedy } = closed?.into_iter().next()?;
    let client = session.client.to_string();
    let consequence = match lookup.matrix.mode {
        Mode::Enforce => "this session ends with its next packet",
        Mode::Observe => "this is counted and passes for now; in mode `enforce` the session would end",
    };
    Some(Warning::NoSsh { client, label, remedy, consequence, at })
}

/// The zones that the session can have come by; none where its interface is not guarded.
fn zones(lookup: &Lookup<'_>, session: &SshSession) -> Vec<ZoneId> {
    let mut zones: Vec<ZoneId> = match &session.interface {
        Some(name) => lookup.matrix.interface_for(name).map(|interface| interface.zone).into_iter().collect(),
        None => lookup.matrix.interfaces.iter().map(|interface| interface.zone).collect(),
    };
    zones.sort_unstable();
    zones.dedup();
    zones
}

/// What closes a port.
struct Closed {
    label: String,
    remedy: String,
    at: SourceSpan,
}

fn closed(lookup: &Lookup<'_>, port: u16, client: &AddressSet, zone: ZoneId) -> Option<Closed> {
    let names_port = |inbound: &&Inbound<'_>| {
        inbound.rule.zones.contains(&zone)
            && matches!(&inbound.rule.service, Service::Transport { transport: Transport::Tcp, ports } if ports.contains(port))
    };
    let naming: Vec<&Inbound<'_>> = lookup.inbound.iter().filter(names_port).collect();
    if naming.iter().any(|inbound| client.is_within(&[&inbound.sources])) {
        return None;
    }
    match (naming.first(), &lookup.site.posture) {
        (Some(inbound), _) => {
            let rule = name(inbound.rule);
            let label = format!("{rule} names {port}/tcp and does not admit it");
            let remedy = format!("put the address into a group that {rule} admits, or add a rule for it");
            Some(Closed { label, remedy, at: lookup.place_of(inbound.rule) })
        }
        (None, Some(posture)) if posture.value == Posture::Drop => {
            let label = format!("closes {port}/tcp, which no rule names");
            let remedy = format!(
                "add [[rules]] with name = \"ssh\", ports = [\"{port}/tcp\"] and from = [\"GROUP\"], and the address in that group"
            );
            Some(Closed { label, remedy, at: posture.at })
        }
        (None, _) => None,
    }
}
