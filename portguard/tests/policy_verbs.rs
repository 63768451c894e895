//! `portguard policy`: what each verb prints where, writes, and refuses.

mod support;

use std::{collections::BTreeSet, fs, path::Path};

use insta::assert_snapshot;
use portguard::{
    policy::{self, BUILT_IN, Policy, PolicyName, skeleton, unsupported},
    reading::Source,
};
use support::portguard;
use tempfile::TempDir;

fn parsed(text: &str) -> Policy {
    policy::parse(&Source::new("policy.toml", text)).unwrap_or_else(|faults| panic!("{faults:#?}\n{text}"))
}

fn name(name: &str) -> PolicyName {
    name.parse().expect("it is a name")
}

/// A path in `directory` as an argument.
fn path(directory: &TempDir, name: &str) -> String {
    directory.path().join(name).to_str().expect("the temporary directory is UTF-8").to_owned()
}

#[test]
fn list_and_show_have_the_policies_that_come_with_portguard() {
    let listed = portguard(&["policy", "list"]);
    for built_in in BUILT_IN {
        assert!(listed.contains(&format!("\n{} ", built_in.name)), "{listed}");
        let shown = portguard(&["policy", "show", built_in.name]);
        assert_eq!(shown, format!("exit code 0\n--- stdout\n{}--- stderr\n", built_in.text));
    }
    assert_snapshot!(portguard(&["policy", "show", "redis-enterprize"]));
}

#[test]
fn check_says_what_a_policy_holds() {
    assert_snapshot!("check", portguard(&["policy", "check", "policies/offsets.toml"]));
    assert_snapshot!("check-zones", portguard(&["policy", "check", "policies/zones.toml"]));
}

#[test]
fn check_tells_all_faults_of_all_files_and_what_is_sound() {
    let shown = portguard(&[
        "policy",
        "check",
        "policies/zones.toml",
        "invalid-policies/truncated.toml",
        "invalid-policies/unknown-keys.toml",
        "gone.toml",
    ]);
    assert_snapshot!(shown);
}

#[test]
fn check_looks_up_the_lines_in_the_document() {
    let built_in = policy::built_in("redis-enterprise").unwrap();
    let directory = TempDir::new().unwrap();
    let sound = path(&directory, "redis.toml");
    fs::write(&sound, built_in.text).unwrap();
    let shown = portguard(&["policy", "check", &sound, "--document", "documents/redis-tables.md"]);
    assert!(shown.starts_with("exit code 0\n"), "{shown}");
    assert!(shown.contains("documents/redis-tables.md bears out every line that is cited"), "{shown}");

    let moved = built_in.text.replace("line = 34", "line = 36").replace("line = 35", "line = 34");
    let moved = moved.replace("line = [34, 12]", "line = [34, 999]").replace("line = 44", "line = 47");
    fs::write(&sound, moved).unwrap();
    let shown = portguard(&["policy", "check", &sound, "--document", "documents/redis-tables.md"]);
    assert_snapshot!(shown.replace(&sound, "redis.toml"));
}

#[test]
fn a_port_that_the_policy_infers_need_not_stand_in_the_document() {
    let text =
        skeleton(&name("x"), "x.md").replace("inferred = [\"from\", \"protocol\"]", "inferred = [\"ports\"]");
    let who = |fault: &policy::Citation| fault.to_string().split('`').nth(1).unwrap().to_owned();
    let faults: BTreeSet<String> = unsupported(&parsed(&text), "one\ntwo").iter().map(who).collect();
    assert!(faults.contains("web-plain") && !faults.contains("web"), "{faults:?}");
}

#[test]
fn one_document_belongs_to_one_policy() {
    assert_snapshot!(portguard(&[
        "policy",
        "check",
        "policies/zones.toml",
        "policies/offsets.toml",
        "--document",
        "documents/lists.md"
    ]));
}

