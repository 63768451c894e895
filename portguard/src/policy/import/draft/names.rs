//! Names, each given once.

use std::collections::{HashMap, HashSet};

/// The names that have been given, and where each wish goes on when it comes again.
#[derive(Default)]
pub(super) struct Names {
    given: HashSet<String>,
    next: HashMap<String, usize>,
}

impl Names {
    /// Gives `wanted` if it is free.
    pub(super) fn claim(&mut self, wanted: &str) -> Option<String> {
        self.given.insert(wanted.to_owned()).then(|| wanted.to_owned())
    }

    /// Gives `wanted`, with a number if it is taken.
    pub(super) fn give(&mut self, wanted: &str) -> String {
        if let Some(name) = self.claim(wanted) {
            return name;
        }
        let mut number = self.next.get(wanted).copied().unwrap_or(2);
        let name = loop {
            let name = format!("{wanted}-{number}");
            number += 1;
            if self.given.insert(name.clone()) {
                break name;
            }
        };
        self.next.insert(wanted.to_owned(), number);
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_given_once() {
        let mut names = Names::default();
        let given: Vec<String> = ["a", "a-2", "a", "a"].iter().map(|name| names.give(name)).collect();
        assert_eq!(given, ["a", "a-2", "a-3", "a-4"]);
        assert_eq!(names.claim("a"), None);
    }
}
