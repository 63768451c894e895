//! Row by class: which rule of the row admits the class.

use portguard_common::abi::Cell;

use super::{
    error::{CompileError, fits},
    sources::Classes,
};
use crate::matrix::RuleId;

/// The cells of `rows`, one row after the other.
pub(super) fn build(rows: &[Vec<RuleId>], classes: &Classes) -> Result<Vec<Cell>, CompileError> {
    fits::<Cell>(
        rows.len() * classes.count() as usize,
        "different sources times different sets of rules for a port",
    )?;
    let mut cells = Vec::with_capacity(rows.len() * classes.count() as usize);
    // Of each rule: its ordinal in the row, 0 where it is not in it. Refilled for each row.
    let mut ordinals = vec![0; classes.rules().flatten().map(|rule| rule.index() + 1).max().unwrap_or(0)];
    for row in rows {
        // A rule that admits nobody needs no place.
        for (ordinal, rule) in (1..=Cell::MAX).zip(row) {
            if let Some(place) = ordinals.get_mut(rule.index()) {
                *place = ordinal;
            }
        }
        cells.extend(classes.rules().map(|rules| {
            let admitting = rules.iter().map(|rule| ordinals[rule.index()]).filter(|&ordinal| ordinal > 0);
            admitting.min().unwrap_or(0)
        }));
        for rule in row {
            if let Some(place) = ordinals.get_mut(rule.index()) {
                *place = 0;
            }
        }
    }
    Ok(cells)
}
