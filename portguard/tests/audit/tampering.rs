//! What somebody with write access can do to sealed days, and what is found of it.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use insta::assert_snapshot;
use portguard::audit::Reader;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::{
    kernel::DAY,
    seals::{sealed, verify},
};

/// What is done, by SQL; `@` is the third day that is sealed.
const TAMPERING: [(&str, &str); 21] = [
    ("packets of a drop", "UPDATE drop_hour SET packets = 1 WHERE hour = @ * 24 + 23 AND packets = 23"),
    ("drops removed", "DELETE FROM drop_hour WHERE hour = @ * 24 + 1"),
    (
        "a drop added",
        "INSERT INTO drop_hour SELECT @ * 24 + 5, source, zone, port, reason, rules, process, would, packets, bytes, first, last
         FROM drop_hour LIMIT 1",
    ),
    ("somebody said to have sent it", "UPDATE drop_hour SET process = 1 WHERE hour = @ * 24 + 1"),
    ("another source", "UPDATE drop_day SET source = x'0A000001' WHERE day = @ AND length(source) = 4"),
    ("a count", "UPDATE port_hour SET packets = packets + 1 WHERE hour = @ * 24 + 2 AND fate = 0"),
    ("the reasons of a day removed", "DELETE FROM reason_day WHERE day = @"),
    ("what a change says", "UPDATE change SET says = 'nothing' WHERE id = 3"),
    ("a change removed", "DELETE FROM change WHERE id = 2"),
    ("a change on another day", "UPDATE change SET day = @ WHERE id = 2"),
    ("what a number stands for", "UPDATE label SET text = '9999/tcp' WHERE text = '8088/tcp'"),
    ("a seal removed", "DELETE FROM seal WHERE day = @"),
    ("a seal changed", "UPDATE seal SET hash = replace(hash, substr(hash, 1, 1), 'x') WHERE day = @"),
    (
        "a seal removed, and those after it renumbered",
        "DELETE FROM seal WHERE day = @; UPDATE seal SET sequence = sequence - 1 WHERE sequence > 3",
    ),
    ("what a seal covers", "UPDATE seal_section SET rows = rows + 1 WHERE day = @ AND section = 'drop_hour'"),
    ("what a seal covers, removed", "DELETE FROM seal_section WHERE day = @ AND section = 'change'"),
    ("a day removed", "DELETE FROM drop_hour WHERE hour / 24 = @; DELETE FROM seal_part WHERE day = @"),
    (
        "a day added",
        "INSERT INTO day (day) VALUES (@ - 30); INSERT INTO lost_hour VALUES ((@ - 30) * 24, 0, 1, 1)",
    ),
    ("records of a day that there was not", "INSERT INTO lost_hour VALUES ((@ - 30) * 24, 0, 1, 1)"),
    (
        "a day removed as if by retention",
        "DELETE FROM drop_hour WHERE hour / 24 = @; DELETE FROM port_hour WHERE hour / 24 = @;
         DELETE FROM reason_hour WHERE hour / 24 = @; INSERT INTO expiry VALUES (@, 1, 6, @ + 3)",
    ),
    (
        "the same, with a change that says so",
        "DELETE FROM drop_hour WHERE hour / 24 = @; DELETE FROM port_hour WHERE hour / 24 = @;
         DELETE FROM reason_hour WHERE hour / 24 = @;
         INSERT INTO change (id, day, at, kind, asked_by, says)
             VALUES (99, @ + 3, (@ + 3) * 86400, 'retention', 'portguard', 'the hours of a day');
         INSERT INTO expiry VALUES (@, 1, 99, @ + 3)",
    ),
];

/// A copy of the record in `directory` to which `statements` were done.
fn tampered(directory: &Path, statements: &str) -> (TempDir, PathBuf) {
    let place = TempDir::new().expect("a directory");
    let path = place.path().join("audit.db");
    fs::copy(directory.join("audit.db"), &path).expect("there is space");
    let third = DAY / 86_400 + 2;
    let connection = Connection::open(&path).expect("it can be opened");
    connection.execute_batch(&statements.replace('@', &third.to_string())).expect("it can be written");
    (place, path)
}

#[test]
fn whatever_is_changed_in_a_sealed_day_is_found_and_named() {
    let (directory, _) = sealed();
    let mut told = String::new();
    for (name, statements) in TAMPERING {
        let (place, _) = tampered(directory.path(), statements);
        let faults = verify(place.path()).faults;
        assert!(!faults.is_empty(), "{name} goes unnoticed");
        writeln!(told, "# {name}").unwrap();
        for fault in faults.iter().take(4) {
            writeln!(told, "{fault}").unwrap();
        }
        if faults.len() > 4 {
            writeln!(told, "and {} more", faults.len() - 4).unwrap();
        }
    }
    assert_snapshot!(told);
}

#[test]
fn a_chain_that_is_cut_at_its_end_is_found_by_a_hash_that_was_noted() {
    let (directory, seals) = sealed();
    let cut = "DELETE FROM seal WHERE day >= @; DELETE FROM day WHERE day >= @;
        DELETE FROM seal_section WHERE day >= @; DELETE FROM seal_part WHERE day >= @;
        DELETE FROM change WHERE day >= @; DELETE FROM expiry;
        DELETE FROM port_day WHERE day >= @; DELETE FROM port_hour WHERE hour >= @ * 24;
        DELETE FROM reason_day WHERE day >= @; DELETE FROM reason_hour WHERE hour >= @ * 24;
        DELETE FROM drop_day WHERE day >= @; DELETE FROM drop_hour WHERE hour >= @ * 24";
    let (_place, path) = tampered(directory.path(), cut);
    let reader = Reader::open(&path).unwrap();
    assert!(reader.verify(None).unwrap().is_whole(), "nothing in the file itself can say so");
    let found = reader.verify(Some(&seals[4].hash)).unwrap();
    assert_eq!(found.faults.len(), 1, "{:?}", found.faults);
    assert_eq!(reader.verify(Some(&seals[1].hash)).unwrap().noted.as_deref(), Some("2026-11-22"));
}
