//! The tables against an oracle that scans the rules in order, written without classes, rows or tries.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use portguard_common::{
    Arrival, Reason,
    abi::{
        CLASS_OWN, OUTBOUND_REASONS, PortEntry, TRIE_NARROW_BIT, TRIE_NODE_BIT, port_entries, port_slots,
        undocumented,
    },
    tables::{SourceAddress as _, Tables as _},
    wire::{ipv4, ipv6},
};
use proptest::prelude::*;

use sha2::{Digest as _, Sha256};

use super::{Digest, Image, NativeTables, NoSockets, Node, Target, compile, digest::hash_table};
use crate::matrix::{
    Attach, Direction, Dormant, Fragments, Group, GroupId, IcmpFamilies, IcmpTypes, Interface, Matrix, Mode,
    Origin, Outbound, OutboundAttach, Peer, PeerKind, PortRange, PortSet, Posture, Rule, RuleId, Service,
    Transport, Zone, ZoneId,
};

fn rule(name: &str, service: Service, zones: &[usize], groups: &[usize]) -> Rule {
    Rule {
        origin: Origin::Site { rule: name.to_owned(), line: 1 },
        description: name.to_owned(),
        direction: Direction::In,
        service,
        zones: zones.iter().copied().map(ZoneId::new).collect(),
        peers: vec![Peer {
            role: name.to_owned(),
            kind: PeerKind::Groups(groups.iter().copied().map(GroupId::new).collect()),
        }],
    }
}

fn tcp(first: u16, last: u16) -> Service {
    let ports = PortSet::new(vec![PortRange::new(first, last).unwrap()]).unwrap();
    Service::Transport { transport: Transport::Tcp, ports }
}

fn matrix(zones: usize, groups: Vec<Vec<IpNet>>, rules: Vec<Rule>) -> Matrix {
    Matrix {
        mode: Mode::Enforce,
        posture: Posture::Drop,
        transit: Posture::Pass,
        fragments: Fragments::Admitted,
        outbound: None,
        details: true,
        zones: (0..zones).map(|zone| Zone { name: format!("zone{zone}") }).collect(),
        interfaces: Vec::new(),
        groups: (0..)
            .zip(groups)
            .map(|(index, prefixes)| Group { name: format!("group{index}"), prefixes })
            .collect(),
        rules,
        dormant: Dormant::default(),
    }
}

fn nets(prefixes: &[&str]) -> Vec<IpNet> {
    prefixes.iter().map(|prefix| prefix.parse().unwrap()).collect()
}

/// What the tables say of a TCP port: the rule that admits, or whether any names it.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Admitted(RuleId),
    Refused,
    Undocumented,
}

/// `zone` counts the inbound zones first.
fn ask(image: &Image, zone: u32, source: IpAddr, port: u16) -> Answer {
    let tables = NativeTables::new(image, NoSockets);
    let class = class_of(image, source);
    let entry = tables.port(zone * port_entries::PER_ZONE + port_entries::TCP + u32::from(port)).unwrap();
    match tables.cell(entry.cells + class).unwrap() {
        0 if entry.cells == 0 => Answer::Undocumented,
        0 => Answer::Refused,
        ordinal => {
            let slot = entry.slot + port_slots::ADMITTED + u32::from(ordinal) - 1;
            Answer::Admitted(image.legend().rule_of(slot).unwrap())
        }
    }
}

fn class_of(image: &Image, source: IpAddr) -> u32 {
    let tables = NativeTables::new(image, NoSockets);
    match source {
        IpAddr::V4(address) => ipv4::Address::from_octets(address.octets()).class(&tables).unwrap(),
        IpAddr::V6(address) => ipv6::address(address.octets()).class(&tables).unwrap(),
    }
}

/// The inbound zones come first, then the same outbound.
fn oracle(matrix: &Matrix, zone: usize, peer: IpAddr, port: u16) -> Answer {
    let zones = matrix.zones.len();
    let (direction, zone) = if zone < zones { (Direction::In, zone) } else { (Direction::Out, zone - zones) };
    let mut named = false;
    for (index, rule) in matrix.rules.iter().enumerate() {
        match &rule.service {
            Service::Transport { transport: Transport::Tcp, ports }
                if rule.direction == direction
                    && rule.zones.contains(&ZoneId::new(zone))
                    && ports.contains(port) =>
            {
                named = true;
            }
            // The last rule, which is for both directions, and says nothing about those whom it does not admit.
            Service::All => {}
            _ => continue,
        }
        let PeerKind::Groups(groups) = &rule.peers[0].kind else { continue };
        if groups
            .iter()
            .any(|&group| matrix.group(group).prefixes.iter().any(|prefix| prefix.contains(&peer)))
        {
            return Answer::Admitted(RuleId::new(index));
        }
    }
    if named { Answer::Refused } else { Answer::Undocumented }
}

