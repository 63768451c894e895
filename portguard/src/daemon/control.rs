//! The control socket: one question a connection, and nobody can keep the daemon waiting.
//!
//! Root may ask for anything, members of the group `portguard` for what changes nothing. Who asks is told by the kernel.

use std::{
    fs,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    ops::ControlFlow,
    os::unix::{
        fs::{PermissionsExt as _, chown},
        net::UnixStream as BlockingStream,
    },
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use nix::{
    errno::Errno,
    sys::stat::{Mode, umask},
    unistd::{Group, Uid, User, geteuid},
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

const SOCKET: &str = "control.sock";
/// The most bytes that a question may have.
const MAX_REQUEST: u64 = 4096;
/// Callers that are served at once.
const MAX_CALLERS: usize = 64;
/// The most bytes of an answer that are read.
const MAX_REPLY: u64 = 64 << 20;
/// How long a caller may take to ask, and to take the answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a caller waits for the answer: a generation with a million addresses takes seconds.
const WORK: Duration = Duration::from_mins(2);

/// Who may ask for what changes nothing, if there is such a group.
pub(super) const GROUP: &str = "portguard";

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) uid: u32,
}

impl Caller {
    /// Whether it may ask for changes: root, or whoever runs the daemon.
    pub(super) fn is_root(self) -> bool {
        self.uid == 0 || self.uid == geteuid().as_raw()
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
        let caller = Caller { uid: stream.peer_cred()?.uid() };
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
    let mut line = serde_json::to_vec(&Versioned::new(body))?;
    line.push(b'\n');
    timeout(PATIENCE, stream.write_all(&line)).await?
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

/// Asks the daemon whose control socket is in `directory`.
pub fn ask(directory: &Path, request: Request) -> Result<Reply, DaemonError> {
    let path = directory.join(SOCKET);
    let mut stream = question_to(&path, request, Some(WORK))?;
    read_reply(&mut stream, &path)?.ok_or(DaemonError::Garbled { path })
}

/// Asks the daemon for drops as they happen, and hands each reply to `take` until it breaks off, or the daemon does.
pub fn follow<B>(
    directory: &Path,
    mut take: impl FnMut(Reply) -> ControlFlow<B>,
) -> Result<Option<B>, DaemonError> {
    let path = directory.join(SOCKET);
    let mut stream = question_to(&path, Request::Follow, None)?;
    while let Some(reply) = read_reply(&mut stream, &path)? {
        if let ControlFlow::Break(end) = take(reply) {
            return Ok(Some(end));
        }
    }
    Ok(None)
}

fn question_to(
    path: &Path,
    request: Request,
    patience: Option<Duration>,
) -> Result<BufReader<BlockingStream>, DaemonError> {
    let ask = || {
        let mut stream = BlockingStream::connect(path)?;
        stream.set_read_timeout(patience)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut line = serde_json::to_vec(&Versioned { login: login(), ..Versioned::new(request) })?;
        line.push(b'\n');
        stream.write_all(&line)?;
        Ok(BufReader::new(stream))
    };
    ask().map_err(|source| DaemonError::NotRunning { path: path.to_owned(), source })
}

/// The next reply; `None`: there are no more.
fn read_reply(stream: &mut BufReader<BlockingStream>, path: &Path) -> Result<Option<Reply>, DaemonError> {
    let mut line = Vec::new();
    let read = stream.take(MAX_REPLY).read_until(b'\n', &mut line);
    read.map_err(|source| DaemonError::NotRunning { path: path.to_owned(), source })?;
    if line.is_empty() {
        return Ok(None);
    }
    match serde_json::from_slice::<Versioned<Reply>>(&line) {
        Ok(Versioned { body: Reply::Error(text), .. }) => Err(DaemonError::Refused(text)),
        Ok(Versioned { version: PROTOCOL_VERSION, body, .. }) => Ok(Some(body)),
        _ => Err(DaemonError::Garbled { path: path.to_owned() }),
    }
}

/// Whom the kernel remembers to have logged in here, whoever they have become since; nobody, where no login was.
fn login() -> Option<String> {
    let number: u32 = fs::read_to_string("/proc/self/loginuid").ok()?.trim().parse().ok()?;
    if number == u32::MAX {
        return None;
    }
    let user = User::from_uid(Uid::from_raw(number)).ok().flatten();
    Some(user.map_or_else(|| number.to_string(), |user| user.name))
}
