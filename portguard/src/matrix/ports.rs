//! The matrix by port: what all rules that name a port add up to.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use serde::Serialize;

use super::{
    Direction, Filter, Matrix, Origin, PeerKind, PortFilter, PortRange, PortSet, RuleId, Service, Space,
    ZoneId, addresses::Addresses, segments::cut,
};

/// Ports that the same rules name, and who may reach them in the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PortRow {
    /// The ports: `8080, 9443`, `*`; `other` for all that only failsafe groups are admitted to.
    pub ports: String,
    /// What is numbered.
    #[serde(rename = "protocol")]
    pub space: Space,
    /// Who opens the connection.
    pub direction: Direction,
    /// Whether it is kept.
    pub enforced: bool,
    /// The zones where it holds.
    pub zones: Vec<String>,
    /// The groups of all its rules, in the order of the matrix.
    pub groups: Vec<String>,
    /// The addresses of all of them, in as few prefixes as hold them.
    pub addresses: Vec<IpNet>,
    /// Whether it is for the node itself and nobody else.
    pub this_node: bool,
    /// The products that open it.
    pub products: Vec<String>,
    /// The rules that name it: its product's name first, where it has one.
    pub rules: Vec<String>,
}

/// The rows by port, of which `filter` wants the port and one of the rules at least.
pub fn port_rows(matrix: &Matrix, filter: &Filter) -> Vec<PortRow> {
    [Direction::In, Direction::Out]
        .into_iter()
        .flat_map(|direction| rows(matrix, filter, direction))
        .collect()
}

fn rows(matrix: &Matrix, filter: &Filter, direction: Direction) -> Vec<PortRow> {
    let mut rows = BTreeMap::new();
    for space in Space::ALL {
        // Where the same rules name other ports in another zone, the rows are different ones.
        let mut by_zone: BTreeMap<(Vec<RuleId>, Vec<PortRange>), BTreeSet<ZoneId>> = BTreeMap::new();
        for zone in (0..matrix.zones.len()).map(ZoneId::new) {
            let mut ranges: BTreeMap<Vec<RuleId>, Vec<PortRange>> = BTreeMap::new();
            for segment in cut(matrix, zone, direction, space) {
                if !segment.rules.is_empty() {
                    ranges.entry(segment.rules).or_default().push(segment.range);
                }
            }
            for (rules, ranges) in ranges {
                by_zone.entry((rules, ranges)).or_default().insert(zone);
            }
        }
        for ((rules, ranges), zones) in by_zone {
            let first = ranges.first().copied();
            rows.insert((space, first, rules), (ranges, zones));
        }
    }
    let rows = rows.into_iter().filter_map(|((space, _, rules), (ranges, zones))| {
        let ports = PortSet::new(ranges)?;
        let wanted = filter.ports().is_empty() || filter.ports().iter().any(|&it| keeps(it, space, &ports));
        let of_rule =
            |&id: &RuleId| filter.keeps_groups(matrix.rule(id)) && filter.keeps_product(matrix.rule(id));
        (wanted && rules.iter().any(of_rule)).then(|| row(matrix, direction, space, &ports, &zones, &rules))
    });
    rows.collect()
}

fn keeps(filter: PortFilter, space: Space, ports: &PortSet) -> bool {
    match (filter, space) {
        (PortFilter::Port(None, port), Space::Ports(_)) => ports.contains(port),
        (PortFilter::Port(Some(wanted), port), Space::Ports(transport)) => {
            wanted == transport && ports.contains(port)
        }
        (PortFilter::Icmp, Space::Icmpv4 | Space::Icmpv6) => true,
        (PortFilter::Protocol(number), Space::Protocols) => ports.contains(number.into()),
        (PortFilter::Port(..) | PortFilter::Icmp | PortFilter::Protocol(_), _) => false,
    }
}

fn row(
    matrix: &Matrix,
    direction: Direction,
    space: Space,
    ports: &PortSet,
    zones: &BTreeSet<ZoneId>,
    rules: &[RuleId],
) -> PortRow {
    let groups: BTreeSet<_> = rules.iter().flat_map(|&id| matrix.rule(id).groups()).collect();
    let prefixes = groups.iter().flat_map(|&group| &matrix.group(group).prefixes);
    let addresses = Addresses::of(prefixes).only(space.families()).prefixes();
    let mut peers = rules.iter().flat_map(|&id| &matrix.rule(id).peers);
    let mut products: Vec<String> = Vec::new();
    let names = rules.iter().map(|&id| {
        let origin = &matrix.rule(id).origin;
        if let Origin::Document { product, .. } = origin {
            if !products.contains(product) {
                products.push(product.clone());
            }
            format!("{product}: {origin}")
        } else {
            origin.to_string()
        }
    });
    let names = names.collect();
    let has_a_rule_of_its_own = rules.iter().any(|&id| matrix.rule(id).service != Service::All);
    PortRow {
        ports: if has_a_rule_of_its_own { space.text(ports) } else { "other".to_owned() },
        space,
        direction,
        enforced: matrix.enforces(direction),
        zones: zones.iter().map(|&zone| matrix.zone(zone).name.clone()).collect(),
        groups: groups.iter().map(|&group| matrix.group(group).name.clone()).collect(),
        addresses,
        this_node: peers.all(|peer| peer.kind == PeerKind::Node),
        products,
        rules: names,
    }
}
