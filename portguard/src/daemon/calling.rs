//! The caller's end of the control socket.
//!
//! What changes something, or takes its time, is announced: the daemon says that it begins, and later what came of it. A caller
//! that hears nothing for a few seconds gives up, by closing its ear: the kernel either has that word by then, or never takes it
//! from the daemon, who does nothing without. So whoever is told that nothing was begun can rely on it, for ever.

use std::{
    fs,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::Shutdown,
    ops::ControlFlow,
    os::{fd::AsRawFd as _, unix::net::UnixStream},
    path::{Path, PathBuf},
    time::Duration,
};

use nix::{
    sys::{
        socket::{
            AddressFamily, SockFlag, SockType, UnixAddr, connect, getsockopt, setsockopt, socket,
            sockopt::{PeerCredentials, SendTimeout},
        },
        time::TimeVal,
    },
    unistd::{Uid, User},
};

use super::{
    DaemonError,
    control::SOCKET,
    error::Silent,
    protocol::{PROTOCOL_VERSION, Reply, Request, Versioned},
};

/// The most bytes of an answer that are read.
const MAX_REPLY: u64 = 64 << 20;
/// How long a caller waits until it is answered, or told that the work has begun.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long it waits for the end of that: a generation with a million addresses takes seconds.
const WORK: Duration = Duration::from_mins(2);

/// Asks the daemon whose control socket is in `directory`.
pub fn ask(directory: &Path, request: Request) -> Result<Reply, DaemonError> {
    let mut call = Call::open(directory, request, PATIENCE)?;
    call.hear_within(PATIENCE)?;
    match call.first()? {
        Reply::Begun => call.outcome(),
        reply => Ok(reply),
    }
}

/// Asks the daemon for drops as they happen, and hands each reply to `take` until it breaks off, or the daemon does.
pub fn follow<B>(
    directory: &Path,
    mut take: impl FnMut(Reply) -> ControlFlow<B>,
) -> Result<Option<B>, DaemonError> {
    let mut call = Call::open(directory, Request::Follow, PATIENCE)?;
    loop {
        let line = call.line().map_err(|error| call.nobody(error))?;
        if line.is_empty() {
            return Ok(None);
        }
        if let ControlFlow::Break(end) = take(call.reply(&line)?) {
            return Ok(Some(end));
        }
    }
}

/// A question that is asked.
struct Call {
    path: PathBuf,
    request: Request,
    stream: BufReader<UnixStream>,
}

impl Call {
    fn open(directory: &Path, request: Request, patience: Duration) -> Result<Self, DaemonError> {
        let path = directory.join(SOCKET);
        let opened = dial(&path, patience).and_then(|stream| {
            let mut line = serde_json::to_vec(&Versioned { login: login(), ..Versioned::new(&request) })?;
            line.push(b'\n');
            (&stream).write_all(&line)?;
            Ok(stream)
        });
        match opened {
            Ok(stream) => Ok(Self { path, request, stream: BufReader::new(stream) }),
            // Nobody takes callers in, and there is no place left where they could wait.
            Err(error) if is_late(&error) => Err(silent(path, &request, None)),
            Err(source) => Err(DaemonError::NotRunning { path, source }),
        }
    }

    fn hear_within(&self, patience: Duration) -> Result<(), DaemonError> {
        self.stream.get_ref().set_read_timeout(Some(patience)).map_err(|error| self.nobody(error))
    }

    /// The answer, or that the work has begun.
    fn first(&mut self) -> Result<Reply, DaemonError> {
        match self.line() {
            Ok(line) if line.is_empty() => Err(self.nobody(io::ErrorKind::UnexpectedEof.into())),
            Ok(line) => self.reply(&line),
            Err(error) if is_late(&error) => self.give_up(),
            Err(error) => Err(self.nobody(error)),
        }
    }

    /// Hears nothing more: what has come until now is there, and nothing can come any more.
    fn give_up(&mut self) -> Result<Reply, DaemonError> {
        let closed = self.stream.get_ref().shutdown(Shutdown::Read);
        match closed.and_then(|()| self.line()) {
            Ok(line) if !line.is_empty() => self.reply(&line),
            _ => Err(silent(self.path.clone(), &self.request, peer(self.stream.get_ref()))),
        }
    }

    /// What came of what has begun.
    fn outcome(&mut self) -> Result<Reply, DaemonError> {
        self.hear_within(WORK)?;
        let why = match self.line() {
            Ok(line) if !line.is_empty() => return self.reply(&line),
            Err(error) if is_late(&error) => "hangs, or is at it still",
            _ => "was heard of no more",
        };
        Err(DaemonError::Unfinished { path: self.path.clone(), request: self.request.to_string(), why })
    }

