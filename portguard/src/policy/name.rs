//! The name that a policy is to have.

use std::str::FromStr;

use thiserror::Error;

use crate::reading::is_name;

/// A name that sites can use for a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyName(String);

/// What was given is no name.
#[derive(Debug, Error)]
#[error("a name begins with a letter and goes on with letters, digits, `-` and `_`, 64 at most")]
pub struct NotAName;

impl FromStr for PolicyName {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        if is_name(text) { Ok(Self(text.to_owned())) } else { Err(NotAName) }
    }
}

impl PolicyName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as one would write a product's: `my-product` is My Product.
    pub fn to_title(&self) -> String {
        let words = self.0.split(['-', '_']).filter(|word| !word.is_empty());
        let capitalised = words.map(|word| {
            let (first, rest) = word.split_at(1);
            first.to_uppercase() + rest
        });
        capitalised.collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_made_of_the_names_words() {
        let title = |name: &str| name.parse::<PolicyName>().unwrap().to_title();
        assert_eq!(title("my-product"), "My Product");
        assert_eq!(title("A_b--3c"), "A B 3c");
        assert!("my product".parse::<PolicyName>().is_err());
    }
}
