//! What verbs that read the record have in common: where it is, and the daemon that writes it.

use std::path::{Path, PathBuf};

use crate::{
    audit::{AuditError, DropFilter, FILE, Order, Reader, Span},
    daemon::{DaemonError, RUNTIME_DIR, Reply, Request, STATE_DIR, ask},
};

/// Where the record is.
#[derive(Debug, clap::Args)]
pub struct RecordArgs {
    /// The directory that the record is in
    #[arg(long, value_name = "DIR", default_value = STATE_DIR)]
    state_dir: PathBuf,
    /// The directory of the daemon's control socket
    #[arg(long, value_name = "DIR")]
    runtime_dir: Option<PathBuf>,
}

impl RecordArgs {
    pub(super) fn directory(&self) -> &Path {
        &self.state_dir
    }

    pub(super) fn reader(&self) -> Result<Reader, AuditError> {
        Reader::open(&self.state_dir.join(FILE))
    }

    /// What the daemon says to `request`, if it is that of this record, and answers. What the kernel knows at this moment is
    /// in the record then.
    pub(super) fn ask(&self, request: Request) -> Result<Option<Reply>, DaemonError> {
        let directory = match &self.runtime_dir {
            Some(directory) => directory,
            None if self.state_dir == Path::new(STATE_DIR) => Path::new(RUNTIME_DIR),
            // A copy, or another machine's: this machine's daemon knows nothing of it.
            None => return Ok(None),
        };
        // Who asks for drops has them brought in first. Where that fails, the other answer tells.
        let nothing = DropFilter {
            span: Span { since: 0, until: 1 },
            source: None,
            port: None,
            rule: None,
            reason: None,
            order: Order::Latest,
            limit: 0,
        };
        let _: Result<Reply, DaemonError> = ask(directory, Request::Drops { filter: nothing });
        match ask(directory, request) {
            Ok(reply) => Ok(Some(reply)),
            Err(DaemonError::NotRunning { .. } | DaemonError::Silent(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