    /// The next line; an empty one is the end.
    fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        (&mut self.stream).take(MAX_REPLY).read_until(b'\n', &mut line)?;
        Ok(line)
    }

    fn reply(&self, line: &[u8]) -> Result<Reply, DaemonError> {
        match serde_json::from_slice::<Versioned<Reply>>(line) {
            Ok(Versioned { body: Reply::Error(text), .. }) => Err(DaemonError::Refused(text)),
            Ok(Versioned { version: PROTOCOL_VERSION, body, .. }) => Ok(body),
            _ => Err(DaemonError::Garbled { path: self.path.clone() }),
        }
    }

    fn nobody(&self, source: io::Error) -> DaemonError {
        DaemonError::NotRunning { path: self.path.clone(), source }
    }
}

/// Connects, in a time that a daemon which takes nobody in cannot make longer.
fn dial(path: &Path, patience: Duration) -> io::Result<UnixStream> {
    let caller = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    let patience =
        TimeVal::new(i64::try_from(patience.as_secs()).unwrap_or(i64::MAX), patience.subsec_micros().into());
    setsockopt(&caller, SendTimeout, &patience)?;
    connect(caller.as_raw_fd(), &UnixAddr::new(path)?)?;
    Ok(caller.into())
}

/// The process that the socket is of, where this one can see it.
fn peer(stream: &UnixStream) -> Option<i32> {
    getsockopt(stream, PeerCredentials).ok().map(|peer| peer.pid()).filter(|&pid| pid > 0)
}

fn silent(path: PathBuf, request: &Request, pid: Option<i32>) -> DaemonError {
    DaemonError::Silent(Box::new(Silent { path, request: request.clone(), pid }))
}

fn is_late(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
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

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use nix::sys::socket::{Backlog, bind, listen};
    use tempfile::TempDir;

    use super::*;

    const SHORT: Duration = Duration::from_millis(50);

    /// A daemon's end, and a caller that has asked for `request`.
    fn called(request: Request) -> (TempDir, UnixStream, Call) {
        let directory = TempDir::new().unwrap();
        let listener = UnixListener::bind(directory.path().join(SOCKET)).unwrap();
        let call = Call::open(directory.path(), request, SHORT).unwrap();
        call.hear_within(SHORT).unwrap();
        (directory, listener.accept().unwrap().0, call)
    }

    fn say(daemon: &mut UnixStream, reply: Reply) -> io::Result<()> {
        let mut line = serde_json::to_vec(&Versioned::new(reply)).unwrap();
        line.push(b'\n');
        daemon.write_all(&line)
    }

    #[test]
    fn whoever_has_given_up_cannot_be_told_that_it_begins() {
        let (_directory, mut daemon, mut call) = called(Request::Detach);
        let told = call.first().unwrap_err().to_string();
        assert!(told.contains("`detach` was not begun, and will not be"), "{told}");
        assert!(told.contains(&format!("kill -KILL {}", std::process::id())), "{told}");
        assert!(say(&mut daemon, Reply::Begun).is_err());
    }

    #[test]
    fn what_began_before_somebody_gave_up_is_not_denied() {
        let (_directory, mut daemon, mut call) = called(Request::Rollback);
        say(&mut daemon, Reply::Begun).unwrap();
        assert_eq!(call.give_up().unwrap(), Reply::Begun);
        let told = call.outcome().unwrap_err().to_string();
        assert!(told.contains("has begun `rollback`") && told.contains("portguard status"), "{told}");
    }

    #[test]
    fn what_takes_longer_than_a_caller_waits_for_its_beginning_is_waited_for() {
        let (_directory, mut daemon, mut call) = called(Request::Confirm);
        say(&mut daemon, Reply::Begun).unwrap();
        assert_eq!(call.first().unwrap(), Reply::Begun);
        let work = std::thread::spawn(move || {
            std::thread::sleep(SHORT * 3);
            say(&mut daemon, Reply::Done("so be it".to_owned()))
        });
        assert_eq!(call.outcome().unwrap(), Reply::Done("so be it".to_owned()));
        work.join().unwrap().unwrap();
    }

    #[test]
    fn a_daemon_that_takes_nobody_in_keeps_nobody_waiting() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join(SOCKET);
        let listener = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
        bind(listener.as_raw_fd(), &UnixAddr::new(&path).unwrap()).unwrap();
        listen(&listener, Backlog::new(0).unwrap()).unwrap();
        let _first = Call::open(directory.path(), Request::Status, SHORT).unwrap();
        let Err(error) = Call::open(directory.path(), Request::Status, SHORT) else {
            panic!("there is no place")
        };
        assert!(error.to_string().contains("does not answer"), "{error}");
    }

    #[test]
    fn where_nobody_listens_nobody_is_said_to_hang() {
        let directory = TempDir::new().unwrap();
        let error = ask(directory.path(), Request::Status).unwrap_err();
        assert!(matches!(error, DaemonError::NotRunning { .. }), "{error}");
        let (_directory, daemon, mut call) = called(Request::Detach);
        drop(daemon);
        let error = call.first().unwrap_err();
        assert!(matches!(error, DaemonError::NotRunning { .. }), "it has ended: {error}");
    }
}
