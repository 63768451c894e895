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
    let cells = rows.iter().flat_map(|rules| {
        (0..classes.count() as usize).map(|class| {
            let admitting = rules.iter().position(|&rule| classes.admits(class, rule));
            admitting.map_or(0, |position| Cell::try_from(position + 1).expect("rows are counted when made"))
        })
    });
    Ok(cells.collect())
}