#[test]
fn the_skeleton_is_sound_as_it_is_and_with_all_its_examples_switched_on() {
    for document in ["my-product.md", "a \"quoted\" \\ name.md", "zeilen\numbruch.md", "page'''.md"] {
        let text = skeleton(&name("my-product"), document);
        let policy = parsed(&text);
        assert_eq!((policy.name.as_str(), policy.title.as_str()), ("my-product", "My Product"));
        assert_eq!(policy.document, document);
    }
    let policy = parsed(&switched_on(&skeleton(&name("x"), "x.md")));
    assert_eq!((policy.rules.len(), policy.zones.len()), (9, 1));
}

/// The skeleton with the lines that are examples, `#` and no space, as if they were none.
fn switched_on(skeleton: &str) -> String {
    let example = |line: &str| line.starts_with('#') && !line.starts_with("# ") && line.len() > 1;
    let lines = skeleton.lines().map(|line| if example(line) { &line[1..] } else { line });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_skeleton_shows_each_key_that_the_manual_teaches() {
    let manual =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/policies.md")).unwrap();
    // What stands before is about sites.
    let (_, manual) = manual.split_once("\n## The file\n").unwrap();
    let keys = |text: &str| -> BTreeSet<String> {
        let key = |line: &str| line.split_once(" = ").map(|(key, _)| key.to_owned());
        let is_key = |key: &String| {
            !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        };
        text.lines().filter_map(key).filter(is_key).collect()
    };
    let examples: String =
        manual.split("```toml").skip(1).filter_map(|block| block.split("```").next()).collect();
    let tables: BTreeSet<String> = manual
        .lines()
        .filter(|line| line.starts_with("| `"))
        .filter_map(|line| line.split('|').nth(1))
        .flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let skeleton = switched_on(&skeleton(&name("x"), "x.md"));
    let shown = keys(&skeleton);
    let taught = keys(&examples);
    assert!(taught.len() > 20, "{taught:?}");
    assert_eq!(taught.difference(&shown).collect::<Vec<_>>(), [""; 0], "keys");
    let unseen: Vec<&String> = tables.iter().filter(|word| !skeleton.contains(word.as_str())).collect();
    assert!(tables.len() > 15 && unseen.is_empty(), "{unseen:?} of {tables:?}");
}

#[test]
fn new_writes_what_check_accepts_and_never_over_a_file() {
    let directory = TempDir::new().unwrap();
    let file = path(&directory, "my-product.toml");
    let new = ["policy", "new", "--name", "my-product", "--document", "doc/page.md", "--output", &file];
    assert_snapshot!("new", portguard(&new).replace(&file, "my-product.toml"));
    let written = fs::read_to_string(&file).unwrap();
    assert_eq!(written, skeleton(&name("my-product"), "page.md"));
    let checked = portguard(&["policy", "check", &file]);
    assert!(checked.starts_with("exit code 0\n") && checked.ends_with("--- stderr\n"), "{checked}");

    fs::write(&file, "mine").unwrap();
    assert_snapshot!("new-again", portguard(&new).replace(&file, "my-product.toml"));
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    assert!(portguard(&[&new[..], &["--force"]].concat()).starts_with("exit code 0\n"));
    assert_eq!(fs::read_to_string(&file).unwrap(), written);
}

#[test]
fn new_without_a_file_writes_to_standard_output() {
    let shown = portguard(&["policy", "new", "--name", "my-product"]);
    let text = skeleton(&name("my-product"), "my-product.md");
    assert_eq!(shown, format!("exit code 0\n--- stdout\n{text}--- stderr\n"));
}

#[test]
fn a_name_that_is_none_is_wrong_usage() {
    assert_snapshot!(portguard(&["policy", "new", "--name", "my product"]));
}

#[test]
fn each_verb_has_help_with_an_example() {
    for verb in ["show", "check", "new", "import"] {
        let shown = portguard(&["policy", verb, "--help"]);
        assert!(shown.contains(&format!("\n  portguard policy {verb} ")), "{shown}");
    }
    assert_snapshot!(portguard(&["policy", "--help"]));
}
