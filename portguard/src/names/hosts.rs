//! Names by a file in the manner of `/etc/hosts`.

use std::{collections::BTreeSet, io, net::IpAddr};

use hickory_resolver::{
    Hosts,
    lookup::Lookup,
    proto::{
        op::Query,
        rr::{Name, RecordType},
    },
};

use crate::site::{Answer, Answers, HostName};

/// The addresses of a name in a hosts file, if the file has it. The loopback is left out: it means this node itself, which
/// need not be let in; a node's own name mostly stands there so.
pub(super) fn addresses(hosts: &Hosts, name: &HostName) -> Option<Vec<IpAddr>> {
    let name = Name::from_utf8(name.as_str()).ok()?;
    let of = |kind| hosts.lookup_static_host(&Query::query(name.clone(), kind));
    let found = [of(RecordType::A), of(RecordType::AAAA)];
    if found.iter().all(Option::is_none) {
        return None;
    }
    let records = found.iter().flatten().flat_map(Lookup::answers);
    Some(
        records.filter_map(|record| record.data.ip_addr()).filter(|address| !address.is_loopback()).collect(),
    )
}

/// What a text in the manner of `/etc/hosts` says of `names`.
pub fn of_hosts_file(text: &str, names: &BTreeSet<HostName>) -> io::Result<Answers> {
    let mut hosts = Hosts::default();
    // Editors of other systems begin a file with a byte order mark.
    hosts.read_hosts_conf(text.strip_prefix('\u{feff}').unwrap_or(text).as_bytes())?;
    let answer = |name: &HostName| {
        let found = addresses(&hosts, name);
        let failure = found.is_none().then(|| "the file of names does not have it".to_owned());
        let mut addresses = found.unwrap_or_default();
        addresses.sort_unstable();
        addresses.dedup();
        (name.clone(), Answer { addresses, failure })
    };
    Ok(names.iter().map(answer).collect())
}
