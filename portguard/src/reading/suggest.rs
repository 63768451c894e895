//! "Did you mean": the known name that is nearest to an unknown one.

/// The name of `known` that `unknown` is most likely a slip of: at most a third of its letters apart.
pub fn closest<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Who has more names than this to choose from has a list of their own.
    const COMPARED: usize = 500;
    let bound = (unknown.chars().count() / 3).max(1);
    known
        .into_iter()
        .take(COMPARED)
        .filter(|name| name.len().abs_diff(unknown.len()) <= bound)
        .map(|name| (distance(unknown, name), name))
        .filter(|&(distance, _)| distance <= bound)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, name)| name)
}

/// The remedy for an unknown name: the nearest known one, or all of them.
pub fn did_you_mean<'a>(unknown: &str, what: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match closest(unknown, known.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None if known.is_empty() => format!("there are no {what}"),
        None if known.len() == 1 => format!("of the {what} there is only {}", listed(&known)),
        None => format!("the {what} are {}", listed(&known)),
    }
}

/// `a`, `b` and `c`; of a long list the beginning.
fn listed(names: &[&str]) -> String {
    const SHOWN: usize = 20;
    const LONGEST: usize = 64;
    let mut text: Vec<String> =
        names.iter().take(SHOWN).map(|name| format!("`{}`", shortened(name, LONGEST))).collect();
    if names.len() > SHOWN {
        text.push(format!("{} more", names.len() - SHOWN));
    }
    match text.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => text.concat(),
    }
}

/// At most so many letters of a name that a message holds.
pub(super) fn shortened(name: &str, letters: usize) -> String {
    match name.char_indices().nth(letters) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

/// Levenshtein's distance, with neighbours swapped counted as one slip, and case and the two kinds of dash as equal. Long strings are no slips of names.
fn distance(left: &str, right: &str) -> usize {
    const LONGEST: usize = 40;
    if left.len() > LONGEST || right.len() > LONGEST {
        return usize::MAX;
    }
    let fold = |text: &str| -> Vec<char> {
        text.chars().map(|letter| if letter == '_' { '-' } else { letter.to_ascii_lowercase() }).collect()
    };
    let (left, right) = (fold(left), fold(right));
    let mut before: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=right.len()).collect();
    for (row, letter) in left.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, other) in right.iter().enumerate() {
            let replaced = previous[column] + usize::from(letter != other);
            let mut best = replaced.min(previous[column + 1] + 1).min(current[column] + 1);
            if row > 0 && column > 0 && left[row - 1] == *other && right[column - 1] == *letter {
                best = best.min(before[column - 1] + 1);
            }
            current.push(best);
        }
        before = previous;
        previous = current;
    }
    previous[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_name() {
        assert_eq!(closest("postrue", ["mode", "posture"]), Some("posture"));
        assert_eq!(closest("fsat", ["slow", "fast"]), Some("fast"));
        assert_eq!(closest("http-support", ["cm_port", "http_support"]), Some("http_support"));
    }

    #[test]
    fn a_stranger_finds_none() {
        assert_eq!(closest("zebra", ["mode", "posture"]), None);
        assert_eq!(did_you_mean("zebra", "keys", ["mode", "posture"]), "the keys are `mode` and `posture`");
        assert_eq!(did_you_mean("zebra", "keys", []), "there are no keys");
    }
}
