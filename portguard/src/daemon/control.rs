//! The daemon's end of the control socket: one question a connection, and nobody can keep the daemon waiting.
//!
//! Root may ask for anything, members of the group `portguard` for what changes nothing. Who asks is told by the kernel. What
//! changes something is begun only if its caller is there to hear of it ([`Caller::hears_of_it`]).

use std::{
    fs, io,
    os::{
        fd::{AsFd as _, AsRawFd as _, OwnedFd},
        unix::fs::{PermissionsExt as _, chown},
    },
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use nix::{
    errno::Errno,
    sys::{
        socket::{MsgFlags, send},
        stat::{Mode, umask},
    },
    unistd::{Group, geteuid},
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader as AsyncBufReader},
    net::{UnixListener, UnixStream},
    sync::{Semaphore, broadcast, mpsc, oneshot},
    task::JoinHandle,
    time::{sleep, timeout},
};

use super::{
    DaemonError,
    protocol::{PROTOCOL_VERSION, Reply, Request, Versioned},
};
use crate::events::Event;

/// The socket's name.
pub(super) const SOCKET: &str = "control.sock";
/// The most bytes that a question may have.
const MAX_REQUEST: u64 = 4096;
/// Callers that are served at once.
const MAX_CALLERS: usize = 64;
/// How long a caller may take to ask, and to take the answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Who may ask for what changes nothing, if there is such a group.
pub(super) const GROUP: &str = "portguard";

/// Who asks.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) uid: u32,
    stream: OwnedFd,
}

impl Caller {
    /// Whether it may ask for changes: root, or whoever runs the daemon.
    pub(super) fn is_root(&self) -> bool {
        self.uid == 0 || self.uid == geteuid().as_raw()
    }

    /// Says that what it asks for begins now. `false`: it has hung up, or waits no more, and that is not to be done.
    ///
    /// One step for both: a caller cannot go between a look whether it is there and the beginning.
    pub(super) fn hears_of_it(&self) -> bool {
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        // Nothing was written to it before: there is room.
        line(Reply::Begun).is_ok_and(|line| send(self.stream.as_raw_fd(), &line, flags) == Ok(line.len()))
    }
}

/// A question and where its answer goes.
pub(super) struct Query {
    pub(super) request: Request,
    pub(super) caller: Caller,
    pub(super) login: Option<String>,
    pub(super) answer: oneshot::Sender<Answer>,
}

/// What a caller gets.
#[derive(Debug)]
pub(super) enum Answer {
    /// One reply.
    Once(Reply),
    /// One reply, when it is found.
    Later(oneshot::Receiver<Reply>),
    /// A reply for each event, until it hangs up.
    Events(broadcast::Receiver<Event>),
}

/// The daemon's end. Dropping it removes the socket.
///
/// Callers are served by tasks of their own, so that none keeps the daemon, or another caller, waiting.
pub(super) struct ControlSocket {
    queries: mpsc::Receiver<Query>,
    listening: JoinHandle<()>,
    path: PathBuf,
}

impl ControlSocket {
    pub(super) async fn open(directory: PathBuf) -> Result<Self, DaemonError> {
        let path = directory.join(SOCKET);
        let error = |source| DaemonError::Socket { path: path.clone(), source };
        fs::create_dir_all(&directory).map_err(error)?;
        if UnixStream::connect(&path).await.is_ok() {
            return Err(DaemonError::Running { path });
        }
        // Nobody answers: what lies there is left over from a daemon that was killed.
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => return Err(error(source)),
            _ => {}
        }
        let listener = bind(&path).map_err(error)?;
        admit_group(&path).map_err(error)?;
        let (sender, queries) = mpsc::channel(MAX_CALLERS);
        let listening = tokio::spawn(listen(listener, sender));
        Ok(Self { queries, listening, path })
    }

    /// The next question.
    pub(super) async fn next(&mut self) -> Query {
        match self.queries.recv().await {
            Some(query) => query,
            // The listening task holds a sender as long as it lives, and it does not end by itself.
            None => std::future::pending().await,
        }
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        self.listening.abort();
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "the control socket could not be removed");
        }
    }
}

