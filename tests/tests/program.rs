//! The real program in the real kernel, packet by packet (`BPF_PROG_TEST_RUN`): every rule of the five documents with
//! every role, in every case of parameters, profiles and networks, the edges of every range and their neighbours, both
//! address families; and the program's own account of it.
//! Each verdict is the native one too, reason and counter included.

use std::net::IpAddr;

use portguard::matrix::{Mode, Posture};
use portguard_common::{Reason, abi::NOTES_PER_TICK};
use portguard_tests::{
    cases::{Site, edges, edges_of_all, matrix, sources},
    rows::{Case, Row, cases},
    sample::{leaving, ping, syn, udp},
    twin::Twin,
};

fn frame(protocol: &str, source: IpAddr, port: u16) -> Vec<u8> {
    match protocol {
        "tcp" => syn(source, port),
        "udp" => udp(source, port),
        "icmp" => ping(source),
        other => unreachable!("no row has {other}"),
    }
}

/// Asks about the edges of every row, those of the policy's other cases too: what is off, moved or another profile's
/// must be closed.
fn every_row_holds(site: &Site, zone: Option<&str>, others: &[Case], twin: &mut Twin) {
    let of_policy = others.iter().filter(|other| other.policy == site.case.policy);
    let sources = site.sources();
    for (protocol, port) in edges(of_policy.flat_map(|other| &other.rows)) {
        let admitted = site.admitted(protocol, port, zone);
        for &(role, source) in &sources {
            let reason = twin.ask(&frame(protocol, source, port)).reason;
            let expected = match &admitted {
                Some(roles) if roles.contains(role) => Reason::Admitted,
                Some(_) => Reason::SourceNotAdmitted,
                None if protocol == "udp" => Reason::NoSocket,
                None => Reason::Undocumented,
            };
            let Case { policy, name, .. } = &site.case;
            assert_eq!(
                reason, expected,
                "{policy}, {name}: {role} ({source}) to {port}/{protocol} on {zone:?}"
            );
        }
    }
    twin.check_counters();
}

/// Every case of a policy, on each of its networks.
fn every_case_holds(policy: &str) {
    let cases = cases();
    let of_policy: Vec<&Case> = cases.iter().filter(|case| case.policy == policy).collect();
    assert!(!of_policy.is_empty(), "no case of {policy}");
    for case in of_policy {
        let site = Site::read(case.clone()).expect("the site is sound");
        let zones: Vec<Option<&str>> = match case.zones {
            [] => vec![None],
            zones => zones.iter().copied().map(Some).collect(),
        };
        for (interface, zone) in zones.into_iter().enumerate() {
            every_row_holds(&site, zone, &cases, &mut Twin::load_on(&site.matrix, interface));
        }
    }
}

#[test]
fn every_row_of_redis_admits_its_roles_and_nobody_else() {
    every_case_holds("redis-enterprise");
}

#[test]
fn every_row_of_influxdb_admits_its_roles_and_nobody_else() {
    every_case_holds("influxdb-enterprise");
}

#[test]
fn every_row_of_thoughtspot_admits_its_roles_and_nobody_else() {
    every_case_holds("thoughtspot");
}

#[test]
fn every_row_of_event_store_admits_its_roles_on_its_network_and_nobody_else() {
    every_case_holds("event-store");
}

#[test]
fn every_row_of_every_wso2_profile_admits_its_roles_and_nobody_else() {
    every_case_holds("wso2");
}

#[test]
fn pings_are_for_redis_nodes_of_the_cluster() {
    let mut both = Twin::load(&matrix().unwrap());
    for (group, source) in sources() {
        let expected = if group == "internal" { Reason::Admitted } else { Reason::SourceNotAdmitted };
        assert_eq!(both.ask(&ping(source)).reason, expected, "{group} ({source})");
    }
    both.check_counters();
}

#[test]
fn observe_passes_and_counts_what_enforce_would_drop() {
    let mut matrix = matrix().unwrap();
    matrix.mode = Mode::Observe;
    let mut both = Twin::load(&matrix);
    for (_, source) in sources() {
        both.ask(&syn(source, 8088));
        both.ask(&syn(source, 4000));
    }
    both.check_counters();
    assert_eq!(both.counted(Reason::SourceNotAdmitted), 12);
    assert_eq!(both.counted(Reason::Undocumented), 16);
}

