//! Every diagnostic, in full, as people see it.

mod support;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use insta::assert_snapshot;
use portguard::{
    compile::CompileError,
    input::InputError,
    policy,
    reading::{Code, Colour, FileReport, Report, Source},
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
fn a_file_with_the_line_ends_of_another_system_is_shown_as_any_other() {
    let shown = |text: &str| {
        let source = Source::new("policy.toml", text);
        let mut report = Report::default();
        report.add(FileReport::new(source.clone(), policy::parse(&source).unwrap_err()));
        report.render(Colour::Never)
    };
    for name in files_in("invalid-policies") {
        let text = fs::read_to_string(directory().join(format!("invalid-policies/{name}.toml"))).unwrap();
        assert_eq!(shown(&text.replace('\n', "\r\n")), shown(&text), "{name}");
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
fn a_site_that_the_tables_cannot_hold_is_refused_with_its_code() {
    let told = |source| InputError::TooLarge { path: "site.toml".into(), source }.render(Colour::Never);
    let many = told(CompileError::TooMany { what: "rows", limit: 65_535 });
    assert_snapshot!(many + &told(CompileError::Unplaced { sources: 70_000 }));
}

fn read(path: PathBuf) -> String {
    fs::read_to_string(path).expect("the file belongs to the repository")
}

fn registered() -> BTreeSet<String> {
    Code::all().iter().map(|code| code.name.to_owned()).collect()
}

#[test]
fn the_register_holds_the_code_of_every_diagnostic_and_no_other() {
    let mut sources = Vec::new();
    collect(&directory().join("../src"), &mut sources);
    let used: Vec<String> = sources
        .into_iter()
        .flat_map(|path| {
            read(path).split("code(PG").skip(1).map(|rest| format!("PG{}", &rest[..4])).collect::<Vec<_>>()
        })
        .collect();
    let different: BTreeSet<String> = used.iter().cloned().collect();
    assert_eq!(used.len(), different.len(), "two diagnostics share a code: {used:?}");
    assert_eq!(different, registered());
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in directory.read_dir().expect("the sources are there") {
        let path = entry.expect("the directory can be read").path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}

#[test]
fn every_code_has_a_snapshot() {
    let snapshots = directory().join("snapshots").read_dir().expect("the snapshots are committed");
    let shown: String =
        snapshots.map(|entry| read(entry.expect("the directory can be read").path())).collect();
    let missing: Vec<String> =
        registered().into_iter().filter(|code| !shown.contains(code.as_str())).collect();
    assert!(missing.is_empty(), "no snapshot shows {missing:?}");
}

#[test]
fn every_code_has_one_section_in_the_manual_and_every_section_a_code() {
    let manual = read(directory().join("../../docs/diagnostics.md"));
    let sections: Vec<&str> = manual.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let expected: Vec<String> =
        Code::all().iter().map(|code| format!("{}: {}", code.name, code.title)).collect();
    assert_eq!(sections, expected);
    for section in manual.split("\n### ").skip(1) {
        let text = section.split_once('\n').map_or("", |(_, text)| text).trim();
        assert!(text.len() > 60 && text.contains("```"), "a section says too little: {section}");
    }
}
