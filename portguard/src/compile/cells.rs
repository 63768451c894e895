//! Row by class: which rule of the row admits the class.

use portguard_common::abi::{CELLS_PER_PAGE, CellPage};

use super::{
    error::{CompileError, narrow},
    sources::Classes,
};
use crate::matrix::RuleId;

/// The pages of cells for `rows`.
pub(super) fn build(rows: &[Vec<RuleId>], classes: &Classes) -> Result<Vec<CellPage>, CompileError> {
    let count = rows.len() * classes.count() as usize;
    narrow::<u32>(count, "cells")?;
    let mut pages = vec![[0; CELLS_PER_PAGE as usize]; count.div_ceil(CELLS_PER_PAGE as usize)];
    let cells = pages.as_flattened_mut();
    for (row, rules) in rows.iter().enumerate() {
        for class in 0..classes.count() as usize {
            let admitting = rules.iter().position(|&rule| classes.admits(class, rule));
            cells[row * classes.count() as usize + class] = admitting
                .map_or(0, |position| u16::try_from(position + 1).expect("rows are counted when made"));
        }
    }
    Ok(pages)
}
