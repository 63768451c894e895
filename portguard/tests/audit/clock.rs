//! Clocks that jump.

use portguard::audit::{Change, ChangeKind, Limits, Store};
use tempfile::TempDir;

use crate::{
    kernel::{DAY, HOUR, Kernel, days, dropped, reader},
    seals::verify,
};

const YEARS: u64 = 10 * 365 * 24 * HOUR;

struct Node {
    directory: TempDir,
    store: Store,
    kernel: Kernel,
}

impl Node {
    fn new(limits: Limits) -> Self {
        let directory = TempDir::new().expect("a directory");
        let store = Store::open(&directory.path().join("audit.db"), limits).expect("nobody else writes");
        Self { directory, store, kernel: Kernel::new("boot-1") }
    }

    /// Drops one packet, by a clock that says `at`.
    fn drop_at(&mut self, at: u64) {
        self.kernel.drop(at, "203.0.113.9", "8086/tcp", 1);
        self.kernel.settle(&mut self.store, at);
        self.store.keep(at).expect("there is space");
    }

    /// Packets that are recorded on that day, after [`DAY`].
    fn on_day(&self, day: u64) -> u64 {
        let path = self.directory.path().join("audit.db");
        let (counted, told) = dropped(&path, days(DAY + day * 24 * HOUR, 1));
        assert_eq!(counted, told);
        counted
    }

    fn told(&self, kind: ChangeKind) -> Vec<Change> {
        let span = days(0, (DAY + 2 * YEARS) / 86_400);
        let changes = reader(&self.directory.path().join("audit.db")).changes(span).expect("it answers");
        changes.into_iter().filter(|change| change.kind == kind).collect()
    }

    fn assert_whole(&self) {
        let found = verify(self.directory.path());
        assert!(found.is_whole(), "{:?}", found.faults);
    }
}

#[test]
fn back_within_a_day_that_is_open_the_clock_is_followed_and_the_jump_is_told() {
    let mut node = Node::new(Limits::default());
    node.drop_at(DAY + 9 * HOUR);
    node.drop_at(DAY + 6 * HOUR);
    node.drop_at(DAY + 6 * HOUR - 59);
    let points = reader(&node.directory.path().join("audit.db")).series(days(DAY, 1), HOUR).unwrap().points;
    assert_eq!((points[5].dropped, points[6].dropped, points[9].dropped), (1, 1, 1));
    let told = node.told(ChangeKind::Clock);
    let [told] = told.as_slice() else { panic!("one jump is told, and no adjustment: {told:?}") };
    assert_eq!(
        told.says,
        "the clock went back by 3 h 0 min: it said 2026-11-21 09:00:00 UTC, and then 2026-11-21 06:00:00 UTC"
    );
}

#[test]
fn a_sealed_day_is_never_written_again() {
    let mut node = Node::new(Limits::default());
    for day in 0..3 {
        node.drop_at(DAY + day * 24 * HOUR + 12 * HOUR);
    }
    let sealed = reader(&node.directory.path().join("audit.db")).seals().unwrap();
    assert_eq!(sealed.len(), 2);
    node.drop_at(DAY + 10 * HOUR);
    node.drop_at(DAY + 11 * HOUR);
    assert_eq!([node.on_day(0), node.on_day(1), node.on_day(2)], [1, 1, 3]);
    let told = node.told(ChangeKind::Clock);
    let says: Vec<&str> = told.iter().map(|change| change.says.as_str()).collect();
    assert_eq!(
        says,
        [
            "the clock went back by 2 d 2 h: it said 2026-11-23 12:00:00 UTC, and then 2026-11-21 10:00:00 UTC",
            "the clock stands in 2026-11-21, which is sealed: what is recorded is booked on 2026-11-23 until the clock has \
             left it",
        ]
    );
    node.drop_at(DAY + 3 * 24 * HOUR + HOUR);
    node.assert_whole();
    let seals = reader(&node.directory.path().join("audit.db")).seals().unwrap();
    assert_eq!(seals[..2], sealed);
    assert_eq!(seals.len(), 3);
}

#[test]
fn years_ahead_for_an_hour_costs_nothing_and_the_days_go_on_where_they_were() {
    let mut node = Node::new(Limits { days: 10, ..Limits::default() });
    for day in 0..10 {
        node.drop_at(DAY + day * 24 * HOUR + 12 * HOUR);
    }
    let (today, jump) = (DAY + 9 * 24 * HOUR + 12 * HOUR, YEARS);
    for minutes in 0..60 {
        node.drop_at(today + jump + minutes * 60);
    }
    for day in 0..10 {
        assert_eq!(node.on_day(day), 1, "day {day} is there");
    }
    // Back, on the same day, which was sealed when the clock left it.
    node.drop_at(today + 2 * HOUR);
    assert_eq!([node.on_day(9), node.on_day(10)], [1, 1]);
    node.drop_at(today + 24 * HOUR);
    node.drop_at(today + 48 * HOUR);
    assert_eq!([node.on_day(10), node.on_day(11)], [2, 1]);
    node.assert_whole();
    assert_eq!(node.told(ChangeKind::Gap).len(), 1, "the way ahead");
    assert_eq!(node.told(ChangeKind::Clock).len(), 2, "the way back, and the day that is sealed");
}

#[test]
fn years_ahead_for_days_costs_a_week_of_the_oldest_for_each_day() {
    let mut node = Node::new(Limits { days: 30, hourly_days: 30, source_days: 30, ..Limits::default() });
    for day in 0..30 {
        node.drop_at(DAY + day * 24 * HOUR + 12 * HOUR);
    }
    let left = |node: &Node| (0..30).filter(|&day| node.on_day(day) == 1).count();
    let ahead = DAY + 29 * 24 * HOUR + YEARS;
    node.drop_at(ahead + HOUR);
    assert_eq!(left(&node), 30);
    node.drop_at(ahead + 25 * HOUR);
    assert_eq!(left(&node), 23);
    node.drop_at(ahead + 49 * HOUR);
    assert_eq!(left(&node), 16);
    node.assert_whole();
}

#[test]
fn a_clock_that_goes_back_to_days_without_records_is_followed() {
    let mut node = Node::new(Limits::default());
    for day in [20, 21, 22] {
        node.drop_at(DAY + day * 24 * HOUR + 12 * HOUR);
    }
    for day in [5, 6, 7] {
        node.drop_at(DAY + day * 24 * HOUR + 12 * HOUR);
    }
    assert_eq!([5, 6, 7, 20, 21, 22].map(|day| node.on_day(day)), [1; 6]);
    let seals = reader(&node.directory.path().join("audit.db")).seals().unwrap();
    let days: Vec<&str> = seals.iter().map(|seal| seal.day.as_str()).collect();
    assert_eq!(days, ["2026-12-11", "2026-12-12", "2026-11-26", "2026-11-27"]);
    node.assert_whole();
}
