//! Failsafe groups that admit more than administrators, or nobody.

use super::{Warning, addresses::AddressSet, lookup::Lookup};
use crate::site::Group;

/// Failsafe groups that hold more than a large site's administrators can have.
pub(super) fn wide(lookup: &Lookup<'_>) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for (group, at) in lookup.failsafe_groups() {
        let prefixes = AddressSet::new(group.prefixes.iter().map(|prefix| &prefix.value));
        warnings.extend(prefixes.wide_families().map(|(family, length)| Warning::WideFailsafe {
            group: group.name.value.clone(),
            family,
            length,
            at,
        }));
    }
    warnings
}

/// Failsafe groups without a member. Host names that nobody was asked about are no question.
pub(super) fn empty(lookup: &Lookup<'_>) -> Vec<Warning> {
    let unasked = |group: &Group| group.hosts.iter().any(|host| host.value.answer.is_none());
    let empty = lookup.failsafe_groups().filter(|(group, _)| group.prefixes.is_empty() && !unasked(group));
    empty.map(|(group, at)| Warning::EmptyFailsafe { group: group.name.value.clone(), at }).collect()
}
