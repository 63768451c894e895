//! Figures add up, and are those of the record.

use std::collections::BTreeMap;

use portguard::report::{Proof, Report, Witness, write_csv};

use crate::{BEGIN, DAY, Fate, HOUR, PERIOD, Span, bare, reader, recorded, report};

fn refused(report: &Report) -> [u64; 3] {
    let totals = &report.totals;
    [totals.passed.packets, totals.dropped.packets, totals.would_drop.packets]
}

#[test]
fn charts_tables_and_the_spreadsheet_come_to_what_the_kernel_counted() {
    let directory = recorded(Fate::Dropped);
    let report = report(directory.path(), PERIOD);
    // Passed: 1000 to 1003, and 20 a day. Dropped: 10, 20, 30, 40; a day 3, 5, 7 and 1.
    assert_eq!(refused(&report), [4086, 164, 0]);
    let points = &report.series.points;
    let sum = |of: fn(&portguard::audit::Point) -> u64| points.iter().map(of).sum::<u64>();
    assert_eq!([sum(|point| point.passed), sum(|point| point.dropped)], [4086, 164]);
    let passed = report.ports.iter().flat_map(|port| &port.rules).map(|rule| rule.passed.packets);
    assert_eq!(passed.sum::<u64>(), 4086);
    let at_ports: u64 = report.ports.iter().map(|port| port.dropped.packets).sum();
    assert_eq!(at_ports, 164 - 4 * (5 + 1), "all but what was at no documented port");
    let told: u64 = report.sources.rows.iter().map(|row| row.dropped.packets).sum();
    assert_eq!(told + report.gaps.lost.in_kernel.packets, 164);
    assert_eq!(report.undocumented.iter().map(|port| port.dropped).collect::<Vec<_>>(), [20]);

    let mut text = Vec::new();
    let days = reader(directory.path()).drops_by_day(PERIOD, 1024).unwrap();
    write_csv("db1", &days, &mut text).unwrap();
    let mut by_day: BTreeMap<String, u64> = BTreeMap::new();
    for record in csv::Reader::from_reader(text.as_slice()).records() {
        let record = record.unwrap();
        *by_day.entry(record[0].to_owned()).or_default() += record[8].parse::<u64>().unwrap();
    }
    assert_eq!(by_day.into_values().collect::<Vec<_>>(), [26, 36, 46, 56]);
}

#[test]
fn a_spreadsheet_of_the_loudest_says_what_the_others_come_to() {
    let directory = recorded(Fate::Dropped);
    let days = reader(directory.path()).drops_by_day(PERIOD, 1).unwrap();
    assert!(days.iter().all(|day| day.rows.len() == 1 && day.more == 3));
    let mut text = Vec::new();
    write_csv("db1", &days, &mut text).unwrap();
    let packets = csv::Reader::from_reader(text.as_slice()).into_records().map(|record| record.unwrap());
    assert_eq!(packets.map(|record| record[8].parse::<u64>().unwrap()).sum::<u64>(), 164);
}

#[test]
fn in_mode_observe_nothing_is_said_to_be_dropped() {
    let directory = recorded(Fate::WouldDrop);
    let report = bare(directory.path(), PERIOD, None);
    assert_eq!(refused(&report), [4086, 0, 164]);
    assert!(report.sources.rows.iter().all(|row| row.dropped.packets == 0));
    assert_eq!(report.undocumented[0].would_drop, 20);
}

#[test]
fn a_period_is_all_that_is_told_of() {
    let directory = recorded(Fate::Dropped);
    let second = Span { since: BEGIN + DAY, until: BEGIN + 2 * DAY };
    let report = bare(directory.path(), second, None);
    assert_eq!(refused(&report), [1021, 36, 0]);
    assert!(report.changes.is_empty() && report.gaps.absences.is_empty());
    assert_eq!(report.series.points.len(), 24, "a short period is shown by hours");
    let hours = Span { since: BEGIN + 2 * HOUR, until: BEGIN + 3 * HOUR };
    assert_eq!(refused(&bare(directory.path(), hours, None)), [1000, 18, 0]);
}

#[test]
fn what_is_in_force_is_the_records_last_word_and_a_site_is_held_against_it() {
    let directory = recorded(Fate::Dropped);
    let report = report(directory.path(), PERIOD);
    assert_eq!(report.in_force.witness, Witness::Record);
    assert_eq!(report.in_force.generation.as_ref().unwrap().digest, "c0ffee00c0ffee00");
    assert_eq!(report.accepts.as_ref().unwrap().proof, Proof::Other);
    let mut known = report.in_force.clone();
    known.generation.as_mut().unwrap().digest = report.accepts.unwrap().digest.unwrap();
    assert_eq!(crate::accepts(&known).proof, Proof::Same);
}

#[test]
fn a_verification_is_told_with_its_time_and_faults() {
    let directory = recorded(Fate::Dropped);
    let last = bare(directory.path(), PERIOD, None).verification;
    assert_eq!((last.sealed, last.at), (3, Some(BEGIN + 3 * DAY + 4 * HOUR + 700)));
    rusqlite::Connection::open(directory.path().join("audit.db"))
        .unwrap()
        .execute("UPDATE port_day SET packets = packets + 1", [])
        .unwrap();
    let found = reader(directory.path()).verify(None).unwrap();
    let now = bare(directory.path(), PERIOD, Some(found));
    assert!(!now.verification.found.as_ref().unwrap().is_whole());
    assert!(portguard::report::markdown(&now).contains("NOT as it was sealed"));
    assert!(portguard::report::html_page(&now).contains("class=\"wrong\""));
}
