//! What comes before the rules: sources that cannot be, and what IP needs to live.

use portguard_common::wire::{
    icmp::{self, Kind},
    protocol,
};

use super::words::{Line, Refusal, accept, interface, numbers, remark, set};
use crate::matrix::{Interface, Matrix, covers, is_pattern};

/// The chain that every zone goes through first. What it leaves open is for the zone's rules.
pub(super) fn lines(matrix: &Matrix, refusal: Refusal) -> Vec<Line> {
    let igmp = format!("meta nfproto ipv4 meta l4proto {}", protocol::IGMP);
    let needed4 = numbers(|number| matches!(icmp::kind_v4(number), Kind::Error | Kind::EchoReply));
    let needed6 = numbers(|number| matches!(icmp::kind_v6(number), Kind::Error | Kind::EchoReply));
    let discovery = numbers(|number| icmp::kind_v6(number) == Kind::NeighbourDiscovery);
    let listeners = numbers(|number| icmp::kind_v6(number) == Kind::MulticastListener);
    let icmpv6 = "meta nfproto ipv6 icmpv6 type";
    let mut lines = vec![
        remark("what has no address yet: groups are joined, neighbours found, an address is asked for"),
        refusal.line("ip6 saddr { ::1, ::ffff:0:0/96, ff00::/8 }", "impossible source"),
        accept(&format!("{icmpv6} {discovery} ip6 hoplimit 255"), "neighbour discovery"),
        refusal.line(&format!("{icmpv6} {discovery}"), "neighbour discovery from beyond the link"),
        accept(&format!("{icmpv6} {listeners}"), "multicast listener discovery"),
        accept(&format!("ip saddr 0.0.0.0 {igmp}"), "IGMP"),
        Line::Statement("ip saddr 0.0.0.0 udp sport 68 udp dport 67 return".to_owned()),
        remark("sources that no packet from outside may have: reserved addresses, and this node's own"),
        refusal.line("ip saddr { 0.0.0.0/8, 127.0.0.0/8, 224.0.0.0/3 }", "impossible source"),
        refusal.line("ip6 saddr ::", "impossible source"),
        refusal.line("fib saddr type local", "impossible source: this node's own"),
        remark("errors, the answers to pings, multicast"),
        accept(&format!("meta nfproto ipv4 icmp type {needed4}"), "ICMP error or echo reply"),
        accept(&format!("{icmpv6} {needed6}"), "ICMP error or echo reply"),
        accept(&igmp, "IGMP"),
    ];
    let dynamic = dynamic(matrix);
    if !dynamic.is_empty() {
        lines.push(remark("answers of DHCP servers, where an address is got by DHCP"));
    }
    for here in dynamic {
        lines.push(accept(&format!("{here}meta nfproto ipv4 udp sport 67 udp dport 68"), "DHCP"));
        lines.push(accept(&format!("{here}meta nfproto ipv6 udp sport 547 udp dport 546"), "DHCP"));
    }
    lines
}

/// What matches the packets of interfaces that get their address by DHCP: those that have a name together, then each
/// pattern without the narrower ones, and names, that do not.
fn dynamic(matrix: &Matrix) -> Vec<String> {
    let (patterns, named): (Vec<&Interface>, Vec<&Interface>) =
        matrix.interfaces.iter().filter(|it| it.dhcp).partition(|it| is_pattern(&it.name));
    let mut matches = Vec::new();
    if !named.is_empty() {
        let named: Vec<String> = named.iter().map(|interface| format!("\"{}\"", interface.name)).collect();
        matches.push(format!("iifname {} ", set(&named)));
    }
    for pattern in patterns {
        let narrower = matrix.interfaces.iter().filter(|it| !it.dhcp && covers(&pattern.name, &it.name));
        let but: Vec<String> = narrower.map(|it| format!("iifname != \"{}\" ", it.name)).collect();
        matches.push(format!("{}{}", interface(&pattern.name), but.concat()));
    }
    matches
}
