//! Interfaces by pattern: which of a site's interfaces holds for a name that the kernel gives.
//!
//! In a pattern `*` stands for any characters and `?` for one; every other character stands for itself, so that a name is
//! a pattern that matches itself alone. The narrowest match holds, whatever the order of the file. The loopback interface
//! is nothing that comes from outside, so only its own name matches it.

use std::{
    collections::BTreeSet,
    iter::{once, zip},
};

/// What no pattern matches.
const LOOPBACK: &str = "lo";
/// The longest name that the kernel gives.
pub(crate) const LONGEST: usize = 15;

/// Whether the name of an interface in a site file stands for several.
pub fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?'])
}

/// Whether `pattern` matches everything that `name` does; for a name that is none itself: whether it matches it.
pub fn covers(pattern: &str, name: &str) -> bool {
    if name == LOOPBACK {
        return pattern == LOOPBACK;
    }
    let (pattern, name) = (normal(pattern), normal(name));
    // Whether the pattern up to here takes the name up to there; `*` takes wildcards of the name as it takes letters.
    let mut taken = vec![false; name.len() + 1];
    taken[0] = true;
    for letter in pattern {
        let is_taken = |other: char| other == letter || (letter == '?' && other != '*');
        taken = if letter == '*' {
            let from_any = |any: &mut bool, taken| {
                *any |= taken;
                Some(*any)
            };
            taken.into_iter().scan(false, from_any).collect()
        } else {
            let after = zip(taken, &name).map(|(taken, &other)| taken && is_taken(other));
            once(false).chain(after).collect()
        };
    }
    taken[name.len()]
}

/// A run of wildcards has many spellings; this is the one with its `?` first and one `*` at most.
fn normal(pattern: &str) -> Vec<char> {
    let mut normal: Vec<char> = Vec::with_capacity(pattern.len());
    for letter in pattern.chars() {
        match (letter, normal.last()) {
            ('*', Some('*')) => {}
            ('?', Some('*')) => normal.insert(normal.len() - 1, '?'),
            _ => normal.push(letter),
        }
    }
    normal
}

/// Of `interfaces` the one that holds for `name`, which may itself be a pattern: the narrowest of those that cover it.
pub fn narrowest<'i, T>(interfaces: &'i [T], of: impl Fn(&T) -> &str, name: &str) -> Option<&'i T> {
    interfaces
        .iter()
        .filter(|interface| covers(of(interface), name))
        .reduce(|narrowest, other| if covers(of(narrowest), of(other)) { other } else { narrowest })
}

/// A name that both patterns match, if the kernel can give one.
pub(crate) fn common_name(left: &str, right: &str) -> Option<String> {
    let (left, right) = (normal(left), normal(right));
    let mut name = String::new();
    let found = Common { tried: BTreeSet::new(), name: &mut name }.find(&left, &right);
    found.then_some(name)
}

struct Common<'n> {
    /// What is left of both patterns, and the length so far, where there was no way on.
    tried: BTreeSet<(usize, usize, usize)>,
    name: &'n mut String,
}

