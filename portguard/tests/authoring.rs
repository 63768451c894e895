//! The walk-through of `docs/authoring.md`: its files are written and its commands run, in its order.

use std::{fs, path::Path, process::Command};

use tempfile::TempDir;

/// What the manual's walk-through has between its words.
enum Step {
    /// A file to write.
    File { name: String, text: String },
    /// Commands to run.
    Commands(Vec<String>),
    /// What the last commands say.
    Said(String),
}

/// The fenced blocks: files have a name behind their language.
fn steps(manual: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut lines = manual.lines();
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```") else { continue };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        let text = block.join("\n") + "\n";
        match info.split_once(' ') {
            Some((_, name)) => steps.push(Step::File { name: name.to_owned(), text }),
            None if info == "sh" => {
                steps.push(Step::Commands(block.into_iter().map(str::to_owned).collect()));
            }
            None if info == "text" => steps.push(Step::Said(text)),
            None => assert_eq!(info, "console", "a block that the test does not know"),
        }
    }
    steps
}

/// Runs a command of the manual: what it says, on both channels. A comment may name the exit code.
fn run(line: &str, directory: &Path) -> String {
    let (command, comment) = line.split_once(" # ").unwrap_or((line, "exit code 0"));
    let mut words = command.split_whitespace();
    assert_eq!(words.next(), Some("portguard"), "{line}");
    let output = Command::new(env!("CARGO_BIN_EXE_portguard"))
        .args(words)
        .current_dir(directory)
        .output()
        .expect("the binary was built with this test");
    let said = String::from_utf8([output.stdout, output.stderr].concat()).expect("portguard writes UTF-8");
    let code = format!("exit code {}", output.status.code().expect("it was not killed"));
    assert!(comment.starts_with(&code), "{line}: {code}\n{said}");
    said
}

#[test]
fn the_walk_through_works_as_it_is_written() {
    let manual =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/authoring.md")).unwrap();
    let directory = TempDir::new().unwrap();
    let mut said = String::new();
    let (mut files, mut commands, mut outputs) = (0, 0, 0);
    for step in steps(&manual) {
        match step {
            Step::File { name, text } => {
                fs::write(directory.path().join(name), text).unwrap();
                files += 1;
            }
            Step::Commands(lines) => {
                commands += lines.len();
                said = lines.iter().map(|line| run(line, directory.path())).collect();
            }
            Step::Said(expected) => {
                assert_eq!(said, expected);
                outputs += 1;
            }
        }
    }
    assert_eq!((files, commands, outputs), (3, 8, 2));
}
