//! Members of groups that bring nobody, or somebody who cannot be: empty files, the loopback, host names without an answer,
//! answers that no peer can have.

use std::net::IpAddr;

use super::{Warning, accept::is_accepted, lookup::few};
use crate::{
    reading::{Located, short_prefix},
    site::{Answer, Group, Host, Site, can_be_peer},
};

/// Files without an address.
pub(super) fn empty_files(site: &Site) -> Vec<Warning> {
    let files = site.groups.iter().flat_map(|group| group.files.iter().map(move |file| (group, file)));
    let empty = files.filter(|(_, file)| file.value.prefixes.is_empty());
    empty
        .map(|(group, file)| Warning::EmptyGroupFile {
            path: file.value.path.clone(),
            group: group.name.value.clone(),
            at: file.at,
        })
        .collect()
}

/// Members that are this node itself: what is on the loopback never comes by an interface that is guarded.
pub(super) fn loopback(site: &Site) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for group in &site.groups {
        let files = group
            .files
            .iter()
            .flat_map(|file| file.value.prefixes.iter().map(move |&prefix| (prefix, file.at)));
        let listed = group.listed.iter().map(|prefix| (prefix.value, prefix.at));
        for (prefix, at) in listed.chain(files).filter(|(prefix, _)| prefix.network().is_loopback()) {
            let group = group.name.value.clone();
            warnings.push(Warning::Loopback { member: short_prefix(&prefix), group, at });
        }
    }
    warnings
}

/// What is odd about the answers for host names. Those that nobody was asked about are no question.
pub(super) fn hosts(site: &Site) -> Vec<Warning> {
    let hosts = site.groups.iter().flat_map(|group| group.hosts.iter().map(move |host| (group, host)));
    let asked = hosts.filter_map(|(group, host)| Some((group, host, host.value.answer.as_ref()?)));
    asked.flat_map(|(group, host, answer)| odd(group, host, answer)).collect()
}

/// The same, less what the site accepts.
pub fn odd_answers(site: &Site) -> Vec<Warning> {
    hosts(site).into_iter().filter(|warning| !is_accepted(site, warning)).collect()
}

fn odd(group: &Group, host: &Located<Host>, answer: &Answer) -> Vec<Warning> {
    let name = || host.value.name.to_string();
    let (usable, refused): (Vec<IpAddr>, Vec<IpAddr>) =
        answer.addresses.iter().partition(|&&address| can_be_peer(address));
    let mut warnings = Vec::new();
    if let Some(why) = &answer.failure {
        warnings.push(Warning::Unresolved {
            name: name(),
            group: group.name.value.clone(),
            why: why.clone(),
            consequence: if usable.is_empty() { "admits nobody" } else { "stands for its last answer" },
            at: host.at,
        });
    }
    if !refused.is_empty() {
        let addresses: Vec<String> = refused.iter().map(|address| format!("`{address}`")).collect();
        warnings.push(Warning::RefusedAnswer {
            name: name(),
            group: group.name.value.clone(),
            addresses: few(&addresses),
            consequence: if usable.is_empty() { "admits nobody" } else { "admits the rest of its answer" },
            at: host.at,
        });
    }
    warnings
}
