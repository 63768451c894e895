//! What can keep the daemon from starting, or a question from being answered.

use std::{fmt, io, path::PathBuf};

use thiserror::Error;

use super::Request;
use crate::{compile::CompileError, datapath::DatapathError, input::InputError};

/// Why the daemon does not run, or does not answer.
#[derive(Debug, Error)]
pub enum DaemonError {
    /// The site file cannot be used.
    #[error(transparent)]
    Site(Box<InputError>),
    /// The matrix does not compile.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The kernel refuses.
    #[error(transparent)]
    Datapath(#[from] DatapathError),
    /// Another daemon answers on the socket.
    #[error("another portguard is running: it answers on {}; stop it first, or use another --runtime-dir", path.display())]
    Running {
        /// The socket.
        path: PathBuf,
    },
    /// The socket cannot be made.
    #[error("cannot open the control socket {}", path.display())]
    Socket {
        /// The socket.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// Nobody answers on the socket.
    #[error(
        "no portguard answers on {} ({source}); is `portguard run` running, and are you root? Give --runtime-dir if it \
         was started with one",
        path.display()
    )]
    NotRunning {
        /// The socket.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Somebody is there, and says nothing.
    #[error(transparent)]
    Silent(Box<Silent>),
    /// Something was begun, and it is not known what came of it.
    #[error(
        "the portguard on {} has begun `{request}` and {why}: it may be done, half done, or done later; `portguard status` \
         tells",
        path.display()
    )]
    Unfinished {
        /// The socket.
        path: PathBuf,
        /// What was asked for.
        request: String,
        /// What the daemon is known to do instead of answering.
        why: &'static str,
    },
    /// The answer is none.
    #[error("the portguard on {} answered what this one does not understand; are both the same version?", path.display())]
    Garbled {
        /// The socket.
        path: PathBuf,
    },
    /// The daemon could not answer.
    #[error("portguard answered: {0}")]
    Refused(String),
    /// A site waits to be confirmed.
    #[error(
        "a site waits to be confirmed: `portguard confirm` keeps it, `portguard rollback` takes it back; nothing else is put \
         in force until then"
    )]
    Pending,
    /// None does.
    #[error("no site waits to be confirmed; was it taken back already? `portguard status` tells")]
    NothingPending,
    /// There is nothing to go back to.
    #[error("there is no site from before to go back to")]
    NothingBefore,
    /// The session that asks would end.
    #[error(
        "{0}: nothing was changed. Name that address in a rule or a group, or repeat with --despite-ssh if the session may end"
    )]
    CutsSession(String),
    /// It can't be promised that a site is taken back.
    #[error("that a site waits to be confirmed cannot be kept, so that nobody could promise to take it back")]
    Unkept(#[source] io::Error),
    /// The site file can't be written.
    #[error("cannot write {}, and nothing was changed", path.display())]
    Unwritten {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// The filter is off.
    #[error("the filter is off (portguard detach): nothing is guarded; `portguard reload` puts it on again")]
    Detached,
    /// What enforces was loaded by a version that keeps other records.
    #[error("what enforces was loaded by another version of portguard, and cannot be read by this one")]
    OtherVersion,
    /// Following is for a few.
    #[error("{0} are following already; end one of them")]
    TooManyFollowers(usize),
    /// The filter can't be given a name.
    #[error("cannot read /proc/sys/kernel/random/uuid, which names the filter; is /proc mounted?")]
    NoRandomness(#[source] io::Error),
    /// Capabilities cannot be put out of effect.
    #[error("cannot do without the capabilities that are not needed")]
    Privileges(#[source] caps::errors::CapsError),
    /// Signals cannot be waited for.
    #[error("cannot wait for signals")]
    Signals(#[source] io::Error),
}

/// A daemon that does not answer, and what it will not do therefore.
#[derive(Debug, Error)]
pub struct Silent {
    /// The socket.
    pub(super) path: PathBuf,
    /// What was asked for.
    pub(super) request: Request,
    /// The daemon, where the caller can see it.
    pub(super) pid: Option<i32>,
}

impl fmt::Display for Silent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, request, pid } = self;
        write!(f, "the portguard on {} does not answer: it hangs, is stopped, or is busy. ", path.display())?;
        if request.changes() {
            write!(f, "`{request}` was not begun, and will not be. ")?;
        }
        let kill = pid.map_or_else(|| "kill it".to_owned(), |pid| format!("kill it (`kill -KILL {pid}`)"));
        match request {
            Request::Detach => write!(f, "If the node is to be open all the same, {kill} and ask again"),
            _ => write!(
                f,
                "What is in force is so still. Ask again; if it stays silent, {kill} and start it again, which opens nothing"
            ),
        }
    }
}
