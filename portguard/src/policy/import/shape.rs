//! Whether a page's tables are as large as they look.
//!
//! Rows that lack cells are filled up to the width of their table's heading. A heading of many columns over many lines
//! of one letter would make a small page large in memory, and is no page that a vendor wrote.

use thiserror::Error;

/// A page that no vendor wrote.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Misshapen {
    /// A table that is far larger than its text.
    #[error(
        "the lines from {line} on would make a table of {columns} columns, most of them empty: this is no page of ports"
    )]
    Wide {
        /// Where the table begins.
        line: usize,
        /// Its columns.
        columns: usize,
    },
    /// More lines than a policy can cite.
    #[error("{lines} lines are more than a policy can cite: this is no page of ports")]
    Long {
        /// The lines.
        lines: usize,
    },
}

/// The last line that a policy can cite.
const LINES: usize = 1_000_000;
/// How many cells a page may have for each byte of it; one that is written with all its bars has fewer than one.
const CELLS_PER_BYTE: usize = 4;
/// What every page may have.
const CELLS: usize = 4096;

pub(super) fn check(text: &str) -> Result<(), Misshapen> {
    let lines = text.lines().count();
    if lines > LINES {
        return Err(Misshapen::Long { lines });
    }
    let most = CELLS + CELLS_PER_BYTE * text.len();
    let mut cells = 0_usize;
    let (mut first, mut height, mut width) = (1, 0_usize, 0_usize);
    for (position, line) in text.lines().chain([""]).enumerate() {
        if line.trim().is_empty() {
            // No table goes on over an empty line.
            cells = cells.saturating_add(height * width);
            if cells > most {
                return Err(Misshapen::Wide { line: first, columns: width });
            }
            (first, height, width) = (position + 2, 0, 0);
        } else {
            height += 1;
            width = width.max(line.bytes().filter(|&byte| byte == b'|').count());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_as_large_as_its_text_is_accepted() {
        let row = "| 1 | 2 | 3 | 4 | 5 | 6 |\n";
        assert_eq!(check(&row.repeat(10_000)), Ok(()));
        assert_eq!(check(&format!("{row}x\n").repeat(100)), Ok(()));
    }

    #[test]
    fn a_table_far_larger_than_its_text_is_refused() {
        let text = format!("Ports\n\n{}\n{}\n{}", "|".repeat(500), "|-".repeat(500), "x\n".repeat(500));
        assert_eq!(check(&text), Err(Misshapen::Wide { line: 3, columns: 500 }));
    }
}
