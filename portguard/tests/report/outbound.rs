//! What the node may connect to, what use it had for that, and what was dropped on its way out.

use insta::assert_snapshot;
use portguard::{
    matrix::{Direction, Mode, Outbound, OutboundAttach, Posture},
    report::{InForce, Report, html_page, markdown, write_csv},
};
use portguard_common::Reason;
use tempfile::TempDir;

use crate::{BEGIN, DAY, Drop, Fate, HOUR, PERIOD, Recorder, about, accepts_of, reader};

const MAIL: &str = "thoughtspot/mail (thoughtspot.md:92)";
const TRANSFER: &str = "thoughtspot/file-transfer (thoughtspot.md:91)";
const NAMES: &str = "site/names (site file:35)";

/// A store of two days, one of them sealed, in which packets went either way.
fn recorded(fate: Fate) -> TempDir {
    let directory = TempDir::new().expect("a directory");
    let mut recorder = Recorder::new(directory.path(), fate);
    for day in 0..2 {
        let at = BEGIN + day * DAY + 2 * HOUR;
        recorder.pass("out 25/tcp", MAIL, 12);
        recorder.pass("out 53/udp", NAMES, 400);
        recorder.pass("443/tcp", "thoughtspot/secure-web (thoughtspot.md:27)", 9);
        let mut drop = |source, port, reason, rules, packets| {
            recorder.drop(at, &Drop { source, port, reason, rules, packets });
        };
        drop("198.51.100.7", "443/tcp", Reason::SourceNotAdmitted, &[], 3);
        drop("203.0.113.80", "out 443/tcp", Reason::DestinationNotAdmitted, &[TRANSFER], 20);
        drop("203.0.113.80", "out 25/tcp", Reason::DestinationNotAdmitted, &[MAIL], 2);
        drop("192.0.2.9", "out 9999/udp", Reason::Undocumented, &[], 5);
        drop("", "out -", Reason::Short, &[], 1);
        // The same address, as a source.
        drop("203.0.113.80", "23/tcp", Reason::Undocumented, &[], 7);
        recorder.drop_unseen("out 443/tcp", 4);
        recorder.settle(at + 60);
    }
    directory
}

fn report(site: &str, directory: &TempDir) -> Report {
    let site = |in_force: &InForce| Some(accepts_of(site, in_force));
    Report::new(&reader(directory.path()), about("db1", PERIOD), None, site, None).expect("it can be read")
}

/// The part of `text` under `heading`.
fn part<'t>(text: &'t str, heading: &str) -> &'t str {
    let (_, rest) = text.split_once(&format!("## {heading}\n")).expect("the heading is there");
    rest.split_once("\n## ").map_or(rest, |(part, _)| part).trim()
}

#[test]
fn a_ticket_tells_what_the_node_may_connect_to_and_what_was_never_used() {
    let directory = recorded(Fate::Dropped);
    let text = markdown(&report("outbound.toml", &directory));
    let told = part(&text, "What this node may connect to");
    // The cluster's own rows are many, and alike.
    let few = told.lines().filter(|line| !line.contains("| nodes | never | analytics |"));
    assert_snapshot!(few.collect::<Vec<_>>().join("\n"));
    assert_snapshot!("where-to", part(&text, "Where to"));
}

#[test]
fn each_way_of_outbound_is_said_in_a_sentence() {
    let directory = recorded(Fate::Dropped);
    let mut report = report("outbound.toml", &directory);
    let mut says = |outbound: Option<Outbound>| {
        let accepts = report.accepts.as_mut().expect("a site is known");
        match outbound {
            Some(outbound) => accepts.reaches.as_mut().expect("it judges what leaves").outbound = outbound,
            None => accepts.reaches = None,
        }
        (markdown(&report), html_page(&report))
    };
    let ways = [
        (Some((Mode::Enforce, Posture::Drop)), "is filtered (outbound enforce)", "enforce, posture drop"),
        (
            Some((Mode::Observe, Posture::Pass)),
            "is counted only (outbound observe)",
            "observe, posture pass: nothing",
        ),
        (None, "is not filtered (outbound off)", "off: what leaves is not filtered"),
    ];
    for (outbound, sentence, line) in ways {
        let (ticket, page) =
            says(outbound.map(|(mode, posture)| Outbound { mode, posture, attach: OutboundAttach::Auto }));
        let section = part(&ticket, "What this node may connect to");
        assert!(section.contains(&format!("What leaves this node {sentence}")), "{section}");
        assert_eq!(section.lines().count() == 1, outbound.is_none(), "{section}");
        assert!(ticket.contains(&format!("| Outbound | {line}")), "{ticket}");
        assert!(page.contains(sentence) && page.contains(&format!("<dd>{line}")), "{line}");
    }
}

