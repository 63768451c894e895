//! What an earlier version recorded is read on.

use portguard::audit::{AuditError, Limits, Process, Reader, Store};
use rusqlite::Connection;

use crate::{
    kernel::{DAY, Kernel, all, days, dropped, reader},
    seals::{sealed, verify},
};

/// Takes out of a file what format 1 does not have.
const TO_FORMAT_1: &str = "
    DROP VIEW drops_by_hour;
    ALTER TABLE drop_hour RENAME TO newer_hour;
    ALTER TABLE drop_day RENAME TO newer_day;
    CREATE TABLE drop_hour (
        hour INTEGER NOT NULL, source BLOB NOT NULL, zone INTEGER NOT NULL, port INTEGER NOT NULL,
        reason INTEGER NOT NULL, rules INTEGER NOT NULL, would INTEGER NOT NULL, packets INTEGER NOT NULL,
        bytes INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
        PRIMARY KEY (hour, source, zone, port, reason, rules, would)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE drop_day (
        day INTEGER NOT NULL, source BLOB NOT NULL, zone INTEGER NOT NULL, port INTEGER NOT NULL,
        reason INTEGER NOT NULL, rules INTEGER NOT NULL, would INTEGER NOT NULL, packets INTEGER NOT NULL,
        bytes INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
        PRIMARY KEY (day, source, zone, port, reason, rules, would)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO drop_hour SELECT hour, source, zone, port, reason, rules, would, packets, bytes, first, last FROM newer_hour;
    INSERT INTO drop_day SELECT day, source, zone, port, reason, rules, would, packets, bytes, first, last FROM newer_day;
    DROP TABLE newer_hour;
    DROP TABLE newer_day;
    CREATE VIEW drops_by_hour AS SELECT hour FROM drop_hour;
    PRAGMA user_version = 1;";

#[test]
fn a_record_of_format_1_is_taken_over_with_its_seals() {
    let (directory, seals) = sealed();
    let path = directory.path().join("audit.db");
    let span = days(DAY, 6);
    let (before, counted) = (reader(&path).drops(&all(span)).unwrap(), dropped(&path, span));
    Connection::open(&path).unwrap().execute_batch(TO_FORMAT_1).unwrap();
    assert!(matches!(Reader::open(&path), Err(AuditError::Older { .. })), "nobody has taken it over yet");

    drop(Store::open(&path, Limits::default()).expect("it is taken over"));

    let found = verify(directory.path());
    assert!(found.is_whole(), "{:?}", found.faults);
    assert_eq!(found.head.as_deref(), Some(seals[4].hash.as_str()));
    assert_eq!(reader(&path).drops(&all(span)).unwrap(), before);
    assert_eq!(dropped(&path, span), counted);
    let view = "SELECT count(*) FROM drops_by_hour WHERE process IS NULL AND port = '8086/tcp'";
    let of_view: i64 = Connection::open(&path).unwrap().query_row(view, [], |row| row.get(0)).unwrap();
    assert!(of_view > 0);
}

#[test]
fn a_later_versions_record_is_left_alone() {
    let (directory, _) = sealed();
    let path = directory.path().join("audit.db");
    Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 3").unwrap();
    let opened = Store::open(&path, Limits::default());
    assert!(matches!(opened, Err(AuditError::OtherVersion { found: 3, known: 2, .. })), "{opened:?}");
}

#[test]
fn whoever_sent_it_is_kept_over_a_day_and_told_apart() {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("audit.db");
    let mut store = Store::open(&path, Limits::default()).unwrap();
    let mut kernel = Kernel::new("boot-1");
    let cron = Process { uid: 0, cgroup: Some("/system.slice/cron.service".to_owned()) };
    let gone = Process { uid: 33, cgroup: None };
    for (process, packets) in [(&cron, 5), (&gone, 3), (&cron, 2)] {
        kernel.refuse(DAY, "203.0.113.9", "out 443/tcp", packets, process);
        kernel.settle(&mut store, DAY);
    }
    let told = |path| {
        let rows = reader(path).drops(&all(days(DAY, 1))).unwrap().rows;
        rows.into_iter().map(|row| (row.process, row.counted.packets)).collect::<Vec<_>>()
    };
    let expected = [(Some(cron), 7), (Some(gone), 3)];
    assert_eq!(told(&path), expected);
    store.keep(DAY + 25 * 3600).unwrap();
    assert!(verify(directory.path()).is_whole());
    Connection::open(&path).unwrap().execute("DELETE FROM drop_hour", []).unwrap();
    let of_day = reader(&path).drops_by_day(days(DAY, 1), 10).unwrap();
    let of_day: Vec<_> =
        of_day[0].rows.iter().map(|row| (row.process.clone(), row.counted.packets)).collect();
    assert_eq!(of_day, expected);
}
