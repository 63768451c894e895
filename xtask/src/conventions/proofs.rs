//! The tests that a document names as proofs, `FILE.rs::TEST` in code marks: whether there are such tests.

use std::{fs, path::Path};

/// The document that promises by naming tests.
pub(super) const DOCUMENT: &str = "docs/limitations.md";

/// What is named in `text` and is no test below `root`, by line.
pub(super) fn missing(root: &Path, text: &str) -> Vec<(usize, String)> {
    let mut faults = Vec::new();
    for (line, text) in text.lines().enumerate() {
        for (file, name) in named(text) {
            let places = [root.join("tests/tests").join(file), root.join(file)];
            let source = places.iter().find_map(|place| fs::read_to_string(place).ok());
            if !source.is_some_and(|source| is_test(&source, name)) {
                faults.push((line + 1, format!("there is no test {file}::{name}")));
            }
        }
    }
    faults
}

/// The files and tests that a line names.
fn named(line: &str) -> impl Iterator<Item = (&str, &str)> {
    // What is between marks is every other piece.
    line.split('`').skip(1).step_by(2).filter_map(|code| {
        let (file, name) = code.split_once(".rs::")?;
        Some((code.get(..file.len() + ".rs".len())?, name))
    })
}

fn is_test(source: &str, name: &str) -> bool {
    let head = format!("fn {name}()");
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    lines.windows(2).any(|pair| pair[0].ends_with("test]") && pair[1].starts_with(&head))
}

#[cfg(test)]
mod tests {
    use super::{is_test, named};

    #[test]
    fn tests_are_named_in_code_marks_with_their_file() {
        let line = "| 1 | `kill -9` | `lifetimes/pins.rs::it_stays`, `x.rs::y` and `z.rs` |";
        assert_eq!(named(line).collect::<Vec<_>>(), [("lifetimes/pins.rs", "it_stays"), ("x.rs", "y")]);
    }

    #[test]
    fn a_function_that_is_no_test_proves_nothing() {
        let source = "#[test]\nfn proves() {}\nfn helps() {}\n";
        assert!(is_test(source, "proves"));
        assert!(!is_test(source, "helps") && !is_test(source, "prove"));
    }
}