#[test]
fn a_page_without_a_judgement_of_what_leaves_has_no_destinations() {
    let directory = crate::recorded(Fate::Dropped);
    let page = html_page(&report("both.toml", &directory));
    assert!(page.contains("What leaves this node is not filtered (outbound off)."));
    assert!(!page.contains("Where to") && !page.contains("of them outbound"));
}

#[test]
fn figures_of_either_direction_come_to_what_was_counted() {
    for fate in [Fate::Dropped, Fate::WouldDrop] {
        let directory = recorded(fate);
        let report = report("outbound.toml", &directory);
        let refused = |totals: portguard::report::Totals| totals.dropped.packets + totals.would_drop.packets;
        assert_eq!((refused(report.totals), report.totals.passed.packets), (2 * 42, 2 * 421));
        let outbound = report.totals_outbound();
        assert_eq!((refused(outbound), outbound.passed.packets), (2 * 32, 2 * 412));
        // Whatever is told by source is told, in either direction; what is not is what the kernel had no place for.
        let lost = report.gaps.lost.reasons.iter();
        let lost: Vec<_> =
            lost.map(|row| (row.direction, row.reason.as_str(), row.refused, row.lost)).collect();
        let expected = [
            (Direction::In, "source_not_admitted", 6, 0),
            (Direction::In, "undocumented", 14, 0),
            (Direction::Out, "destination_not_admitted", 52, 8),
            (Direction::Out, "short", 2, 0),
            (Direction::Out, "undocumented", 10, 0),
        ];
        assert_eq!(lost, expected);
        let rows = report.sources.rows.iter().map(|row| (row.direction, row.ports.join(", ")));
        let expected = [
            (Direction::Out, "out 443/tcp, out 25/tcp"),
            (Direction::In, "23/tcp"),
            (Direction::Out, "out 9999/udp"),
            (Direction::In, "443/tcp"),
            (Direction::Out, "out -"),
        ];
        assert_eq!(
            rows.collect::<Vec<_>>(),
            expected.map(|(direction, ports)| (direction, ports.to_owned()))
        );
        let undocumented = report.undocumented.iter().map(|port| (port.direction, port.port.as_str()));
        let expected =
            [(Direction::In, "23/tcp"), (Direction::Out, "out 9999/udp"), (Direction::In, "443/tcp")];
        assert_eq!(undocumented.collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_spreadsheet_has_a_column_for_the_direction_and_tells_no_packet_twice() {
    let directory = recorded(Fate::Dropped);
    let days = reader(directory.path()).drops_by_day(PERIOD, 1024).unwrap();
    let mut text = Vec::new();
    write_csv("db1", &days, &mut text).unwrap();
    let mut sheet = csv::Reader::from_reader(text.as_slice());
    assert_eq!(&sheet.headers().unwrap()[13], "direction");
    let (mut packets, mut outbound) = (0, 0);
    for record in sheet.records() {
        let record = record.unwrap();
        let of_record: u64 = record[8].parse().unwrap();
        packets += of_record;
        if &record[13] == "out" {
            outbound += of_record;
        }
        assert_eq!(record[4].starts_with("out ") || record[4].is_empty(), &record[13] == "out", "{record:?}");
    }
    assert_eq!((packets, outbound), (2 * 42, 2 * 32));
}
