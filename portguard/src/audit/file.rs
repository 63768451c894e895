//! The file: how it is opened by the one who writes and by those who read, and who may.

use std::{
    fs::{self, DirBuilder, File, Permissions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use nix::{errno::Errno, unistd::Group};
use rusqlite::{Connection, OpenFlags};

use super::AuditError;

/// The file's name in the state directory.
pub const FILE: &str = "audit.db";

/// Who may read it beside root, if there is such a group: those who may ask the daemon.
const GROUP: &str = "portguard";
/// "PrtG": what `file` and SQLite know the file by.
const APPLICATION: i64 = 0x5072_7447;
/// Raised when the schema changes its meaning.
const FORMAT: i64 = 2;
const SCHEMA: &str = include_str!("schema.sql");
/// The part of the schema that format 1 has otherwise.
const DROPS: &str = include_str!("drops.sql");
/// What makes room for it, and moves what was recorded there.
const PUT_ASIDE: &str = "DROP VIEW drops_by_hour; ALTER TABLE drop_hour RENAME TO drop_hour_1; \
                         ALTER TABLE drop_day RENAME TO drop_day_1;";
const TAKE_OVER: &str = include_str!("format1.sql");

/// How long one waits for another connection that has the file for a moment.
const PATIENCE: Duration = Duration::from_secs(5);
/// The pages of the write-ahead log after which it is written back: it is a file of half a megabyte, and not of four.
const LOG_PAGES: i64 = 128;
/// The same in bytes, with what stands before each page.
const LOG_BYTES: u64 = LOG_PAGES.unsigned_abs() * (4096 + 24) + 32;

/// The writer's connection, and the lock that makes it the only one.
#[derive(Debug)]
pub(super) struct Writing {
    pub(super) connection: Connection,
    _lock: File,
}

/// Opens the file at `path` to write, and makes it where there is none.
pub(super) fn write(path: &Path) -> Result<Writing, AuditError> {
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        let made = DirBuilder::new().mode(0o750).recursive(true).create(directory);
        made.map_err(|source| AuditError::file(directory, source))?;
    }
    let lock = lock(path)?;
    admit_group(path).map_err(|source| AuditError::file(path, source))?;
    let error = |source| AuditError::of(path, source);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(error)?;
    connection.busy_timeout(PATIENCE).map_err(error)?;
    let is_new = is_empty(&connection).map_err(error)?;
    let before = if is_new { None } else { Some(format(&connection, path)?) };
    prepare(&mut connection, before).map_err(error)?;
    Ok(Writing { connection, _lock: lock })
}

impl Writing {
    /// Takes the write-ahead log of the file at `path` back to nothing where a transaction has made it longer than it should be. One
    /// that somebody reads stays until the next time.
    pub(super) fn shorten_log(&self, path: &Path) -> rusqlite::Result<()> {
        let log = fs::metadata(with_suffix(path, "-wal")).map_or(0, |log| log.len());
        if log <= LOG_BYTES {
            return Ok(());
        }
        self.connection.busy_timeout(Duration::ZERO)?;
        let shortened = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        self.connection.busy_timeout(PATIENCE)?;
        shortened
    }
}

/// How long whoever is going may hold the lock still: a process that it starts has it, too, until that is another program.
const GOING: Duration = Duration::from_millis(200);

/// A lock of its own file: SQLite's locks on its own are lost when anybody in the process closes it.
fn lock(path: &Path) -> Result<File, AuditError> {
    let beside = with_suffix(path, ".lock");
    let opened = File::options().write(true).create(true).truncate(false).mode(0o600).open(&beside);
    let file = opened.map_err(|source| AuditError::file(&beside, source))?;
    let until = Instant::now() + GOING;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < until => thread::sleep(GOING / 10),
            Err(TryLockError::WouldBlock) => return Err(AuditError::Held { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(AuditError::file(&beside, source)),
        }
    }
}

/// Makes the file where there is none, and opens it to the group where there is one. SQLite gives the files beside it the same
/// owner and mode.
fn admit_group(path: &Path) -> io::Result<()> {
    let file = File::options().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    drop(file);
    match Group::from_name(GROUP) {
        Ok(Some(group)) => match chown(path, None, Some(group.gid.as_raw())) {
            Ok(()) => fs::set_permissions(path, Permissions::from_mode(0o640)),
            // Who is not in the group may not give the file to it. It stays root's, and is written all the same.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
            Err(error) => Err(error),
        },
        // An image of nothing but this program has no list of groups.
        Ok(None) | Err(Errno::ENOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))
}

/// Makes a file of the format `before`, or a new one, one of this version's.
fn prepare(connection: &mut Connection, before: Option<i64>) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(64);
    // Each commit is on the disk before it is told.
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
    connection.pragma_update(None, "journal_size_limit", LOG_PAGES * 4096 * 2)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    if before == Some(FORMAT) {
        return Ok(());
    }
    let transaction = connection.transaction()?;
    let parts = if before.is_none() { [SCHEMA, DROPS, ""] } else { [PUT_ASIDE, DROPS, TAKE_OVER] };
    for part in parts {
        transaction.execute_batch(part)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()
}

/// Opens the file at `path` to read, whoever writes meanwhile.
pub(super) fn read(path: &Path) -> Result<Connection, AuditError> {
    match fs::metadata(path) {
        Err(source) if source.kind() == io::ErrorKind::NotFound => {
            return Err(AuditError::Missing { path: path.to_owned() });
        }
        Err(source) => return Err(AuditError::file(path, source)),
        Ok(_) => {}
    }
    let connection = match open_to_read(path, "") {
        // Nobody may make the files beside it here, as on a file system that is read-only. Without a log nobody writes, and
        // the file is all there is.
        Err(error) if is_unreachable(&error) => {
            let log = fs::metadata(with_suffix(path, "-wal")).map_or(0, |log| log.len());
            if log > 0 {
                return Err(AuditError::Unjoined { path: path.to_owned() });
            }
            open_to_read(path, "?immutable=1")
        }
        opened => opened,
    };
    let connection = connection.map_err(|source| AuditError::of(path, source))?;
    match format(&connection, path)? {
        FORMAT => Ok(connection),
        _ => Err(AuditError::Older { path: path.to_owned() }),
    }
}

fn open_to_read(path: &Path, how: &str) -> rusqlite::Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(format!("file:{}{how}", escaped(path)), flags)?;
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.set_prepared_statement_cache_capacity(32);
    // What stands in the way shows with the first question only.
    is_empty(&connection)?;
    Ok(connection)
}

fn is_unreachable(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{CannotOpen, ReadOnly};
    matches!(error.sqlite_error_code(), Some(CannotOpen | ReadOnly))
}

/// A format that this version knows.
fn format(connection: &Connection, path: &Path) -> Result<i64, AuditError> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let error = |source| AuditError::of(path, source);
    let (application, found) =
        (number("application_id").map_err(error)?, number("user_version").map_err(error)?);
    if application != APPLICATION {
        let reason = "another program's database".to_owned();
        return Err(AuditError::Damaged { path: path.to_owned(), reason });
    }
    if !(1..=FORMAT).contains(&found) {
        return Err(AuditError::OtherVersion { path: path.to_owned(), found, known: FORMAT });
    }
    Ok(found)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The path as a part of a URI.
fn escaped(path: &Path) -> String {
    use std::{fmt::Write as _, os::unix::ffi::OsStrExt as _};
    let mut text = String::new();
    for &byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'~' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                text.push(char::from(byte));
            }
            _ => write!(text, "%{byte:02X}").expect("writing to a string does not fail"),
        }
    }
    text
}
