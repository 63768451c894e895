//! What a site's own rule opens, as text: `22/tcp`, `9100-9110/tcp`, `icmp`, `icmp/8`, `icmpv6/128`, `ip/47`.

use std::collections::BTreeMap;

use super::Fault;
use crate::{
    matrix::{IcmpFamilies, IcmpTypes, PortRange, PortSet, Service, Transport, portless},
    policy::parse_range,
    reading::{self, Located},
};

type Faults = reading::Faults<Fault>;

/// One item of a rule's `ports`.
enum Item {
    Ports(Transport, PortRange),
    AllIcmp(IcmpFamilies),
    IcmpType(IcmpFamilies, u8),
    Protocol(u8),
}

/// The services of a rule's `ports`: the ports of a transport are one service, and so are the types of an ICMP.
pub(super) fn read_services(texts: Vec<Located<String>>, faults: &mut Faults) -> Vec<Service> {
    let mut ports: BTreeMap<Transport, Vec<PortRange>> = BTreeMap::new();
    let mut types: BTreeMap<IcmpFamilies, Vec<u8>> = BTreeMap::new();
    let mut services = Vec::new();
    for text in texts {
        match parse(&text) {
            Ok(Item::Ports(transport, range)) => ports.entry(transport).or_default().push(range),
            Ok(Item::IcmpType(families, number)) => types.entry(families).or_default().push(number),
            Ok(Item::AllIcmp(families)) => services.push(Service::Icmp { families, types: IcmpTypes::All }),
            Ok(Item::Protocol(number)) => services.push(Service::Protocol(number)),
            Err(fault) => faults.push(fault),
        }
    }
    let ports = ports.into_iter().filter_map(|(transport, ranges)| {
        Some(Service::Transport { transport, ports: PortSet::new(ranges)? })
    });
    let types = types.into_iter().map(|(families, mut types)| {
        types.sort_unstable();
        types.dedup();
        Service::Icmp { families, types: IcmpTypes::Listed(types) }
    });
    ports.chain(types).chain(services).collect()
}

fn parse(text: &Located<String>) -> Result<Item, Fault> {
    let at = text.at;
    let bad = |remedy| Fault::BadService { text: text.value.clone(), at, remedy };
    let icmp_type = |number: &str| -> Result<u8, Fault> {
        number.parse().map_err(|_| bad("an ICMP type is a number from 0 to 255, for example \"icmpv6/128\""))
    };
    match text.value.split_once('/') {
        None => match text.as_str() {
            "icmp" => Ok(Item::AllIcmp(IcmpFamilies::Both)),
            "icmpv4" => Ok(Item::AllIcmp(IcmpFamilies::V4)),
            "icmpv6" => Ok(Item::AllIcmp(IcmpFamilies::V6)),
            _ => Err(bad("a port goes with its protocol: \"22/tcp\", \"9100-9110/tcp\", \"53/udp\"; or \"icmp\"")),
        },
        Some(("icmp" | "icmpv4", number)) => Ok(Item::IcmpType(IcmpFamilies::V4, icmp_type(number)?)),
        Some(("icmpv6", number)) => Ok(Item::IcmpType(IcmpFamilies::V6, icmp_type(number)?)),
        Some(("ip", _)) => portless(text.as_str()).map(Item::Protocol).ok_or_else(|| {
            bad("write the number of a protocol without ports, for example \"ip/47\"; TCP, UDP, SCTP and ICMP go by name")
        }),
        Some((ports, transport)) => {
            let transport = match transport {
                "tcp" => Transport::Tcp,
                "udp" => Transport::Udp,
                "sctp" => Transport::Sctp,
                _ => return Err(bad("write tcp, udp or sctp behind the `/`, for example \"22/tcp\"")),
            };
            let range = parse_range(&Located::new(ports.to_owned(), at))?;
            Ok(Item::Ports(transport, range))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn services(texts: &[&str]) -> Result<Vec<String>, Vec<Fault>> {
        let mut faults = Faults::default();
        let texts = texts.iter().map(|text| Located::new((*text).to_owned(), (0, 0).into())).collect();
        let services = read_services(texts, &mut faults);
        let shown = services.iter().map(|it| format!("{} {}", it.ports_text(), it.protocol_name())).collect();
        if faults.is_empty() { Ok(shown) } else { Err(faults.into_sorted()) }
    }

    #[test]
    fn ports_of_one_transport_are_one_service() {
        let shown =
            services(&["22/tcp", "53/udp", "9100-9110/tcp", "icmp/8", "icmpv6/128", "ip/47"]).unwrap();
        assert_eq!(shown, ["22, 9100-9110 tcp", "53 udp", "8 icmpv4", "128 icmpv6", "* ip/47"]);
        assert_eq!(services(&["icmp"]).unwrap(), ["* icmp"]);
    }

    #[test]
    fn what_has_ports_is_not_opened_by_protocol_number() {
        for text in
            ["22", "22/http", "0/tcp", "70000/tcp", "9-8/tcp", "ip/6", "ip/17", "ip/256", "ip/0", "icmp/300"]
        {
            assert_eq!(services(&[text]).unwrap_err().len(), 1, "{text}");
        }
    }
}