/// Prefixes that nest, touch and overlap: few distinct bits, every length.
fn prefix() -> impl Strategy<Value = IpNet> {
    prop_oneof![
        (address4(), 0..=32_u8)
            .prop_map(|(address, len)| IpNet::V4(Ipv4Net::new(address, len).unwrap().trunc())),
        (address6(), 0..=128_u8)
            .prop_map(|(address, len)| IpNet::V6(Ipv6Net::new(address, len).unwrap().trunc())),
    ]
}

fn address4() -> impl Strategy<Value = Ipv4Addr> {
    (prop_oneof![Just(10_u8), any::<u8>()], 0..3_u8, 0..3_u8, 0..6_u8)
        .prop_map(|(a, b, c, d)| Ipv4Addr::new(a, b, c, d))
}

fn address6() -> impl Strategy<Value = Ipv6Addr> {
    (0..3_u16, 0..3_u16, 0..3_u16, 0..6_u16)
        .prop_map(|(a, b, c, d)| Ipv6Addr::new(0x2001, 0xdb8, a, b << 8, c, 0, b, d))
}

fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![address4().prop_map(IpAddr::V4), address6().prop_map(IpAddr::V6)]
}

fn matrices() -> impl Strategy<Value = Matrix> {
    let groups = prop::collection::vec(prop::collection::vec(prefix(), 0..12), 5);
    let rules = prop::collection::vec(
        (
            0..40_u16,
            0..40_u16,
            prop::collection::vec(0..5_usize, 0..4),
            prop::collection::btree_set(0..2_usize, 1..3),
            any::<bool>(),
        ),
        0..8,
    );
    let failsafe = prop::option::of(prop::collection::vec(0..5_usize, 0..3));
    let outbound = prop::option::weighted(0.7, Just(OBSERVED));
    (groups, rules, failsafe, outbound).prop_map(|(groups, rules, failsafe, outbound)| {
        let rules = rules.into_iter().map(|(a, b, groups, zones, out)| {
            let zones: Vec<usize> = zones.into_iter().collect();
            let direction = if out { Direction::Out } else { Direction::In };
            Rule { direction, ..rule("r", tcp(a.min(b), a.max(b)), &zones, &groups) }
        });
        let failsafe = failsafe.map(|groups| rule("failsafe", Service::All, &[0, 1], &groups));
        let rules = rules.chain(failsafe).collect();
        Matrix { outbound, ..matrix(2, groups, rules) }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_tables_answer_as_the_rules_read(
        matrix in matrices(),
        questions in prop::collection::vec((address(), 0..42_u16, 0..4_usize), 200),
    ) {
        let image = compile(&matrix, &Node::default()).unwrap();
        for (source, port, zone) in questions {
            let zone = if matrix.outbound.is_some() { zone } else { zone % 2 };
            prop_assert_eq!(
                ask(&image, u32::try_from(zone).unwrap(), source, port),
                oracle(&matrix, zone, source, port),
                "{} -> {} in zone {}", source, port, zone
            );
        }
    }
}

#[test]
fn the_same_matrix_gives_the_same_digest_and_another_another() {
    let groups = || vec![nets(&["10.0.0.0/24", "2001:db8::/64"]), nets(&["10.0.0.7/32"])];
    let one = matrix(1, groups(), vec![rule("a", tcp(1, 9), &[0], &[0]), rule("b", tcp(5, 5), &[0], &[1])]);
    let mut other = one.clone();
    other.groups[1].prefixes = nets(&["10.0.0.8/32"]);
    let digest = |matrix: &Matrix| compile(matrix, &Node::default()).unwrap().digest();
    assert_eq!(digest(&one), digest(&one.clone()));
    assert_ne!(digest(&one), digest(&other));
}

#[test]
fn the_failsafe_groups_are_counted_at_each_documented_port_and_once_for_all_others() {
    let groups = vec![nets(&["10.0.0.0/24"]), nets(&["10.9.0.1/32"])];
    let rules = vec![rule("a", tcp(80, 80), &[0], &[0]), rule("failsafe", Service::All, &[0, 1], &[1])];
    let image = compile(&matrix(2, groups, rules), &Node::default()).unwrap();
    let failsafe = RuleId::new(1);
    let listed: Vec<_> = image.legend().ports().map(|port| (port.zone, port.target, port.rules)).collect();
    let http = Target::Port { transport: Transport::Tcp, port: 80 };
    assert_eq!(
        listed,
        [
            (ZoneId::new(0), Target::Other, &[failsafe][..]),
            (ZoneId::new(0), http, &[RuleId::new(0), failsafe]),
            (ZoneId::new(1), Target::Other, &[failsafe]),
        ]
    );
    let [admin, client]: [IpAddr; 2] = ["10.9.0.1", "10.0.0.1"].map(|address| address.parse().unwrap());
    for (zone, port) in [(0, 80), (0, 81), (1, 80)] {
        assert_eq!(ask(&image, zone, admin, port), Answer::Admitted(failsafe));
    }
    assert_eq!(ask(&image, 0, client, 80), Answer::Admitted(RuleId::new(0)));
    assert_eq!(
        [(0, 81), (1, 80)].map(|(zone, port)| ask(&image, zone, client, port)),
        [Answer::Undocumented, Answer::Undocumented]
    );
}

#[test]
fn without_failsafe_groups_the_program_is_told_so_and_nothing_is_added() {
    let with = |rules| compile(&matrix(1, vec![nets(&["10.0.0.0/24"])], rules), &Node::default()).unwrap();
    let plain = with(vec![rule("a", tcp(80, 80), &[0], &[0])]);
    assert_eq!((plain.settings().failsafe, plain.legend().ports().count()), (0, 1));
    // A group whose members are gone is another matter: it admits nobody, and stays in the legend.
    let empty = with(vec![rule("a", tcp(80, 80), &[0], &[0]), rule("failsafe", Service::All, &[0], &[])]);
    assert_eq!((empty.settings().failsafe, empty.legend().ports().count()), (1, 2));
    assert_eq!(ask(&empty, 0, "10.0.0.1".parse().unwrap(), 81), Answer::Undocumented);
}

#[test]
fn a_group_without_addresses_admits_nobody() {
    let matrix = matrix(1, vec![Vec::new()], vec![rule("a", tcp(80, 80), &[0], &[0])]);
    let image = compile(&matrix, &Node::default()).unwrap();
    assert_eq!(ask(&image, 0, "10.0.0.1".parse().unwrap(), 80), Answer::Refused);
    assert_eq!(ask(&image, 0, "2001:db8::1".parse().unwrap(), 80), Answer::Refused);
}

#[test]
fn the_nodes_own_addresses_are_a_class_of_their_own_whatever_group_lists_them() {
    let matrix =
        matrix(1, vec![nets(&["10.0.0.0/24", "2001:db8::/64"])], vec![rule("a", tcp(80, 80), &[0], &[0])]);
    let own: Vec<IpAddr> =
        ["10.0.0.5", "2001:db8::5", "192.0.2.9"].map(|address| address.parse().unwrap()).into();
    let image = compile(&matrix, &Node::new(own.clone())).unwrap();
    for address in own {
        assert_eq!(class_of(&image, address), CLASS_OWN, "{address}");
    }
    assert_ne!(class_of(&image, "10.0.0.6".parse().unwrap()), CLASS_OWN);
}

const OBSERVED: Outbound =
    Outbound { mode: Mode::Observe, posture: Posture::Drop, attach: OutboundAttach::Auto };

/// A site with a rule of each kind, two zones and a failsafe group.
fn mixed() -> Matrix {
    let groups = vec![
        nets(&["10.0.0.0/24", "2001:db8::/64"]),
        nets(&["10.0.0.128/25", "10.3.0.1/32", "2001:db8:3::1/128"]),
        nets(&["10.9.0.1/32"]),
    ];
    let mut out = rule("out", tcp(443, 445), &[0, 1], &[1]);
    out.direction = Direction::Out;
    let icmp = Service::Icmp { families: IcmpFamilies::Both, types: IcmpTypes::All };
    let rules = vec![
        rule("a", tcp(80, 90), &[0], &[0]),
        rule("b", tcp(85, 443), &[1], &[1]),
        out,
        rule("ping", icmp, &[0, 1], &[0, 1]),
        rule("failsafe", Service::All, &[0, 1], &[2]),
    ];
    matrix(2, groups, rules)
}

#[test]
fn without_outbound_the_tables_are_what_they_were_before_there_was_any() {
    let image = compile(&mixed(), &Node::new(vec!["10.0.0.5".parse().unwrap()])).unwrap();
    // But for the counters of ports, which stand behind those of the reasons: there are more reasons now.
    let reasons = u32::try_from(Reason::ALL.len()).unwrap();
    let ports: Vec<PortEntry> = image
        .ports()
        .iter()
        .map(|&PortEntry { slot, cells }| PortEntry { slot: slot.saturating_sub(reasons), cells })
        .collect();
    let mut hasher = Sha256::new();
    hash_table(&ports, &mut hasher);
    hash_table(image.trie4(), &mut hasher);
    hash_table(image.cells(), &mut hasher);
    hasher.update((image.legend().slots() - reasons).to_le_bytes());
    // What version 4 of the layout made of these tables; that of IPv6 has another since.
    assert_eq!(
        Digest::new(hasher).to_string(),
        "89cfcfb95a70972ad05eb1f308747a22ab71ac363b509461d38681d7244efd39"
    );
    assert_eq!((image.settings().outbound, image.settings().outbound_zones), (0, 0));
}

#[test]
fn what_leaves_has_ports_counters_and_reasons_of_its_own_behind_those_of_what_comes_in() {
    let off = compile(&mixed(), &Node::default()).unwrap();
    let on = Matrix { outbound: Some(OBSERVED), ..mixed() };
    let image = compile(&on, &Node::default()).unwrap();
    assert_eq!(image.ports().len(), 2 * off.ports().len());
    assert_eq!((image.settings().outbound, image.settings().outbound_zones), (1, 2));
    let of = |image: &Image, direction| -> Vec<_> {
        let ports = image.legend().ports_of(direction);
        ports.map(|port| (port.zone, port.target, port.rules.to_vec())).collect()
    };
    assert_eq!(of(&image, Direction::In), of(&off, Direction::In));
    let out: Vec<_> =
        of(&image, Direction::Out).into_iter().map(|(zone, target, _)| (zone, target)).collect();
    let port = |port| Target::Port { transport: Transport::Tcp, port };
    let of_zone = [Target::Other, port(443), port(444), port(445)];
    let expected: Vec<_> =
        [0, 1].into_iter().flat_map(|zone| of_zone.map(|target| (ZoneId::new(zone), target))).collect();
    assert_eq!(out, expected);
    let slots: Vec<u32> = image.legend().ports().map(|port| port.slot).collect();
    assert!(slots.is_sorted());
    assert_eq!(slots[0], 2 * OUTBOUND_REASONS);
    // The failsafe group is admitted to whatever leaves, other peers to what a rule names.
    let [failsafe, upstream, client]: [IpAddr; 3] =
        ["10.9.0.1", "10.3.0.1", "10.0.0.1"].map(|address| address.parse().unwrap());
    for zone in [2, 3] {
        assert_eq!(ask(&image, zone, failsafe, 443), Answer::Admitted(RuleId::new(4)));
        assert_eq!(ask(&image, zone, failsafe, 80), Answer::Admitted(RuleId::new(4)));
        assert_eq!(ask(&image, zone, upstream, 443), Answer::Admitted(RuleId::new(2)));
        assert_eq!(ask(&image, zone, client, 443), Answer::Refused);
        assert_eq!(ask(&image, zone, client, 80), Answer::Undocumented);
    }
}

#[test]
fn the_zone_that_an_interface_sends_to_is_that_of_its_rules() {
    let interface = |name: &str, zone, dhcp| Interface {
        name: name.to_owned(),
        zone: ZoneId::new(zone),
        attach: Attach::Auto,
        dhcp,
    };
    let interfaces = vec![interface("eth0", 0, true), interface("eth1", 1, false)];
    let off = Matrix { interfaces, ..mixed() };
    let on = Matrix { outbound: Some(OBSERVED), ..off.clone() };
    let [off, on] = [off, on].map(|matrix| compile(&matrix, &Node::default()).unwrap());
    let departures = |image: &Image| -> Vec<_> {
        image.interfaces().iter().map(|interface| image.departure(interface)).collect()
    };
    assert_eq!(departures(&on), [Some(Arrival::new(2, true)), Some(Arrival::new(3, false))]);
    assert_eq!(departures(&off), [None, None]);
}

#[test]
fn what_is_for_others_passes_where_the_site_lets_it_and_the_node_is_a_router() {
    let with = |transit, forwards| {
        compile(&Matrix { transit, ..mixed() }, &Node::default().forwarding(forwards)).unwrap()
    };
    let passes = with(Posture::Pass, true);
    assert_eq!(passes.settings().transit, 1);
    for (transit, forwards) in [(Posture::Pass, false), (Posture::Drop, true), (Posture::Drop, false)] {
        let judged = with(transit, forwards);
        assert_eq!(judged.settings().transit, 0, "{transit} {forwards}");
        assert_ne!(judged.digest(), passes.digest(), "{transit} {forwards}");
    }
}

#[test]
fn what_is_said_of_what_leaves_is_part_of_the_digest() {
    let with = |outbound| compile(&Matrix { outbound, ..mixed() }, &Node::default()).unwrap().digest();
    let enforced = Outbound { mode: Mode::Enforce, ..OBSERVED };
    let passing = Outbound { posture: Posture::Pass, ..OBSERVED };
    let filtered = Outbound { attach: OutboundAttach::Clsact, ..OBSERVED };
    let digests = [None, Some(OBSERVED), Some(enforced), Some(passing), Some(filtered)].map(with);
    for (index, digest) in digests.iter().enumerate() {
        assert!(!digests[index + 1..].contains(digest), "{index}");
    }
}

#[test]
fn outbound_rules_open_nothing_where_the_site_does_not_judge_what_leaves() {
    let mut out = rule("out", tcp(25, 25), &[0], &[0]);
    out.direction = Direction::Out;
    let matrix = matrix(1, vec![nets(&["0.0.0.0/0", "::/0"])], vec![out]);
    let image = compile(&matrix, &Node::default()).unwrap();
    assert_eq!(ask(&image, 0, "10.0.0.1".parse().unwrap(), 25), Answer::Undocumented);
    assert_eq!(image.legend().ports().count(), 0);
}

#[test]
fn a_thousand_rules_for_one_port_have_one_row_of_cells_and_each_admits_its_own() {
    let address = |index: usize| Ipv4Addr::from(0x0a00_0000 + u32::try_from(index).unwrap());
    let groups = (0..1000).map(|index| vec![IpNet::V4(address(index).into())]).collect();
    let rules = (0..1000).map(|index| rule(&format!("r{index}"), tcp(1, 1), &[0], &[index])).collect();
    let image = compile(&matrix(1, groups, rules), &Node::default()).unwrap();
    // The empty row, and that of the port, which later fragments share.
    assert_eq!(image.cells().len(), 2 * image.classes() as usize);
    for index in 0..1000 {
        assert_eq!(ask(&image, 0, address(index).into(), 1), Answer::Admitted(RuleId::new(index)));
    }
    assert_eq!(ask(&image, 0, address(1000).into(), 1), Answer::Refused);
}

#[test]
fn every_counter_belongs_to_one_port() {
    let rules = vec![rule("a", tcp(100, 300), &[0, 1], &[0]), rule("b", tcp(200, 400), &[1], &[0])];
    let image = compile(&matrix(2, vec![nets(&["10.0.0.0/8"])], rules), &Node::default()).unwrap();
    let mut next = None;
    for port in image.legend().ports() {
        assert_eq!(port.slot, next.unwrap_or(port.slot), "{}", port.target);
        next = Some(port.slot + port_slots::ADMITTED + u32::try_from(port.rules.len()).unwrap());
        for slot in port.slot..next.unwrap() {
            assert_eq!(image.legend().port_of(slot).unwrap().target, port.target);
        }
    }
    assert_eq!(next, Some(image.legend().slots()));
    assert_eq!(image.legend().ports().count(), 201 + 301);
}

#[test]
fn the_ends_of_the_port_space_have_their_own_entries() {
    let everything = matrix(1, vec![nets(&["0.0.0.0/0"])], vec![rule("all", tcp(0, 65535), &[0], &[0])]);
    let image = compile(&everything, &Node::default()).unwrap();
    let targets: Vec<Target> = image.legend().ports().map(|port| port.target).collect();
    assert_eq!(targets.len(), 65_536);
    assert_eq!(targets[0], Target::Port { transport: Transport::Tcp, port: 0 });
    assert_eq!(targets[65_535], Target::Port { transport: Transport::Tcp, port: 65_535 });
    assert_eq!(image.ports().len(), port_entries::PER_ZONE as usize);
    assert_eq!(image.ports()[65_535].cells, image.ports()[0].cells);
    assert_eq!(image.ports()[65_536], PortEntry::default());
}

#[test]
fn a_hundred_thousand_ipv6_sources_are_all_found_again() {
    let prefixes: Vec<IpNet> = (0..100_000_u128)
        .map(|index| {
            let address = Ipv6Addr::from((0x2001_0db8 << 96) | (index * 0x1_0000_0001));
            IpNet::V6(Ipv6Net::new(address, if index % 3 == 0 { 96 } else { 128 }).unwrap().trunc())
        })
        .collect();
    let sources: Vec<IpAddr> = prefixes.iter().map(IpNet::addr).collect();
    let image = compile(&matrix(1, vec![prefixes], vec![rule("a", tcp(1, 1), &[0], &[0])]), &Node::default())
        .unwrap();
    for source in sources {
        assert_eq!(ask(&image, 0, source, 1), Answer::Admitted(RuleId::new(0)), "{source}");
    }
    assert_eq!(ask(&image, 0, "2001:db7::1".parse().unwrap(), 1), Answer::Refused);
}

#[test]
fn ipv4_sources_that_share_no_network_are_found_in_narrow_nodes() {
    // Of each length from /25 on, each in a /24 of its own, and networks around some of them.
    let last = |index: u32| (index * 37) & 0xff;
    let network = |index: u32| 0x0a00_0000 + (index << 8) + last(index);
    let alone: Vec<Ipv4Net> = (0..40_000)
        .map(|index| {
            Ipv4Net::new(network(index).into(), 25 + u8::try_from(index % 8).unwrap()).unwrap().trunc()
        })
        .collect();
    let around: [Ipv4Net; 2] = ["10.0.0.0/20", "10.64.7.0/24"].map(|text| text.parse().unwrap());
    let prefixes = alone.iter().chain(&around).copied().map(IpNet::V4).collect();
    let matrix = matrix(1, vec![prefixes], vec![rule("a", tcp(1, 1), &[0], &[0])]);
    let image = compile(&matrix, &Node::default()).unwrap();
    let is_narrow = |entry: &u32| entry & TRIE_NODE_BIT != 0 && entry & TRIE_NARROW_BIT != 0;
    assert!(image.trie4().iter().any(is_narrow), "there is no narrow node");
    assert!(size_of_val(image.trie4()) < 10 << 20);
    for (index, alone) in (0..).zip(&alone) {
        for last in [0, 15, 16, 127, 128, 255, last(index)] {
            let source = Ipv4Addr::from(network(index) & !0xff | last);
            let listed = alone.contains(&source) || around.iter().any(|around| around.contains(&source));
            let expected = if listed { Answer::Admitted(RuleId::new(0)) } else { Answer::Refused };
            assert_eq!(ask(&image, 0, source.into(), 1), expected, "{source}");
        }
    }
}

#[test]
fn each_place_of_an_undocumented_port_is_that_of_its_own_and_of_no_other() {
    let told = |place: u32| {
        let (direction, target) = Target::of_undocumented(place)?;
        Some(if direction == Direction::In { target.to_string() } else { format!("out {target}") })
    };
    let ends = [
        (undocumented::TCP, "0/tcp"),
        (undocumented::TCP + 65_535, "65535/tcp"),
        (undocumented::UDP, "0/udp"),
        (undocumented::UDP + 65_535, "65535/udp"),
        (undocumented::ICMPV4 + 8, "icmpv4/8"),
        (undocumented::ICMPV4 + 255, "icmpv4/255"),
        (undocumented::ICMPV6 + 128, "icmpv6/128"),
        (undocumented::COUNT - 1, "icmpv6/255"),
        (undocumented::OUT, "out 0/tcp"),
        (undocumented::OUT + undocumented::UDP + 53, "out 53/udp"),
        (undocumented::OUT + undocumented::COUNT - 1, "out icmpv6/255"),
    ];
    for (place, expected) in ends {
        assert_eq!(told(place).as_deref(), Some(expected), "{place}");
    }
    let both = undocumented::OUT + undocumented::COUNT;
    assert_eq!(told(both), None);
    let all: BTreeSet<String> = (0..both).filter_map(told).collect();
    assert_eq!(all.len(), both as usize);
}
