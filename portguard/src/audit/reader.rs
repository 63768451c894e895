//! Those who read: while the one who writes does, and when nobody does.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction};

use super::{AuditError, file};

/// The audit store, open to be read.
///
/// Each answer is that of one moment: a harvest is in it whole or not at all.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    connection: Connection,
}

impl Reader {
    /// Opens the store at `path`. Needs leave to read the file, and none to write anything.
    pub fn open(path: &Path) -> Result<Self, AuditError> {
        Ok(Self { path: path.to_owned(), connection: file::read(path)? })
    }

    /// Answers a question from one state of the file.
    pub(super) fn ask<T>(
        &self,
        question: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, AuditError> {
        let answer = || question(&self.connection.unchecked_transaction()?);
        answer().map_err(|source| AuditError::of(&self.path, source))
    }
}
