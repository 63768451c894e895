//! What the record answers.

use insta::assert_json_snapshot;
use portguard::audit::{ChangeKind, DropFilter, Limits, Order, Reader, Span, Store};
use tempfile::TempDir;

use crate::kernel::{DAY, HOUR, Kernel, all, change, days, reader};

/// Two hours of one day with drops of every kind.
fn recorded() -> (TempDir, Reader) {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("audit.db");
    let mut store = Store::open(&path, Limits::default()).expect("nobody else writes");
    let mut kernel = Kernel::new("boot-1");
    store
        .change(&change(DAY + HOUR, ChangeKind::Start, "portguard starts, in mode enforce"))
        .expect("it is recorded");
    kernel.pass("8086/tcp", 100);
    kernel.drop(DAY + HOUR, "203.0.113.9", "8086/tcp", 5);
    kernel.drop(DAY + HOUR, "2001:db8::9", "8088/tcp", 2);
    kernel.would_drop(DAY + HOUR, "203.0.114.1", "8088/tcp", 4);
    kernel.drop_undocumented(DAY + HOUR, "198.51.100.7", "23/tcp", 50);
    kernel.drop_undocumented(DAY + HOUR, "", "-", 1);
    kernel.settle(&mut store, DAY + HOUR + 10);
    kernel.drop(DAY + 2 * HOUR, "203.0.113.9", "8086/tcp", 6);
    kernel.drop_unseen("8088/tcp", 7);
    kernel.settle(&mut store, DAY + 2 * HOUR + 10);
    store
        .change(&change(DAY + 2 * HOUR + 20, ChangeKind::Gap, "the daemon stood still"))
        .expect("it is recorded");
    drop(store);
    let reader = reader(&path);
    (directory, reader)
}

#[test]
fn drops_are_added_up_over_hours() {
    let (_directory, reader) = recorded();
    assert_json_snapshot!(reader.drops(&all(days(DAY, 1))).unwrap());
}

#[test]
fn totals_reasons_and_sources_are_told_in_full() {
    let (_directory, reader) = recorded();
    assert_json_snapshot!("totals", reader.totals(days(DAY, 1)).unwrap());
    assert_json_snapshot!("reasons", reader.by_reason(days(DAY, 1)).unwrap());
    assert_json_snapshot!("top-sources", reader.top_sources(days(DAY, 1), 2).unwrap());
    assert_json_snapshot!("lost", reader.lost(days(DAY, 1)).unwrap());
    assert_json_snapshot!("changes", reader.changes(days(DAY, 1)).unwrap());
    assert_eq!(reader.gaps(days(DAY, 1)).unwrap().len(), 1);
}

#[test]
fn a_port_is_asked_for_in_either_direction_unless_one_is_named() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("audit.db");
    let mut store = Store::open(&path, Limits::default()).expect("nobody else writes");
    let mut kernel = Kernel::new("boot-1");
    kernel.drop_undocumented(DAY, "198.51.100.7", "443/tcp", 2);
    kernel.drop_undocumented(DAY, "198.51.100.7", "out 443/tcp", 3);
    kernel.settle(&mut store, DAY + 10);
    let at_port = |port: &str| {
        let filter = DropFilter { port: Some(port.to_owned()), ..all(days(DAY, 1)) };
        let rows = reader(&path).drops(&filter).unwrap().rows;
        rows.iter().map(|row| row.counted.packets).collect::<Vec<u64>>()
    };
    assert_eq!([at_port("443/tcp"), at_port("443")], [[3, 2], [3, 2]]);
    assert_eq!([at_port("out 443/tcp"), at_port("out 443")], [[3], [3]]);
}

