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

    /// All answers are of one moment for as long as what is returned lives, whatever is recorded meanwhile: the figures of one
    /// answer are those of another.
    pub fn hold(&self) -> Result<Held<'_>, AuditError> {
        let held = self.connection.unchecked_transaction();
        held.map(Held).map_err(|source| AuditError::of(&self.path, source))
    }

    /// Answers a question from one state of the file.
    pub(super) fn ask<T>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, AuditError> {
        let answer = || {
            if !self.connection.is_autocommit() {
                return question(&self.connection);
            }
            question(&*self.connection.unchecked_transaction()?)
        };
        answer().map_err(|source| AuditError::of(&self.path, source))
    }
}

/// The store as it was at one moment.
#[derive(Debug)]
pub struct Held<'a>(#[expect(dead_code, reason = "it ends when it is dropped")] Transaction<'a>);
