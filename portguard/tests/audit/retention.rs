//! The record is bounded by age and by size, and what is left of it stays true.

use std::{fs, path::Path};

use portguard::audit::{ChangeKind, Limits, LostByReason, Span, Store};
use tempfile::TempDir;

use crate::{
    kernel::{DAY, HOUR, Kernel, all, days, dropped, reader},
    seals::verify,
};

const LIMITS: Limits = Limits { hourly_days: 3, source_days: 6, days: 10, bytes: 1 << 30 };

/// Records two hours of a day: one loud source, `others` quiet ones, and packets that are told by no source.
fn record_day(store: &mut Store, kernel: &mut Kernel, day: u64, others: u32) {
    let start = DAY + day * 24 * HOUR;
    for hour in [3, 20] {
        let at = start + hour * HOUR;
        kernel.drop(at, "203.0.113.9", "8086/tcp", 5);
        for other in 0..others {
            let address = format!("198.{}.{}.{}", 18 + day % 2, other / 256, other % 256);
            kernel.drop(at, &address, "8088/tcp", 1);
        }
        kernel.drop_unseen("8088/tcp", 2);
        kernel.settle(store, at);
    }
}

fn one_day(day: u64) -> Span {
    days(DAY + day * 24 * HOUR, 1)
}

#[test]
fn with_age_hours_become_days_then_lose_their_sources_and_are_gone_at_last() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("audit.db");
    let mut store = Store::open(&path, LIMITS).unwrap();
    let mut kernel = Kernel::new("boot-1");
    for day in 0..21 {
        store.keep(DAY + day * 24 * HOUR + 700).unwrap();
        record_day(&mut store, &mut kernel, day, 1);
    }
    // The last day that is sealed is the twentieth.
    let told: Vec<(u64, u64)> = (0..21).map(|day| dropped(&path, one_day(day))).collect();
    assert_eq!(told[..10], [(0, 0); 10], "gone");
    assert_eq!(told[10..14], [(16, 0); 4], "totals are left");
    assert_eq!(told[14..], [(16, 12); 7]);
    let reader = reader(&path);
    let by_loudest = |day| reader.drops(&all(one_day(day))).unwrap().by_loudest;
    assert_eq!([by_loudest(14), by_loudest(16), by_loudest(17), by_loudest(20)], [1, 1, 0, 0]);
    let points = reader.series(one_day(15), HOUR).unwrap();
    assert_eq!((points.whole_days, points.points[0].dropped), (1, 16));
    let lost = reader.lost(one_day(15)).unwrap();
    assert_eq!((lost.reasons[0].refused, lost.reasons[0].told, lost.reasons[0].lost), (16, 12, 4));
    let at_port = lost.ports.iter().find(|row| row.port == "8088/tcp").unwrap();
    assert_eq!((at_port.refused, at_port.told, at_port.lost), (6, 2, 4));
    let found = verify(directory.path());
    assert!(found.is_whole(), "{:?}", found.faults);
    assert_eq!((found.sealed, found.taken), (20, 17));
    let says = reader.changes(days(DAY, 30)).unwrap();
    let says: Vec<&str> = says
        .iter()
        .filter(|change| change.kind == ChangeKind::Retention)
        .map(|change| change.says.as_str())
        .rev()
        .take(3)
        .collect();
    assert_eq!(
        says,
        [
            "the records of 2026-11-30 are kept as seals only: more than 10 days old",
            "the records of 2026-12-04 are kept without their sources: more than 6 days old",
            "the records of 2026-12-07 are kept as days, without their hours: more than 3 days old",
        ]
    );
}

#[test]
fn beyond_its_size_the_oldest_days_are_shortened_and_never_the_newest() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("audit.db");
    let limits = Limits { bytes: 1 << 20, ..Limits::default() };
    let mut store = Store::open(&path, limits).unwrap();
    let mut kernel = Kernel::new("boot-1");
    for day in 0..30 {
        store.keep(DAY + day * 24 * HOUR + 700).unwrap();
        record_day(&mut store, &mut kernel, day, 1500);
        store.keep(DAY + day * 24 * HOUR + 21 * HOUR).unwrap();
        assert!(in_use(&path) <= limits.bytes, "{} bytes on day {day}", in_use(&path));
    }
    let counts: Vec<(u64, u64)> = (0..30).map(|day| dropped(&path, one_day(day))).collect();
    assert_eq!(counts[29], (3014, 3010), "the newest is whole");
    assert_eq!(counts[0].1, 0, "the oldest has lost its sources");
    assert!(counts.is_sorted_by_key(|&(_, told)| told), "the older, the less: {counts:?}");
    assert!(verify(directory.path()).is_whole());
    drop(store);
    assert!(fs::metadata(&path).unwrap().len() < 2 << 20);
}

/// The bytes of the file that are in use.
fn in_use(path: &Path) -> u64 {
    let connection = rusqlite::Connection::open(path).expect("it can be read");
    let pages = connection
        .query_row(
            "SELECT page_count - freelist_count FROM pragma_page_count, pragma_freelist_count",
            [],
            |row| row.get::<_, u32>(0),
        )
        .expect("it can be read");
    u64::from(pages) * 4096
}

#[test]
fn a_flood_from_a_million_sources_makes_the_file_grow_by_less_than_a_megabyte() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("audit.db");
    let mut store = Store::open(&path, Limits::default()).unwrap();
    let mut kernel = Kernel::new("boot-1");
    record_day(&mut store, &mut kernel, 0, 100);
    let files = || -> u64 {
        let entries = fs::read_dir(directory.path()).unwrap();
        entries.map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
    };
    let before = files();
    // Half a minute, harvested each five seconds; each source at a port of its own, too.
    let mut source = 0_u32;
    for harvest in 0..6 {
        let at = DAY + 20 * HOUR + 60 + harvest * 5;
        for _ in 0..166_667 {
            let [a, b, c, d] = source.wrapping_mul(2_654_435_761).to_be_bytes();
            let packets = 1 + u64::from(source % 7);
            kernel.drop_undocumented(
                at,
                &format!("{a}.{b}.{c}.{d}"),
                &format!("{}/udp", source % 65_536),
                packets,
            );
            source += 1;
        }
        kernel.drop(at, "203.0.113.77", "8086/tcp", 30);
        kernel.settle(&mut store, at);
    }
    let grown = files() - before;
    assert!(grown < 1 << 20, "{grown} bytes");
    let hour = Span { since: DAY + 20 * HOUR, until: DAY + 21 * HOUR };
    let lost = reader(&path).lost(hour).unwrap();
    let undocumented = lost.reasons.iter().find(|row| row.reason == "undocumented").unwrap();
    let packets: u64 = (0..source).map(|source| 1 + u64::from(source % 7)).sum();
    assert_eq!(undocumented.refused, packets, "totals are exact");
    let sum = |of: fn(&LostByReason) -> u64| lost.reasons.iter().map(of).sum::<u64>();
    assert_eq!(sum(|row| row.lost), lost.in_hour.packets + 2, "and so is what is missing");
    let drops = reader(&path).drops(&all(hour)).unwrap();
    let steady = drops.rows.iter().find(|row| row.source == Some("203.0.113.77".parse().unwrap()));
    assert_eq!(steady.unwrap().counted.packets, 180, "who is louder than the flood is told in full");
}
