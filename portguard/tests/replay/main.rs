//! What `replay` answers about captures, whole, cut and hostile, as people and programs see it.

mod connections;
mod file;
mod frames;
mod hostile;
mod shown;
#[path = "../support/mod.rs"]
mod support;

use std::fs;

/// What `replay` of a capture says; the file is called by its name alone.
fn replayed(name: &str, capture: &[u8], arguments: &[&str]) -> String {
    let directory = tempfile::tempdir().expect("there is a place for temporary files");
    let path = directory.path().join(name);
    fs::write(&path, capture).expect("the directory is there");
    let path = path.display().to_string();
    let mut all = vec!["replay", path.as_str()];
    all.extend(arguments);
    support::portguard(&all).replace(&path, name)
}

/// The reasons that it answers, in the order of the packets.
fn reasons(shown: &str) -> Vec<String> {
    let lines = shown.lines().filter(|line| line.starts_with("{\"index\":"));
    let values = lines.map(|line| serde_json::from_str::<serde_json::Value>(line).expect("a line is JSON"));
    values.map(|value| value["reason"].as_str().expect("it has a reason").to_owned()).collect()
}
