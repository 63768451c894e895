//! Each packet is recorded once.

use portguard::audit::{AuditError, ChangeKind, Limits, Store};
use tempfile::TempDir;

use crate::kernel::{DAY, HOUR, Kernel, all, days, dropped, reader};

#[test]
fn a_harvest_that_is_handed_over_again_is_recorded_once() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("audit.db");
    let mut store = Store::open(&path, Limits::default()).unwrap();
    let mut kernel = Kernel::new("boot-1");
    kernel.pass("8086/tcp", 10);
    kernel.drop(DAY, "203.0.113.9", "8086/tcp", 5);
    for _ in 0..3 {
        store.record(&kernel.harvest(DAY)).unwrap();
    }
    drop(store);
    let mut store = Store::open(&path, Limits::default()).unwrap();
    store.record(&kernel.harvest(DAY + 10)).unwrap();
    assert_eq!(dropped(&path, days(DAY, 1)), (5, 5));
    kernel.drain();
    kernel.drop(DAY + 20, "203.0.113.9", "8086/tcp", 2);
    kernel.settle(&mut store, DAY + 20);
    assert_eq!(dropped(&path, days(DAY, 1)), (7, 7));
    let totals = reader(&path).totals(days(DAY, 1)).unwrap();
    assert_eq!(totals[0].rules[0].passed.packets, 10);
}

#[test]
fn another_filter_begins_at_zero() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("audit.db");
    let mut store = Store::open(&path, Limits::default()).unwrap();
    for (boot, packets) in [("boot-1", 5), ("boot-2", 3), ("boot-3", 9)] {
        let mut kernel = Kernel::new(boot);
        kernel.drop(DAY, "203.0.113.9", "8086/tcp", packets);
        kernel.settle(&mut store, DAY);
    }
    assert_eq!(dropped(&path, days(DAY, 1)), (17, 17));
    assert_eq!(reader(&path).gaps(days(DAY, 1)).unwrap(), []);
}

#[test]
fn counters_that_went_backwards_are_told_once_and_never_booked_twice() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("audit.db");
    let mut store = Store::open(&path, Limits::default()).unwrap();
    let mut kernel = Kernel::new("boot-1");
    kernel.drop_unseen("8086/tcp", 100);
    store.record(&kernel.harvest(DAY)).unwrap();
    let mut lower = Kernel::new("boot-1");
    lower.drop_unseen("8086/tcp", 40);
    store.record(&lower.harvest(DAY + 10)).unwrap();
    store.record(&lower.harvest(DAY + 20)).unwrap();
    assert_eq!(dropped(&path, days(DAY, 1)).0, 100);
    kernel.drop_unseen("8086/tcp", 1);
    store.record(&kernel.harvest(DAY + 30)).unwrap();
    assert_eq!(dropped(&path, days(DAY, 1)).0, 101);
    let gaps = reader(&path).gaps(days(DAY, 1)).unwrap();
    let [gap] = gaps.as_slice() else { panic!("one gap is told: {gaps:?}") };
    assert_eq!((gap.kind, gap.at), (ChangeKind::Gap, DAY + 10));
    assert!(gap.says.starts_with("2 of the kernel's counters stand lower"), "{}", gap.says);
    let mut absurd = Kernel::new("boot-1");
    absurd.drop_unseen("8086/tcp", u64::MAX / 60);
    store.record(&absurd.harvest(DAY + 40)).unwrap();
    assert_eq!(dropped(&path, days(DAY, 1)).0, 101);
}

#[test]
fn what_comes_to_a_counter_is_booked_in_its_hour() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("audit.db");
    let mut store = Store::open(&path, Limits::default()).unwrap();
    let mut kernel = Kernel::new("boot-1");
    for hour in 0..4 {
        kernel.drop(DAY + hour * HOUR, "2001:db8::9", "8088/tcp", hour + 1);
        kernel.settle(&mut store, DAY + hour * HOUR + 100);
    }
    let points = reader(&path).series(days(DAY, 1), HOUR).unwrap().points;
    let dropped: Vec<u64> = points.iter().map(|point| point.dropped).collect();
    assert_eq!((points.len(), &dropped[..5]), (24, &[1, 2, 3, 4, 0][..]));
}

#[test]
fn an_hour_has_places_for_the_loudest_and_the_rest_is_told_as_lost() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("audit.db");
    let mut store = Store::open(&path, Limits::default()).unwrap();
    let mut kernel = Kernel::new("boot-1");
    kernel.drop(DAY, "198.51.100.1", "8086/tcp", 500);
    kernel.settle(&mut store, DAY);
    // More sources than an hour has places, twice, and a loud one among them.
    for round in 0..2_u32 {
        for source in 0..6000_u32 {
            let address = format!("10.{round}.{}.{}", source / 256, source % 256);
            kernel.drop_undocumented(DAY + 60, &address, &format!("{source}/udp"), 1);
        }
        kernel.drop(DAY + 60, &format!("198.51.100.{}", round + 2), "8086/tcp", 300);
        kernel.settle(&mut store, DAY + 60);
    }
    let reader = reader(&path);
    let drops = reader.drops(&all(days(DAY, 1))).unwrap();
    assert_eq!(drops.rows.len(), 4096);
    let loudest: Vec<u64> = drops.rows.iter().take(4).map(|row| row.counted.packets).collect();
    assert_eq!(loudest, [500, 300, 300, 1]);
    let lost = reader.lost(days(DAY, 1)).unwrap();
    assert_eq!(lost.in_hour.packets, 12_000 - (4096 - 3));
    let undocumented = lost.reasons.iter().find(|row| row.reason == "undocumented").unwrap();
    assert_eq!((undocumented.refused, undocumented.told, undocumented.lost), (12_000, 4093, 7907));
    assert_eq!((lost.ports[0].refused, lost.ports[0].told, lost.ports[0].lost), (1100, 1100, 0));
}

#[test]
fn a_second_writer_is_refused_until_the_first_is_gone() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("audit.db");
    let store = Store::open(&path, Limits::default()).unwrap();
    let error = Store::open(&path, Limits::default()).unwrap_err();
    assert!(matches!(error, AuditError::Held { .. }), "{error}");
    assert!(error.to_string().contains("systemctl stop portguard"), "{error}");
    drop(store);
    Store::open(&path, Limits::default()).unwrap();
}

#[test]
fn what_is_no_audit_store_is_told_and_left_as_it_is() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("audit.db");
    assert!(matches!(portguard::audit::Reader::open(&path), Err(AuditError::Missing { .. })));
    std::fs::write(&path, "not a database, but longer than its header would be ".repeat(40)).unwrap();
    assert!(matches!(Store::open(&path, Limits::default()), Err(AuditError::Damaged { .. })));
    let foreign = directory.path().join("foreign.db");
    let connection = rusqlite::Connection::open(&foreign).unwrap();
    connection.execute_batch("CREATE TABLE theirs (x)").unwrap();
    drop(connection);
    let before = std::fs::read(&foreign).unwrap();
    assert!(matches!(Store::open(&foreign, Limits::default()), Err(AuditError::Damaged { .. })));
    assert_eq!(std::fs::read(&foreign).unwrap(), before);
}
