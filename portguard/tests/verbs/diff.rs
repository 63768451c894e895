//! What `diff` answers: in full for people and programs, and exactly what changes of what `explain` says.

use std::{fmt::Write as _, fs, net::IpAddr, path::PathBuf};

use insta::assert_snapshot;
use portguard::{
    compile::{Node, compile},
    explain::{Destination, Explanation, Question},
    input::read_site,
    matrix::{Change, Diff, Direction, Matrix, Space, Transport, ZoneId},
};
use proptest::prelude::*;

use crate::answer;

const SITE: &str = r#"
mode = "enforce"
posture = "drop"

[interfaces.eth0]
zone = "front"

[interfaces.eth1]
zone = "back"

[groups]
nodes = ["10.0.0.1", "10.0.0.2", "2001:db8:1::/64"]
apps = ["10.1.0.0/16"]
admins = ["10.9.0.0/24"]

[products.cache]
policy = "redis-enterprise"
roles = { internal = ["nodes"], external = ["apps"], active-active = [] }

[[rules]]
name = "ssh"
ports = ["22/tcp", "icmp/8"]
from = ["admins"]
zones = ["back"]
"#;

fn write(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.toml"));
    fs::write(&path, text).expect("the directory is for the tests to write to");
    path
}

/// The difference that these replacements in [`SITE`] make.
fn changed(name: &str, replacements: &[(&str, &str)], options: &[&str]) -> String {
    let mut text = SITE.to_owned();
    for (from, to) in replacements {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    between(name, SITE, &text, options)
}

fn between(name: &str, old: &str, new: &str, options: &[&str]) -> String {
    let (old, new) = (write(&format!("{name}-old"), old), write(&format!("{name}-new"), new));
    let (old, new) = (old.display().to_string(), new.display().to_string());
    answer(&[&["diff", &old, &new], options].concat())
}

#[test]
fn other_words_for_the_same_change_nothing() {
    let same = changed(
        "same",
        &[
            ("nodes", "members"),
            ("\"10.1.0.0/16\"", "\"10.1.0.0/17\", \"10.1.128.0/17\""),
            ("back", "inside"),
            ("ports = [\"22/tcp\", \"icmp/8\"]", "ports = [\"icmpv4/8\", \"22/tcp\"]\ndescription = \"new\""),
        ],
        &[],
    );
    assert_eq!(same, "exit code 0\n--- stdout\nNothing changes: both let in the same.\n");
}

#[test]
fn a_member_more_and_one_less() {
    assert_snapshot!(changed("member", &[("\"10.0.0.2\"", "\"10.0.0.3\"")], &[]));
}

#[test]
fn what_only_closes_is_exit_code_zero() {
    assert_snapshot!(changed("closes", &[("external = [\"apps\"]", "external = []")], &[]));
}

#[test]
fn posture_pass_opens_what_no_rule_names_and_drop_closes_it() {
    let open = SITE.replace("posture = \"drop\"", "posture = \"pass\"");
    assert_snapshot!("posture-pass", between("pass", SITE, &open, &[]));
    assert_snapshot!("posture-drop", between("drop", &open, SITE, &[]));
}

#[test]
fn under_posture_pass_a_rule_less_is_a_port_open_to_everyone() {
    let open = SITE.replace("posture = \"drop\"", "posture = \"pass\"");
    let fewer =
        open.replace("active-active = [] }", "active-active = [] }\nparameters = { http_support = false }");
    assert_snapshot!(between("fewer", &open, &fewer, &[]));
}

#[test]
fn a_member_of_a_failsafe_group_gains_what_it_had_not_and_loses_it_again() {
    let failsafe = SITE.replace("posture = \"drop\"", "posture = \"drop\"\nfailsafe = [\"admins\"]");
    assert_snapshot!("failsafe-gained", between("failsafe-gained", SITE, &failsafe, &[]));
    assert_snapshot!("failsafe-lost", between("failsafe-lost", &failsafe, SITE, &[]));
    let member = failsafe.replace("\"10.9.0.0/24\"", "\"10.9.0.0/24\", \"2001:db8:9::7\"");
    assert_snapshot!(
        "failsafe-member",
        between("failsafe-member", &failsafe, &member, &["--format", "json"])
    );
    let open = failsafe.replace("posture = \"drop\"", "posture = \"pass\"");
    let opened = between("failsafe-open", &failsafe, &open, &[]);
    assert!(
        opened.contains("any address but 10.9.0.0/24") && opened.contains("by      the posture"),
        "{opened}"
    );
}

#[test]
fn what_a_node_may_reach_is_compared_where_either_site_judges_what_leaves() {
    let rule = "\n[[rules]]\nname = \"names\"\nports = [\"53/udp\"]\nto = [\"admins\"]\n";
    let declared = format!("{SITE}{rule}");
    let judged = |mode: &str, text: &str| {
        text.replace(
            "posture = \"drop\"",
            &format!("posture = \"drop\"\noutbound = \"{mode}\"\noutbound_posture = \"drop\""),
        )
    };
    assert_snapshot!("outbound-declared", between("outbound-declared", SITE, &declared, &[]));
    let (without, with) = (judged("enforce", SITE), judged("enforce", &declared));
    assert_snapshot!("outbound-opened", between("outbound-opened", &without, &with, &[]));
    assert_snapshot!("outbound-closed", between("outbound-closed", &with, &without, &[]));
    let on = between("outbound-on", SITE, &without, &[]);
    assert!(
        on.starts_with("exit code 0\n")
            && on.contains("outbound: off, everything leaves -> enforce, posture drop"),
        "{on}"
    );
    let off = between("outbound-off", &without, SITE, &[]);
    assert!(off.starts_with("exit code 1\n") && off.contains("Outbound, newly open to this node:"), "{off}");
    let observed = between("outbound-observed", &without, &judged("observe", SITE), &[]);
    assert!(observed.starts_with("exit code 1\n"), "{observed}");
    let filtered = without.replace("outbound_posture", "outbound_attach = \"clsact\"\noutbound_posture");
    let moved = between("outbound-attach", &without, &filtered, &[]);
    assert!(
        moved.starts_with("exit code 0\n")
            && moved.contains("outbound: enforce, posture drop -> enforce, posture drop, at clsact"),
        "{moved}"
    );
}

#[test]
fn a_pattern_is_compared_with_what_held_for_the_names_that_it_matches() {
    let named = SITE;
    let pattern = SITE.replace("[interfaces.eth0]", "[interfaces.\"eth*\"]");
    assert_snapshot!("pattern-wider", between("pattern-wider", named, &pattern, &[]));
    assert_snapshot!("pattern-narrower", between("pattern-narrower", &pattern, named, &[]));
    let moved = pattern.replace("[interfaces.eth1]", "[interfaces.eth7]");
    assert_snapshot!("pattern-moved", between("pattern-moved", &pattern, &moved, &[]));
}

#[test]
fn to_observe_only_is_to_open() {
    assert_snapshot!(changed("observe", &[("\"enforce\"", "\"observe\"")], &[]));
    assert_snapshot!(
        "to-enforce",
        between("enforce", &SITE.replace("\"enforce\"", "\"observe\""), SITE, &[])
    );
}

#[test]
fn what_is_for_others_is_let_through_or_not_any_more() {
    let judged = SITE.replacen("posture", "transit = \"drop\"\nposture", 1);
    let closes = between("transit-judged", SITE, &judged, &[]);
    let says = "transit: pass -> drop: what the node sends on to others is judged as what is for the node\n";
    assert!(closes.contains(says) && closes.contains("Nothing is newly open."), "{closes}");
    let opens = between("transit-passes", &judged, SITE, &[]);
    let says = "transit: drop -> pass: what the node sends on to others passes, whatever the rules say\n";
    assert!(opens.contains(says) && opens.contains("Something is newly open."), "{opens}");
}

#[test]
fn later_fragments_are_let_in_from_anybody_or_not_any_more() {
    let anybody = SITE.replacen("posture", "fragments = \"anybody\"\nposture", 1);
    let opens = between("fragments-anybody", SITE, &anybody, &[]);
    let says = "fragments: admitted -> anybody: later fragments pass from everybody\n";
    assert!(opens.contains(says) && opens.contains("Something is newly open."), "{opens}");
    let closes = between("fragments-admitted", &anybody, SITE, &[]);
    let says =
        "fragments: anybody -> admitted: later fragments pass from whom a rule admits to their protocol\n";
    assert!(closes.contains(says) && closes.contains("Nothing is newly open."), "{closes}");
}

#[test]
fn interfaces_that_come_go_and_move() {
    let wider = SITE.replace(
        "[groups]",
        "[interfaces.eth2]\nzone = \"back\"\nattach = \"native\"\ndhcp = true\n\n[groups]",
    );
    assert_snapshot!("interface-guarded", between("guarded", SITE, &wider, &[]));
    assert_snapshot!("interface-unguarded", between("unguarded", &wider, SITE, &[]));
    let moved = wider
        .replace("\"back\"\nattach = \"native\"\ndhcp = true", "\"front\"\nattach = \"auto\"\ndhcp = false");
    assert_snapshot!("interface-moved", between("moved", &wider, &moved, &[]));
}

#[test]
fn outbound_rules_are_told_and_open_nothing() {
    let directory = crate::support::directory().display();
    let product = |offset| {
        format!(
            "mode = \"enforce\"\nposture = \"drop\"\n[interfaces.eth0]\n[groups]\nm = [\"10.0.0.1\"]\n\
             [products.gateway]\npolicy = \"{directory}/policies/offsets.toml\"\nprofiles = [\"gateway\"]\n\
             roles = {{ admins = [], members = [], relays = [\"{offset}\"] }}\n"
        )
    };
    assert_snapshot!(between("outbound", &product("m"), &product("any"), &[]));
}

#[test]
fn a_difference_as_json() {
    assert_snapshot!(changed(
        "json",
        &[("\"10.0.0.2\"", "\"10.0.0.3\""), ("posture = \"drop\"", "posture = \"pass\"")],
        &["--format", "json"]
    ));
}

#[test]
fn sites_that_do_not_hold_together_are_refused_both() {
    assert_snapshot!(answer(&["diff", "invalid/no-interface.toml", "gone.toml"]));
    assert_snapshot!("usage", answer(&["diff", "sites/both.toml"]));
}

/// A site with groups and rules of few bits, so that they overlap. Where what leaves is judged, `outbound` says whether it
/// leaves if no rule names it.
fn site(
    groups: &[Vec<u8>],
    rules: &[(u16, u16, u8, u8, bool)],
    pass: bool,
    outbound: Option<bool>,
    failsafe: Option<u8>,
) -> String {
    let word = |pass| if pass { "pass" } else { "drop" };
    let posture = word(pass);
    let failsafe = failsafe.map(|group| format!("failsafe = [\"g{group}\"]\n")).unwrap_or_default();
    let outbound = outbound
        .map(|pass| format!("outbound = \"enforce\"\noutbound_posture = \"{}\"\n", word(pass)))
        .unwrap_or_default();
    let mut text = format!(
        "mode = \"enforce\"\nposture = \"{posture}\"\n{failsafe}{outbound}[interfaces.eth0]\nzone = \"a\"\n[interfaces.eth1]\nzone = \"b\"\n[groups]\n"
    );
    for (name, members) in ["g0", "g1", "g2"].iter().zip(groups) {
        let mut members = members.clone();
        members.sort_unstable();
        members.dedup();
        let prefixes: Vec<String> = members
            .iter()
            .map(|&bits| match bits {
                0..8 => format!("\"10.0.0.{}/31\"", bits * 2),
                _ => format!("\"2001:db8::{:x}/127\"", (bits - 8) * 2),
            })
            .collect();
        writeln!(text, "{name} = [{}]", prefixes.join(", ")).expect("a string takes all");
    }
    for (number, &(first, length, protocol, group, everywhere)) in rules.iter().enumerate() {
        let zones = if everywhere { "\"a\", \"b\"" } else { "\"b\"" };
        let last = first + length;
        let ports = match protocol {
            0 => format!("{first}-{last}/tcp"),
            1 => format!("{first}-{last}/udp"),
            2 => format!("{first}-{last}/sctp"),
            3 => "icmp".to_owned(),
            4 => format!("icmp/{first}"),
            _ => "ip/47".to_owned(),
        };
        let peers = if group < 4 { "from" } else { "to" };
        let group = ["g0", "g1", "g2", "any"][usize::from(group % 4)];
        writeln!(
            text,
            "[[rules]]\nname = \"r{number}\"\nports = [\"{ports}\"]\n{peers} = [\"{group}\"]\nzones = [{zones}]"
        )
        .expect("a string takes all");
    }
    text
}

fn holds(changes: &[Change], interface: &str, question: &Question) -> bool {
    let (space, number) = match question.to {
        Destination::Port(transport, port) => (Space::Ports(transport), port),
        Destination::Icmp(kind) => {
            let space = if question.from.is_ipv4() { Space::Icmpv4 } else { Space::Icmpv6 };
            (space, kind.expect("the questions name it").into())
        }
        Destination::Icmpv4(kind) => (Space::Icmpv4, kind.into()),
        Destination::Icmpv6(kind) => (Space::Icmpv6, kind.into()),
        Destination::Protocol(number) => (Space::Protocols, number.into()),
    };
    let holding = changes.iter().filter(|change| {
        change.interfaces.iter().any(|name| name == interface)
            && change.addresses.iter().any(|prefix| prefix.contains(&question.from))
            && change.ports.iter().any(|ports| ports.space == space && ports.ports.contains(number))
    });
    let holding = holding.count();
    assert!(holding <= 1, "a cell changes once");
    holding == 1
}

fn questions(zone: usize) -> Vec<Question> {
    let from: Vec<IpAddr> = (0..17)
        .map(|last| format!("10.0.0.{last}"))
        .chain((0..17).map(|last| format!("2001:db8::{last:x}")))
        .map(|text| text.parse().expect("an address"))
        .collect();
    let ports = (1..12).flat_map(|port| {
        [Transport::Tcp, Transport::Udp, Transport::Sctp].map(|transport| Destination::Port(transport, port))
    });
    let types = [0, 3, 5, 8, 13, 128, 133].map(|kind| Destination::Icmp(Some(kind)));
    let wanted: Vec<Destination> = ports.chain(types).chain([47, 89].map(Destination::Protocol)).collect();
    // What has no ports and leaves may answer what comes in, which no outbound rule says.
    let both_ways = |to: Destination| match to {
        Destination::Protocol(_) => &[Direction::In][..],
        Destination::Port(..) | Destination::Icmp(_) | Destination::Icmpv4(_) | Destination::Icmpv6(_) => {
            &[Direction::In, Direction::Out]
        }
    };
    from.iter()
        .flat_map(|&from| wanted.iter().map(move |&to| (from, to)))
        .flat_map(|(from, to)| both_ways(to).iter().map(move |&direction| (from, to, direction)))
        .map(|(from, to, direction)| Question { from, to, zone: ZoneId::new(zone), direction })
        .collect()
}

fn matrix(name: &str, text: &str) -> Matrix {
    read_site(&write(name, text)).unwrap_or_else(|error| panic!("{error:?}\n{text}")).matrix
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn what_opens_and_closes_is_exactly_where_explain_changes_its_mind(
        old_groups in proptest::collection::vec(proptest::collection::vec(0..16_u8, 0..4), 3),
        new_groups in proptest::collection::vec(proptest::collection::vec(0..16_u8, 0..4), 3),
        old_rules in proptest::collection::vec((1..10_u16, 0..3_u16, 0..6_u8, 0..8_u8, any::<bool>()), 0..7),
        new_rules in proptest::collection::vec((1..10_u16, 0..3_u16, 0..6_u8, 0..8_u8, any::<bool>()), 0..7),
        old_pass in any::<bool>(),
        new_pass in any::<bool>(),
        old_outbound in proptest::option::of(any::<bool>()),
        new_outbound in proptest::option::of(any::<bool>()),
        old_failsafe in proptest::option::of(0..3_u8),
        new_failsafe in proptest::option::of(0..3_u8),
    ) {
        let old = matrix("random-old", &site(&old_groups, &old_rules, old_pass, old_outbound, old_failsafe));
        let new = matrix("random-new", &site(&new_groups, &new_rules, new_pass, new_outbound, new_failsafe));
        let diff = Diff::new(&old, &new);
        let (before, after) = (
            compile(&old, &Node::default()).unwrap(),
            compile(&new, &Node::default()).unwrap(),
        );
        for (zone, interface) in ["eth0", "eth1"].iter().enumerate() {
            for question in questions(zone) {
                let was_open = !Explanation::new(&question, &old, &before).drops();
                let is_open = !Explanation::new(&question, &new, &after).drops();
                let (opened, closed) = match question.direction {
                    Direction::In => (&diff.opened, &diff.closed),
                    Direction::Out => (&diff.outbound_opened, &diff.outbound_closed),
                };
                prop_assert_eq!(
                    (holds(opened, interface, &question), holds(closed, interface, &question)),
                    (is_open && !was_open, was_open && !is_open),
                    "{:?} on {}", question, interface
                );
            }
        }
    }
}
