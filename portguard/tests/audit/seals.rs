//! Days that are over are sealed, and whatever is done to them afterwards is found.

use std::{fs, path::Path, process::Command};

use insta::assert_snapshot;
use portguard::audit::{ChangeKind, Limits, Reader, Seal, Store, Verification};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::kernel::{DAY, HOUR, Kernel, change, days};

/// Five days that are sealed, with drops in three hours of each, and a sixth that is not.
pub(crate) fn sealed() -> (TempDir, Vec<Seal>) {
    let directory = TempDir::new().expect("a directory");
    let mut store =
        Store::open(&directory.path().join("audit.db"), Limits::default()).expect("nobody else writes");
    let mut kernel = Kernel::new("boot-1");
    let mut seals = Vec::new();
    for day in 0..6 {
        for hour in [1, 2, 23] {
            let at = DAY + day * 24 * HOUR + hour * HOUR;
            kernel.pass("8086/tcp", 10);
            kernel.drop(at, "203.0.113.9", "8086/tcp", hour);
            kernel.drop(at, "2001:db8::9", "8088/tcp", 2);
            kernel.drop_unseen("8088/tcp", 1);
            kernel.settle(&mut store, at);
        }
        store
            .change(&change(DAY + day * 24 * HOUR, ChangeKind::Generation, "generation 7"))
            .expect("recorded");
        seals.extend(store.keep(DAY + day * 24 * HOUR + 700).expect("there is space").sealed);
    }
    (directory, seals)
}

pub(crate) fn verify(directory: &Path) -> Verification {
    Reader::open(&directory.join("audit.db")).expect("it can be read").verify(None).expect("it can be read")
}

#[test]
fn a_day_is_sealed_when_it_is_over_and_chained_to_the_one_before() {
    let (directory, seals) = sealed();
    let told: Vec<(u64, &str)> = seals.iter().map(|seal| (seal.sequence, seal.day.as_str())).collect();
    let expected =
        [(1, "2026-11-21"), (2, "2026-11-22"), (3, "2026-11-23"), (4, "2026-11-24"), (5, "2026-11-25")];
    assert_eq!(told, expected);
    assert!(seals.windows(2).all(|pair| pair[0].hash == pair[1].previous && pair[0].hash.len() == 64));
    let found = verify(directory.path());
    assert!(found.is_whole(), "{:?}", found.faults);
    assert_eq!((found.sealed, found.unsealed.as_slice()), (5, &["2026-11-26".to_owned()][..]));
    assert_eq!(found.head.as_deref(), Some(seals[4].hash.as_str()));
    assert_eq!(Reader::open(&directory.path().join("audit.db")).unwrap().seals().unwrap(), seals);
}

#[test]
fn a_day_is_not_sealed_before_it_is_over_for_ten_minutes_nor_twice() {
    let directory = TempDir::new().unwrap();
    let mut store = Store::open(&directory.path().join("audit.db"), Limits::default()).unwrap();
    let mut kernel = Kernel::new("boot-1");
    kernel.settle(&mut store, DAY);
    let mut sealed = |now| store.keep(now).unwrap().sealed.len();
    assert_eq!(sealed(DAY + 24 * HOUR - 1), 0);
    assert_eq!(sealed(DAY + 24 * HOUR + 599), 0);
    assert_eq!(sealed(DAY + 24 * HOUR + 600), 1);
    assert_eq!(sealed(DAY + 24 * HOUR + 600), 0);
}

#[test]
fn the_same_records_give_the_same_seals_wherever_they_are_kept() {
    let (first, seals) = sealed();
    let (_second, again) = sealed();
    assert_eq!(seals, again);
    let copy = first.path().join("copy");
    fs::create_dir(&copy).unwrap();
    let connection = Connection::open(first.path().join("audit.db")).unwrap();
    connection.execute("VACUUM INTO ?1", [copy.join("audit.db").to_str().unwrap()]).unwrap();
    assert_eq!(verify(&copy), verify(first.path()));
}

#[test]
fn one_byte_that_is_changed_in_what_is_recorded_of_a_source_is_found() {
    let (directory, _) = sealed();
    let path = directory.path().join("audit.db");
    let told = |path: &Path| {
        let reader = Reader::open(path).ok()?;
        let told = reader.verify(None).ok()?;
        Some((told, reader.drops(&crate::kernel::all(days(DAY, 5))).ok()?))
    };
    let whole = told(&path).expect("it can be read");
    let bytes = fs::read(&path).unwrap();
    let place = TempDir::new().unwrap();
    let copy = place.path().join("audit.db");
    // Where a source is recorded, and what is recorded of it.
    let source = [203, 0, 113, 9];
    let places = (0..bytes.len() - 16).filter(|&at| bytes[at..].starts_with(&source));
    let places: Vec<usize> = places.flat_map(|at| at..at + 12).collect();
    let mut noticed = 0;
    for at in places {
        let mut changed = bytes.clone();
        changed[at] ^= 0x5a;
        fs::write(&copy, changed).unwrap();
        if let Some((found, drops)) = told(&copy) {
            assert!(!found.is_whole() || drops == whole.1, "a change of byte {at} goes unnoticed");
            noticed += u32::from(!found.is_whole());
        }
    }
    assert!(noticed > 100, "{noticed} changes were noticed");
}

#[test]
fn what_the_writer_verifies_is_kept_for_those_who_read() {
    let (directory, _) = sealed();
    let path = directory.path().join("audit.db");
    assert_eq!(Reader::open(&path).unwrap().last_verification().unwrap(), None);
    let found = Store::open(&path, Limits::default()).unwrap().verify(DAY + 7).unwrap();
    assert!(found.is_whole());
    assert_eq!(Reader::open(&path).unwrap().last_verification().unwrap(), Some((DAY + 7, found)));
}

/// What the verb prints and how it ends.
fn verb(directory: &Path, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_portguard"))
        .args(["audit", "verify", "--state-dir"])
        .arg(directory)
        .args(arguments)
        .output()
        .expect("the binary was built with this test");
    let told = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8")).concat();
    let code = output.status.code().expect("it was not killed");
    format!("exit code {code}\n{}", told.replace(directory.to_str().expect("UTF-8"), "DIR"))
}

#[test]
fn the_verb_answers_with_its_exit_code() {
    let (directory, seals) = sealed();
    assert_snapshot!("verify-whole", verb(directory.path(), &[]));
    assert_snapshot!("verify-noted", verb(directory.path(), &["--head", &seals[1].hash.to_uppercase()]));
    assert_snapshot!("verify-rewritten", verb(directory.path(), &["--head", &"0".repeat(64)]));
    assert_snapshot!("verify-json", verb(directory.path(), &["--format", "json"]));
    let connection = Connection::open(directory.path().join("audit.db")).unwrap();
    connection.execute_batch("DELETE FROM change WHERE id = 2; UPDATE port_hour SET packets = 0").unwrap();
    drop(connection);
    assert_snapshot!("verify-changed", verb(directory.path(), &[]));
    let nothing = TempDir::new().unwrap();
    assert_snapshot!("verify-nothing", verb(nothing.path(), &[]));
    fs::write(nothing.path().join("audit.db"), "no such thing").unwrap();
    assert_snapshot!("verify-damaged", verb(nothing.path(), &[]));
}
