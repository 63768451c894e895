//! Killed at any moment, and without power at any moment.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use portguard::audit::{Limits, Store};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::kernel::{DAY, Kernel, days, dropped};

/// Where the child of [`a_process_that_is_killed_while_it_records_neither_loses_nor_doubles_a_packet`] works.
const PLACE: &str = "PORTGUARD_TEST_AUDIT_PLACE";
/// The harvests that it is to hand over.
const HARVESTS: u64 = 400;

/// The kernel of the child: what it has counted outlives who asks. Its file is replaced as one step.
fn kernel_at(epoch: u64) -> Kernel {
    let mut kernel = Kernel::new("boot-1");
    for filling in 0..=epoch {
        kernel.drain();
        kernel.epoch = filling;
        for source in 0..4 {
            let address = format!("203.0.113.{}", (filling + source) % 50);
            kernel.drop(DAY + filling, &address, "8086/tcp", source + 1);
        }
    }
    kernel
}

/// The packets of all harvests.
const PACKETS: u64 = HARVESTS * 10;

/// Records one filling of the table after the other, and drains each when it is recorded.
fn record_all(place: &Path) {
    let drained = place.join("drained");
    let mut store = Store::open(&place.join("audit.db"), Limits::default()).expect("nobody else writes");
    let mut epoch: u64 = fs::read_to_string(&drained).map_or(0, |text| text.parse().expect("a number"));
    while epoch < HARVESTS {
        store.record(&kernel_at(epoch).harvest(DAY + epoch)).expect("there is space");
        epoch += 1;
        let new = place.join("drained.new");
        fs::write(&new, epoch.to_string()).expect("there is space");
        fs::rename(new, &drained).expect("there is space");
    }
}

#[test]
#[ignore = "started, and killed, by the test below"]
fn child() {
    if let Some(place) = env::var_os(PLACE) {
        record_all(Path::new(&place));
    }
}

fn is_sound(path: &Path) -> bool {
    let connection = Connection::open(path).expect("it can be opened");
    let found: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("it can be examined");
    found == "ok"
}

#[test]
fn a_process_that_is_killed_while_it_records_neither_loses_nor_doubles_a_packet() {
    let place = TempDir::new().unwrap();
    let mut kills = 0;
    for round in 0..200_u64 {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "crash::child", "--ignored"])
            .env(PLACE, place.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        thread::sleep(Duration::from_micros(8_000 + round * 7_919 % 23_000));
        child.kill().unwrap();
        let ended = child.wait().unwrap();
        assert!(ended.code().is_none_or(|code| code == 0), "the child failed in round {round}");
        kills += u32::from(ended.code().is_none());
        let path = place.path().join("audit.db");
        if path.exists() && round % 10 == 0 {
            assert!(is_sound(&path), "after round {round}");
        }
        if ended.success() {
            break;
        }
    }
    assert!(kills >= 10, "the child was too quick to be killed: {kills}");
    record_all(place.path());
    let path = place.path().join("audit.db");
    assert!(is_sound(&path));
    assert_eq!(dropped(&path, days(DAY, 1)), (PACKETS, PACKETS));
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[test]
fn without_power_at_any_moment_a_prefix_of_what_was_recorded_is_there() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("audit.db");
    let mut store = Store::open(&path, Limits::default()).unwrap();
    let mut kernel = Kernel::new("boot-1");
    kernel.drop(DAY, "203.0.113.1", "8086/tcp", 1);
    kernel.settle(&mut store, DAY);
    // Written back, so that the file itself stays as it is while the log grows.
    let outside = Connection::open(&path).unwrap();
    outside.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(outside);
    let base = fs::read(&path).unwrap();
    let mut lengths = Vec::new();
    for packets in 2..=8 {
        kernel.drop(DAY, &format!("203.0.113.{packets}"), "8086/tcp", packets);
        kernel.settle(&mut store, DAY + packets);
        lengths.push(fs::metadata(beside(&path, "-wal")).unwrap().len());
    }
    let log = fs::read(beside(&path, "-wal")).unwrap();
    assert_eq!(fs::read(&path).unwrap(), base, "the log was not written back meanwhile");
    let sums: Vec<u64> = (1..=8).map(|last| (1..=last).sum()).collect();
    let cuts =
        (0..log.len()).step_by(997).chain(lengths.iter().map(|&length| usize::try_from(length).unwrap()));
    for cut in cuts {
        let place = TempDir::new().unwrap();
        let path = place.path().join("audit.db");
        fs::write(&path, &base).unwrap();
        fs::write(beside(&path, "-wal"), &log[..cut]).unwrap();
        let committed = lengths.iter().filter(|&&length| length <= cut as u64).count();
        drop(Store::open(&path, Limits::default()).unwrap());
        let (counted, told) = dropped(&path, days(DAY, 1));
        assert_eq!((counted, told), (sums[committed], sums[committed]), "cut at {cut} of {}", log.len());
        assert!(is_sound(&path));
    }
}
