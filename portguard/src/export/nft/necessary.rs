//! What comes before the rules: sources that cannot be, and what IP needs to live, whichever way it goes.

use portguard_common::wire::{
    icmp::{self, Kind},
    protocol,
};

use super::{
    Way,
    words::{self, Line, accept, interface, numbers, remark, set, titled},
};
use crate::matrix::{Direction, Interface, Matrix, covers, is_pattern};

/// The name of the chain that every zone goes through first.
pub(super) fn name(direction: Direction) -> &'static str {
    match direction {
        Direction::In => "necessary",
        Direction::Out => "necessary-out",
    }
}

/// That chain. What it leaves open is for the zone's rules.
pub(super) fn lines(matrix: &Matrix, way: Way) -> Vec<Line> {
    match way.direction {
        Direction::In => come_in(matrix, way),
        Direction::Out => leave(matrix, way),
    }
}

fn come_in(matrix: &Matrix, way: Way) -> Vec<Line> {
    let refusal = way.refusal;
    let mut lines = vec![
        remark("what has no address yet: groups are joined, neighbours found, an address is asked for"),
        refusal.line("ip6 saddr { ::1, ::ffff:0:0/96, ff00::/8 }", "impossible source"),
    ];
    lines.extend(neighbours(way));
    lines.extend([
        accept(&format!("ip saddr 0.0.0.0 {}", igmp()), "IGMP"),
        Line::Statement("ip saddr 0.0.0.0 udp sport 68 udp dport 67 return".to_owned()),
        remark("sources that no packet from outside may have: reserved addresses, and this node's own"),
        refusal.line("ip saddr { 0.0.0.0/8, 127.0.0.0/8, 224.0.0.0/3 }", "impossible source"),
        refusal.line("ip6 saddr ::", "impossible source"),
        refusal.line("fib saddr type local", "impossible source: this node's own"),
        remark("errors, the answers to pings, multicast"),
    ]);
    lines.extend(errors());
    let ports = [[67, 68], [547, 546]];
    lines.extend(dhcp(
        matrix,
        way.direction,
        "answers of DHCP servers, where an address is got by DHCP",
        ports,
    ));
    lines
}

fn leave(matrix: &Matrix, way: Way) -> Vec<Line> {
    let mut lines = vec![remark("neighbours are found, groups joined")];
    lines.extend(neighbours(way));
    lines.push(remark("errors, the answers to pings, multicast"));
    lines.extend(errors());
    let ports = [[68, 67], [546, 547]];
    lines.extend(dhcp(matrix, way.direction, "requests of DHCP, where an address is got by DHCP", ports));
    lines
}

const ICMPV6: &str = "meta nfproto ipv6 icmpv6 type";

fn neighbours(way: Way) -> [Line; 3] {
    let discovery = numbers(|number| icmp::kind_v6(number) == Kind::NeighbourDiscovery);
    let listeners = numbers(|number| icmp::kind_v6(number) == Kind::MulticastListener);
    [
        accept(&format!("{ICMPV6} {discovery} ip6 hoplimit 255"), "neighbour discovery"),
        way.refusal.line(&format!("{ICMPV6} {discovery}"), "neighbour discovery from beyond the link"),
        accept(&format!("{ICMPV6} {listeners}"), "multicast listener discovery"),
    ]
}

fn errors() -> [Line; 3] {
    let needed4 = numbers(|number| matches!(icmp::kind_v4(number), Kind::Error | Kind::EchoReply));
    let needed6 = numbers(|number| matches!(icmp::kind_v6(number), Kind::Error | Kind::EchoReply));
    [
        accept(&format!("meta nfproto ipv4 icmp type {needed4}"), "ICMP error or echo reply"),
        accept(&format!("{ICMPV6} {needed6}"), "ICMP error or echo reply"),
        accept(&igmp(), "IGMP"),
    ]
}

fn igmp() -> String {
    format!("meta nfproto ipv4 meta l4proto {}", protocol::IGMP)
}

/// DHCP of IPv4 and IPv6 from the first port to the second, where there is any.
fn dhcp(
    matrix: &Matrix,
    direction: Direction,
    title: &str,
    [[from4, to4], [from6, to6]]: [[u16; 2]; 2],
) -> Vec<Line> {
    let mut lines = Vec::new();
    for here in dynamic(matrix, direction) {
        lines.push(accept(&format!("{here}meta nfproto ipv4 udp sport {from4} udp dport {to4}"), "DHCP"));
        lines.push(accept(&format!("{here}meta nfproto ipv6 udp sport {from6} udp dport {to6}"), "DHCP"));
    }
    titled(title, lines)
}

/// What matches the packets of interfaces that get their address by DHCP: those that have a name together, then each
/// pattern without the narrower ones, and names, that do not.
fn dynamic(matrix: &Matrix, direction: Direction) -> Vec<String> {
    let (patterns, named): (Vec<&Interface>, Vec<&Interface>) =
        matrix.interfaces.iter().filter(|it| it.dhcp).partition(|it| is_pattern(&it.name));
    let mut matches = Vec::new();
    if !named.is_empty() {
        let named: Vec<String> = named.iter().map(|interface| format!("\"{}\"", interface.name)).collect();
        matches.push(format!("{} {} ", words::by(direction), set(&named)));
    }
    for pattern in patterns {
        let narrower = matrix.interfaces.iter().filter(|it| !it.dhcp && covers(&pattern.name, &it.name));
        let but: Vec<String> =
            narrower.map(|it| format!("{} != \"{}\" ", words::by(direction), it.name)).collect();
        matches.push(format!("{}{}", interface(direction, &pattern.name), but.concat()));
    }
    matches
}
