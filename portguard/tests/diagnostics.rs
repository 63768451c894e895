//! Every diagnostic, in full, as people see it.

mod support;

use std::{collections::BTreeSet, fs, path::PathBuf};

use insta::assert_snapshot;
use portguard::{
    policy,
    reading::{Colour, FileReport, Report, Source},
};
use support::{directory, portguard};

/// The names of the files in a directory of the tests, without `.toml`, sorted.
fn files_in(name: &str) -> BTreeSet<String> {
    let entries = directory().join(name).read_dir().expect("the directory belongs to the tests");
    let stem = |path: PathBuf| path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
    entries.map(|entry| stem(entry.expect("the directory can be read").path())).collect()
}

#[test]
fn each_wrong_site_is_refused_with_all_its_faults() {
    for name in files_in("invalid") {
        let shown = portguard(&["check", &format!("invalid/{name}.toml")]);
        assert!(shown.starts_with("exit code 2\n--- stdout\n--- stderr\n"), "{shown}");
        assert_snapshot!(format!("site-{name}"), shown);
    }
}

#[test]
fn each_wrong_policy_is_refused_with_all_its_faults() {
    for name in files_in("invalid-policies") {
        let path = format!("invalid-policies/{name}.toml");
        let source = Source::new(&path, &fs::read_to_string(directory().join(&path)).unwrap());
        let mut report = Report::default();
        report.add(FileReport::new(source.clone(), policy::parse(&source).unwrap_err()));
        assert_snapshot!(format!("policy-{name}"), report.render(Colour::Never));
    }
}

#[test]
fn what_is_odd_is_told_and_accepted() {
    assert_snapshot!(portguard(&["check", "sites/odd.toml"]));
}

#[test]
fn of_a_thousand_faults_fifty_are_shown_and_all_are_counted() {
    let text = (0..1000).map(|number| format!("x{number} = 1")).collect::<Vec<_>>().join("\n");
    let source = Source::new("thousand.toml", &text);
    let mut report = Report::default();
    report.add(FileReport::new(source.clone(), policy::parse(&source).unwrap_err()));
    let shown = report.render(Colour::Never);
    assert_eq!(report.count(), 1005, "a thousand unknown keys, four missing ones and no rules");
    assert_eq!(shown.matches("  × ").count(), 50);
    assert!(shown.contains("thousand.toml: 955 more are not shown"), "{shown}");
}

#[test]
fn every_code_has_a_snapshot() {
    let read = |path: PathBuf| fs::read_to_string(path).expect("the file belongs to the crate");
    let declared: BTreeSet<String> = ["reading", "policy", "site"]
        .iter()
        .map(|room| read(directory().join(format!("../src/{room}/fault.rs"))))
        .flat_map(|text| text.split("code(").skip(1).map(|rest| rest[..6].to_owned()).collect::<Vec<_>>())
        .collect();
    let shown: BTreeSet<String> = directory()
        .join("snapshots")
        .read_dir()
        .expect("the snapshots are committed")
        .map(|entry| read(entry.expect("the directory can be read").path()))
        .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let missing: Vec<&String> = declared.difference(&shown).collect();
    assert!(declared.len() > 40 && missing.is_empty(), "no snapshot shows {missing:?} of {declared:?}");
}