#[test]
fn each_filter_leaves_what_it_asks_for() {
    let (_directory, reader) = recorded();
    let day = days(DAY, 1);
    let packets = |filter: DropFilter| {
        let drops = reader.drops(&filter).unwrap();
        drops.rows.iter().map(|row| row.counted.packets).collect::<Vec<u64>>()
    };
    let by_source = |net: &str| packets(DropFilter { source: Some(net.parse().unwrap()), ..all(day) });
    assert_eq!(by_source("203.0.113.9/32"), [11]);
    assert_eq!(by_source("203.0.112.0/22"), [11, 4]);
    assert_eq!(by_source("2001:db8::/32"), [2]);
    assert_eq!(by_source("0.0.0.0/0"), [50, 11, 4]);
    let at_port = |port: &str| packets(DropFilter { port: Some(port.to_owned()), ..all(day) });
    assert_eq!(at_port("8086/tcp"), [11]);
    assert_eq!(at_port("8088"), [4, 2]);
    assert_eq!(at_port("808"), [0; 0]);
    assert_eq!(at_port("-"), [1]);
    let by_rule = |rule: &str| packets(DropFilter { rule: Some(rule.to_owned()), ..all(day) });
    assert_eq!(by_rule("redis-enterprise"), [11, 4, 2]);
    assert_eq!(by_rule("influxdb"), [0; 0]);
    assert_eq!(packets(DropFilter { reason: Some("undocumented".to_owned()), ..all(day) }), [50, 1]);
    assert_eq!(packets(DropFilter { order: Order::Latest, limit: 1, ..all(day) }), [11]);
    let hour = Span { since: DAY + 2 * HOUR + 1800, until: DAY + 2 * HOUR + 1801 };
    assert_eq!(packets(all(hour)), [6], "the whole hour that is touched");
    assert_eq!(reader.drops(&DropFilter { limit: 2, ..all(day) }).unwrap().more, 3);
}

#[test]
fn a_reader_sees_what_is_recorded_meanwhile_and_needs_no_writer() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("audit.db");
    let mut store = Store::open(&path, Limits::default()).unwrap();
    let reader = reader(&path);
    let mut kernel = Kernel::new("boot-1");
    for packets in 1..=3 {
        kernel.drop(DAY, "203.0.113.9", "8086/tcp", 1);
        kernel.settle(&mut store, DAY);
        assert_eq!(reader.totals(days(DAY, 1)).unwrap()[0].dropped.packets, packets);
    }
    drop((store, reader));
    assert_eq!(Reader::open(&path).unwrap().totals(days(DAY, 1)).unwrap()[0].dropped.packets, 3);
}

#[test]
fn sqlite_alone_reads_it_in_words() {
    let (directory, _reader) = recorded();
    let connection = rusqlite::Connection::open(directory.path().join("audit.db")).unwrap();
    let rows = |question: &str| -> Vec<String> {
        let mut statement = connection.prepare(question).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().collect::<rusqlite::Result<_>>().unwrap()
    };
    assert_eq!(
        rows(
            "SELECT concat_ws(' ', hour, source, port, reason, packets, last) FROM drops_by_hour ORDER BY packets, hour"
        ),
        [
            "2026-11-21 01:00:00 - undocumented 1 2026-11-21 01:00:00",
            "2026-11-21 01:00:00 2001:0db8:0000:0000:0000:0000:0000:0009 8088/tcp source_not_admitted 2 2026-11-21 01:00:00",
            "2026-11-21 01:00:00 203.0.114.1 8088/tcp source_not_admitted 4 2026-11-21 01:00:00",
            "2026-11-21 01:00:00 203.0.113.9 8086/tcp source_not_admitted 5 2026-11-21 01:00:00",
            "2026-11-21 02:00:00 203.0.113.9 8086/tcp source_not_admitted 6 2026-11-21 02:00:00",
            "2026-11-21 01:00:00 198.51.100.7 23/tcp undocumented 50 2026-11-21 01:00:00",
        ]
    );
    assert_eq!(
        rows("SELECT concat_ws(' ', port, rule, fate, packets) FROM ports_by_hour WHERE fate = 'passed'"),
        ["8086/tcp redis-enterprise/shards (redis-enterprise.md:46) passed 100"]
    );
    assert_eq!(rows("SELECT says FROM changes WHERE kind = 'gap'"), ["the daemon stood still"]);
    assert_eq!(
        rows("SELECT concat(reason, packets) FROM reasons_by_hour WHERE fate = 'would drop'"),
        ["source_not_admitted4"]
    );
}
