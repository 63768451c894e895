//! The policies that come with the binary.

/// A policy that comes with the binary.
#[derive(Clone, Copy, Debug)]
pub struct BuiltIn {
    /// The name that sites use.
    pub name: &'static str,
    /// The name that diagnostics show for it.
    pub file: &'static str,
    /// Its TOML.
    pub text: &'static str,
}

macro_rules! built_in {
    ($name:literal) => {
        BuiltIn {
            name: $name,
            file: concat!("policies/", $name, ".toml"),
            text: include_str!(concat!("../../../policies/", $name, ".toml")),
        }
    };
}

/// Every policy that comes with the binary.
pub const BUILT_IN: &[BuiltIn] = &[
    built_in!("event-store"),
    built_in!("influxdb-enterprise"),
    built_in!("redis-enterprise"),
    built_in!("thoughtspot"),
    built_in!("wso2"),
];

/// The policy of this name that comes with the binary.
pub fn built_in(name: &str) -> Option<BuiltIn> {
    BUILT_IN.iter().copied().find(|policy| policy.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{policy, reading::Source};

    #[test]
    fn every_policy_that_comes_with_the_binary_is_sound_and_has_the_name_it_goes_by() {
        for built_in in BUILT_IN {
            let policy = policy::parse(&Source::new(built_in.file, built_in.text)).unwrap();
            assert_eq!(policy.name, built_in.name);
        }
    }
}