impl Common<'_> {
    fn find(&mut self, left: &[char], right: &[char]) -> bool {
        if self.name.len() > LONGEST || !self.tried.insert((left.len(), right.len(), self.name.len())) {
            return false;
        }
        match (left, right) {
            ([], []) => self.name != LOOPBACK,
            (['*', rest @ ..], _) if self.find(rest, right) => true,
            (_, ['*', rest @ ..]) if self.find(left, rest) => true,
            (['*', ..], ['*', ..]) => self.with('?', left, right),
            (['*', ..], [letter, rest @ ..]) => self.with(*letter, left, rest),
            ([letter, rest @ ..], ['*', ..]) => self.with(*letter, rest, right),
            ([one, left @ ..], [other, right @ ..]) if one == other || *other == '?' => {
                self.with(*one, left, right)
            }
            (['?', left @ ..], [letter, right @ ..]) => self.with(*letter, left, right),
            _ => false,
        }
    }

    fn with(&mut self, letter: char, left: &[char], right: &[char]) -> bool {
        let length = self.name.len();
        self.name.push(if letter == '?' { '0' } else { letter });
        let found = self.find(left, right);
        if !found {
            self.name.truncate(length);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_star_is_any_characters_a_question_mark_is_one_and_lo_is_never_meant() {
        for (pattern, name) in [
            ("eth*", "eth0"),
            ("eth*", "eth"),
            ("eth?", "eth1"),
            ("*", "bond0.100"),
            ("e*0", "enp3s0"),
            ("b?nd*.1*", "bond0.100"),
            ("eth0", "eth0"),
            ("lo", "lo"),
            ("lo*", "lo0"),
        ] {
            assert!(covers(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in
            [("eth?", "eth10"), ("eth?", "eth"), ("eth", "eth0"), ("*", "lo"), ("l?", "lo"), ("e*0", "eth01")]
        {
            assert!(!covers(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn the_narrowest_holds_in_whatever_order_they_stand() {
        let mut names = vec!["*", "eth*", "eth1*", "eth1", "bond?"];
        for _ in 0..names.len() {
            names.rotate_left(1);
            let held = |name: &str| narrowest(&names, |name| name, name).copied();
            assert_eq!(held("eth1"), Some("eth1"));
            assert_eq!(held("eth10"), Some("eth1*"));
            assert_eq!(held("eth2"), Some("eth*"));
            assert_eq!(held("bond0"), Some("bond?"));
            assert_eq!(held("bond10"), Some("*"));
            assert_eq!(held("lo"), None);
            assert_eq!(held("eth1?"), Some("eth1*"), "of a pattern, what holds for all that it matches");
        }
    }

    #[test]
    fn a_name_that_two_patterns_share_is_found() {
        assert_eq!(common_name("eth*", "*0").as_deref(), Some("eth0"));
        assert_eq!(common_name("e??*", "*.1").as_deref(), Some("e.1"));
        assert_eq!(common_name("l*", "*o").as_deref(), Some("l0o"), "`lo` itself is matched by neither");
        assert_eq!(common_name("l?", "?o"), None);
        assert_eq!(common_name("eth*", "bond*"), None);
        assert_eq!(common_name("abcdefghij*", "*klmnopqrst"), None, "no name has so many letters");
    }

    fn names(alphabet: &'static str, most: usize) -> impl Strategy<Value = String> {
        let letters: Vec<char> = alphabet.chars().collect();
        proptest::collection::vec(proptest::sample::select(letters), 0..=most)
            .prop_map(|letters| letters.into_iter().collect())
    }

    /// Matching as the shell's manual tells it, one letter after the other.
    fn matches(pattern: &[u8], name: &[u8]) -> bool {
        match (pattern, name) {
            ([], _) => name.is_empty(),
            ([b'*', rest @ ..], _) => {
                matches(rest, name) || (!name.is_empty() && matches(pattern, &name[1..]))
            }
            ([b'?', rest @ ..], [_, others @ ..]) => matches(rest, others),
            ([letter, rest @ ..], [other, others @ ..]) => letter == other && matches(rest, others),
            (_, []) => false,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]

        #[test]
        fn names_match_as_a_shell_matches_them(pattern in names("ab*?", 6), name in names("ab", 8)) {
            prop_assert_eq!(covers(&pattern, &name), matches(pattern.as_bytes(), name.as_bytes()));
        }

        #[test]
        fn what_one_pattern_covers_of_another_it_matches(
            wide in names("ab*?", 5), narrow in names("ab*?", 5), name in names("abc", 7),
        ) {
            if covers(&wide, &narrow) && matches(narrow.as_bytes(), name.as_bytes()) {
                prop_assert!(matches(wide.as_bytes(), name.as_bytes()));
            }
        }

        #[test]
        fn a_common_name_is_one_of_both_and_is_found_if_there_is_one(
            left in names("ab*?", 5), right in names("ab*?", 5), name in names("ab", 7),
        ) {
            match common_name(&left, &right) {
                Some(found) => prop_assert!(
                    matches(left.as_bytes(), found.as_bytes()) && matches(right.as_bytes(), found.as_bytes())
                ),
                None => prop_assert!(
                    !matches(left.as_bytes(), name.as_bytes()) || !matches(right.as_bytes(), name.as_bytes())
                ),
            }
        }
    }
}