#[test]
fn posture_pass_opens_what_no_document_names_and_nothing_else() {
    let mut matrix = matrix().unwrap();
    matrix.posture = Posture::Pass;
    let mut both = Twin::load(&matrix);
    for (group, source) in sources() {
        assert_eq!(both.ask(&syn(source, 22)).reason, Reason::UndocumentedPassed, "{group}");
        assert_eq!(both.ask(&udp(source, 9999)).reason, Reason::UndocumentedPassed, "{group}");
        let cluster =
            if matches!(group, "data" | "meta") { Reason::Admitted } else { Reason::SourceNotAdmitted };
        assert_eq!(both.ask(&syn(source, 8088)).reason, cluster, "{group}");
    }
    both.check_counters();
}

/// A source that comes a million times within some ticks of the kernel's clock costs more than it is worth to note each time.
#[test]
fn a_flood_from_one_source_is_noted_up_to_a_quota_and_counted_to_the_packet() {
    let cases = cases();
    let case = cases.iter().find(|case| case.policy == "influxdb-enterprise").expect("it has cases");
    let site = Site::read(case.clone()).expect("the site is sound");
    let mut twin = Twin::load_on(&site.matrix, 0);
    let stranger = frame("tcp", "203.0.113.9".parse().expect("an address"), 8088);
    for _ in 0..100 {
        assert_eq!(twin.ask(&stranger).reason, Reason::SourceNotAdmitted);
    }
    assert_eq!(twin.lost(), 0, "of a few, each is noted");
    let count = 1_000_000;
    twin.flood(&stranger, count);
    twin.check_counters();
    let noted = u64::from(count) + 100 - twin.lost();
    assert!(noted >= u64::from(NOTES_PER_TICK), "{noted} are noted");
    assert!(noted < u64::from(count) / 2, "{noted} are noted");
}

/// Asks about the edges of every row of a policy, in every case, on each of its networks.
fn every_case_keeps_what_leaves(policy: &str) {
    let cases = cases();
    let of_policy: Vec<&Case> = cases.iter().filter(|case| case.policy == policy).collect();
    // What is open only inward in every case is as good as a port that no row has, of which the neighbours are some.
    let leaves = |case: &&Case, row: &&Row| row.outbound || !case.reached(row).is_empty();
    let asked =
        edges_of_all(of_policy.iter().flat_map(|case| case.rows.iter().filter(move |row| leaves(case, row))));
    for case in of_policy {
        let site = Site::read_judging_outbound(case.clone()).expect("the site is sound");
        let zones: Vec<Option<&str>> = match case.zones {
            [] => vec![None],
            zones => zones.iter().copied().map(Some).collect(),
        };
        for (interface, zone) in zones.into_iter().enumerate() {
            let mut twin = Twin::load_leaving(&site.matrix, interface);
            for &(protocol, port) in &asked {
                let reached = site.reached(protocol, port, zone);
                for (turn, (role, to)) in site.destinations().into_iter().enumerate() {
                    let is_reached = reached.as_ref().is_some_and(|roles| roles.contains(role));
                    // Of those whom it must not reach some at each port, by turns: it is a matter of seconds.
                    if !is_reached && role != "nobody" && (turn + usize::from(port)) % 4 != 0 {
                        continue;
                    }
                    let reason = twin.ask(&leaving(protocol, to, port)).reason;
                    let expected = match &reached {
                        Some(_) if is_reached => Reason::Admitted,
                        Some(_) => Reason::DestinationNotAdmitted,
                        None => Reason::Undocumented,
                    };
                    let Case { policy, name, .. } = case;
                    assert_eq!(
                        reason, expected,
                        "{policy}, {name}: this node to {role} ({to}) at {port}/{protocol} on {zone:?}"
                    );
                }
            }
            twin.check_counters();
        }
    }
}

#[test]
fn what_leaves_goes_where_thoughtspot_says_and_nowhere_else() {
    every_case_keeps_what_leaves("thoughtspot");
}

#[test]
fn what_leaves_goes_where_wso2_says_and_nowhere_else() {
    every_case_keeps_what_leaves("wso2");
}

#[test]
fn what_leaves_goes_where_the_databases_documents_say_and_nowhere_else() {
    for policy in ["redis-enterprise", "influxdb-enterprise", "event-store"] {
        every_case_keeps_what_leaves(policy);
    }
}
