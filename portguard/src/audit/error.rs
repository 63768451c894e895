//! What can go wrong with the file, in the words of the person who must mend it.

use std::{
    io,
    path::{Path, PathBuf},
};

use rusqlite::ErrorCode;
use thiserror::Error;

/// Why the store cannot be opened, written or read. Whatever a failed write had begun is taken back.
#[derive(Debug, Error)]
pub enum AuditError {
    /// Another process writes.
    #[error(
        "another process records in {}: one at a time does; stop it (`systemctl stop portguard`), or use another --state-dir",
        path.display()
    )]
    Held {
        /// The file.
        path: PathBuf,
    },
    /// There is no store.
    #[error(
        "there is no audit store at {}; `portguard run` makes it: give the --state-dir that it was started with",
        path.display()
    )]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// Another version wrote it.
    #[error(
        "{} was written by another version of portguard (format {found}, this one knows {known}); use that version to read \
         it, or move it away and a new one is begun",
        path.display()
    )]
    OtherVersion {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// This version's.
        known: i64,
    },
    /// An earlier version wrote it, and none that writes it has been here since.
    #[error(
        "{} was written by an earlier version of portguard; `portguard run` makes it this version's when it starts, and nothing \
         in it is lost",
        path.display()
    )]
    Older {
        /// The file.
        path: PathBuf,
    },
    /// It is not a database, or not whole.
    #[error(
        "{} is damaged, or is no audit store ({reason}); move it away with the files beside it and a new one is begun: \
         `sqlite3 FILE .recover` reads what there is of the old one",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        reason: String,
    },
    /// There is no space.
    #[error(
        "there is no space left to record in {}; nothing that was recorded is lost, and counts are written as soon as there is \
         space again",
        path.display()
    )]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// The file can't be read where it is.
    #[error(
        "{} cannot be read where it is, since what was recorded last is still beside it, in {}-wal, and nobody may join them \
         there; copy both files to a directory that you may write, and read them there",
        path.display(),
        path.display()
    )]
    Unjoined {
        /// The file.
        path: PathBuf,
    },
    /// A file can't be made, or not be opened.
    #[error("cannot use {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// Anything else that SQLite says.
    #[error("cannot access the audit store {}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What it says.
        #[source]
        source: Box<rusqlite::Error>,
    },
}

impl AuditError {
    pub(super) fn file(path: &Path, source: io::Error) -> Self {
        Self::File { path: path.to_owned(), source }
    }

    /// What an error of SQLite's means.
    pub(super) fn of(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full { path },
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Damaged { path, reason: source.to_string() }
            }
            _ => Self::Database { path, source: Box::new(source) },
        }
    }
}
