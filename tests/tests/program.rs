//! The real program in the real kernel, packet by packet (`BPF_PROG_TEST_RUN`): every rule of both documents with every
//! group, the edges of every range and their neighbours, both address families; and the program's own account of it.
//! Each verdict is the native one too, reason and counter included.

use std::net::IpAddr;

use portguard::matrix::{Mode, Posture};
use portguard_common::{Action, Reason};
use portguard_tests::{
    cases::{DISABLED, ENABLED, Row, matrix, sources},
    sample::{ping, syn, udp},
    twin::Twin,
};

fn frame(protocol: &str, source: IpAddr, port: u16) -> Vec<u8> {
    if protocol == "tcp" { syn(source, port) } else { udp(source, port) }
}

/// The groups that the documents' rows admit to a port; `None` when no row names it.
fn admitted<'a>(rows: &[&'a Row], protocol: &str, port: u16) -> Option<Vec<&'a str>> {
    let named = |row: &&&Row| row.protocol == protocol && (row.ports.0..=row.ports.1).contains(&port);
    let rows: Vec<_> = rows.iter().filter(named).collect();
    (!rows.is_empty()).then(|| rows.iter().flat_map(|row| row.groups).copied().collect())
}

fn every_row_holds(rows: &[&Row], both: &mut Twin) {
    for Row { line, protocol, ports: (first, last), .. } in rows {
        let middle = first.midpoint(*last);
        for port in [first.saturating_sub(1), *first, middle, *last, last.saturating_add(1)] {
            let expected = admitted(rows, protocol, port);
            for (group, source) in sources() {
                let outcome = both.ask(&frame(protocol, source, port));
                let reason = match &expected {
                    Some(groups) if groups.contains(&group) => Reason::Admitted,
                    Some(_) => Reason::SourceNotAdmitted,
                    None if *protocol == "udp" => Reason::NoSocket,
                    None => Reason::Undocumented,
                };
                assert_eq!(outcome.reason, reason, "{line}: {group} ({source}) to {port}/{protocol}");
            }
        }
    }
}

#[test]
fn every_row_of_both_documents_admits_its_groups_and_nobody_else() {
    let mut both = Twin::load(&matrix(false).unwrap());
    every_row_holds(&ENABLED.iter().collect::<Vec<_>>(), &mut both);
    both.check_counters();
}

#[test]
fn services_that_are_off_are_closed_and_open_once_they_are_on() {
    let mut both = Twin::load(&matrix(false).unwrap());
    for Row { protocol, ports: (port, _), .. } in &DISABLED {
        for (_, source) in sources() {
            let reason = both.ask(&frame(protocol, source, *port)).reason;
            assert_eq!(reason.action(), Action::Drop, "{source} to {port}/{protocol}");
        }
    }
    let mut both = Twin::load(&matrix(true).unwrap());
    every_row_holds(&ENABLED.iter().chain(&DISABLED).collect::<Vec<_>>(), &mut both);
    both.check_counters();
}

#[test]
fn pings_are_for_redis_nodes_of_the_cluster() {
    let mut both = Twin::load(&matrix(false).unwrap());
    for (group, source) in sources() {
        let expected = if group == "internal" { Reason::Admitted } else { Reason::SourceNotAdmitted };
        assert_eq!(both.ask(&ping(source)).reason, expected, "{group} ({source})");
    }
    both.check_counters();
}

#[test]
fn observe_passes_and_counts_what_enforce_would_drop() {
    let mut matrix = matrix(false).unwrap();
    matrix.mode = Mode::Observe;
    let mut both = Twin::load(&matrix);
    for (_, source) in sources() {
        both.ask(&syn(source, 8088));
        both.ask(&syn(source, 4000));
    }
    both.check_counters();
    let counters = both.counters();
    assert_eq!(counters.reason(Reason::SourceNotAdmitted).packets, 0);
    assert_eq!(counters.would_drop(Reason::SourceNotAdmitted).packets, 12);
    assert_eq!(counters.would_drop(Reason::Undocumented).packets, 16);
}

#[test]
fn posture_pass_opens_what_no_document_names_and_nothing_else() {
    let mut matrix = matrix(false).unwrap();
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
