//! The policy that an author begins with: sound as it is, and with a place for each thing that a policy can say.

use super::PolicyName;

const SKELETON: &str = include_str!("skeleton.toml");

/// A commented policy of this name for `document`, which is a file name.
pub fn skeleton(name: &PolicyName, document: &str) -> String {
    // A file name may hold what TOML gives a meaning.
    let quoted = toml_edit::Value::from(document).to_string();
    let shown: String = document.chars().filter(|letter| !letter.is_control()).collect();
    SKELETON
        .replace("@NAME@", name.as_str())
        .replace("@TITLE@", &name.to_title())
        .replace("@QUOTED_DOCUMENT@", &quoted)
        .replace("@DOCUMENT@", &shown)
}