/// A socket that nobody but its owner can connect to, from its first moment on.
fn bind(path: &Path) -> io::Result<UnixListener> {
    let before = umask(Mode::from_bits_truncate(0o177));
    let listener = UnixListener::bind(path);
    umask(before);
    listener
}

/// Opens the socket to the group, where there is one. Until here nobody but its owner could connect.
fn admit_group(path: &Path) -> io::Result<()> {
    let group = match Group::from_name(GROUP) {
        Ok(Some(group)) => group,
        // An image of nothing but this program has no list of groups.
        Ok(None) | Err(Errno::ENOENT) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    chown(path, None, Some(group.gid.as_raw()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o660))
}

async fn listen(listener: UnixListener, queries: mpsc::Sender<Query>) {
    let places = Arc::new(Semaphore::new(MAX_CALLERS));
    loop {
        // Further callers wait in the socket's queue.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let queries = queries.clone();
                tokio::spawn(async move {
                    serve(stream, &queries).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a caller of the control socket could not be taken");
                // Out of descriptors, most likely; asking again at once would only burn the processor.
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Reads the question and writes the answer. A caller that is slow or talks nonsense is its own loss.
async fn serve(mut stream: UnixStream, queries: &mpsc::Sender<Query>) {
    let served = async {
        let caller = Caller { uid: stream.peer_cred()?.uid(), stream: stream.as_fd().try_clone_to_owned()? };
        let line = timeout(PATIENCE, question(&mut stream)).await??;
        match answer(&line, caller, queries).await {
            Answer::Once(reply) => write(&mut stream, reply).await,
            Answer::Later(reply) => write(&mut stream, reply.await.unwrap_or_else(|_| stopping())).await,
            Answer::Events(events) => stream_events(&mut stream, events).await,
        }
    };
    let served: io::Result<()> = served.await;
    if let Err(error) = served {
        tracing::debug!(%error, "a caller of the control socket hung up, or was too slow");
    }
}

async fn write(stream: &mut UnixStream, body: Reply) -> io::Result<()> {
    timeout(PATIENCE, stream.write_all(&line(body)?)).await?
}

fn line(body: Reply) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(&Versioned::new(body))?;
    line.push(b'\n');
    Ok(line)
}

/// Until the caller hangs up, which is told by its end of the stream even while nothing happens.
async fn stream_events(stream: &mut UnixStream, mut events: broadcast::Receiver<Event>) -> io::Result<()> {
    loop {
        let mut end = [0];
        let event = tokio::select! {
            _ = stream.read(&mut end) => return Ok(()),
            event = events.recv() => event,
        };
        let reply = match event {
            Ok(event) => Reply::Event(Box::new(event)),
            Err(broadcast::error::RecvError::Lagged(missed)) => Reply::Missed(missed),
            Err(broadcast::error::RecvError::Closed) => return Ok(()),
        };
        write(stream, reply).await?;
    }
}

async fn question(stream: &mut UnixStream) -> io::Result<String> {
    let mut line = String::new();
    AsyncBufReader::new(stream.take(MAX_REQUEST)).read_line(&mut line).await?;
    Ok(line)
}

async fn answer(line: &str, caller: Caller, queries: &mpsc::Sender<Query>) -> Answer {
    let error = |text: String| Answer::Once(Reply::Error(text));
    let (request, login) = match serde_json::from_str::<Versioned<Request>>(line) {
        Ok(Versioned { version: PROTOCOL_VERSION, login, body }) => (body, login),
        Ok(Versioned { version, .. }) => {
            return error(format!(
                "this daemon speaks version {PROTOCOL_VERSION} of the control protocol, the request version {version}"
            ));
        }
        Err(fault) => return error(format!("not a request: {fault}")),
    };
    let (answer, answered) = oneshot::channel();
    if queries.send(Query { request, caller, login, answer }).await.is_err() {
        return Answer::Once(stopping());
    }
    answered.await.unwrap_or_else(|_| Answer::Once(stopping()))
}

fn stopping() -> Reply {
    Reply::Error("the daemon is stopping".to_owned())
}
