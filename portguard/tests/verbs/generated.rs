//! What is made from the command line's own description: completions and man pages.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use clap::CommandFactory;
use insta::assert_snapshot;
use portguard::cli::Cli;

use crate::{answer, support::portguard};

fn verbs() -> BTreeSet<String> {
    Cli::command().get_subcommands().map(|verb| verb.get_name().to_owned()).collect()
}

fn directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    // What an earlier run left must not stand for what this one writes.
    drop(fs::remove_dir_all(&directory));
    directory
}

fn script(shell: &str) -> String {
    let shown = portguard(&["completions", shell]);
    let script = shown.strip_prefix("exit code 0\n--- stdout\n").expect("it succeeds");
    script.strip_suffix("--- stderr\n").expect("it says nothing else").to_owned()
}

#[test]
fn bash_completes_verbs_and_options() {
    let directory = directory("completions");
    fs::create_dir_all(&directory).unwrap();
    let path = directory.join("portguard.bash");
    fs::write(&path, script("bash")).unwrap();
    let completed = |words: &[&str]| {
        let (last, before) = (words[words.len() - 1], words[words.len() - 2]);
        let program = format!(
            "source {}; COMP_WORDS=({}); COMP_CWORD={}; _portguard portguard '{last}' '{before}'; echo \"${{COMPREPLY[*]}}\"",
            path.display(),
            words.join(" "),
            words.len() - 1,
        );
        let output = Command::new("bash").args(["--norc", "-c", &program]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(completed(&["portguard", "expl"]), "explain");
    assert_eq!(completed(&["portguard", "explain", "--bat"]), "--batch");
    assert_eq!(completed(&["portguard", "matrix", "--by", "po"]), "port");
}

#[test]
fn every_shell_knows_every_verb() {
    for shell in ["bash", "zsh", "fish"] {
        let script = script(shell);
        for verb in verbs() {
            assert!(script.contains(&verb), "{shell}: {verb}");
        }
    }
}

#[test]
fn a_shell_that_nobody_has_is_refused() {
    assert_snapshot!(answer(&["completions", "csh"]));
}

#[test]
fn there_is_a_page_for_the_program_and_one_for_each_verb() {
    let directory = directory("man");
    let shown = portguard(&["man", "--output", &directory.display().to_string()]);
    assert!(shown.starts_with("exit code 0\n"), "{shown}");
    let pages: BTreeSet<String> = directory
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for verb in verbs() {
        assert!(pages.contains(&format!("portguard-{verb}.1")), "{verb}: {pages:?}");
    }
    assert!(pages.contains("portguard.1"));
    for page in &pages {
        assert!(shown.contains(&format!("{}\n", directory.join(page).display())), "{page} is told");
    }
    assert_snapshot!(fs::read_to_string(directory.join("portguard-diff.1")).unwrap());
}

#[test]
fn pages_that_cannot_be_written_are_an_error() {
    assert_snapshot!(answer(&["man", "--output", "sites/both.toml/man"]));
}
