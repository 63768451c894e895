//! The controller: owns what is loaded, answers questions about it, and takes it off at the end.
//!
//! Everything up to [`Daemon::start`] can fail and then changes nothing; from then on the node is guarded until
//! [`Daemon::serve`] returns.

mod control;
mod error;
mod protocol;

use std::path::PathBuf;

use tokio::signal::unix::{SignalKind, signal};

pub use control::ask;
pub use error::DaemonError;
pub use protocol::{PROTOCOL_VERSION, Reply, Request, Status};

use crate::{
    compile::compile,
    datapath::{self, Attached, Loaded},
    matrix::Matrix,
    observe::{CounterReport, Idle},
};
use control::{ControlSocket, Query};

/// Where the control socket is unless the caller says otherwise.
pub const RUNTIME_DIR: &str = "/run/portguard";

/// What the daemon needs to begin.
pub struct Options {
    /// The eBPF object; `None` for the one in the binary.
    pub object: Option<Vec<u8>>,
    /// The directory for the control socket.
    pub runtime_dir: PathBuf,
}

/// A node that is being guarded.
pub struct Daemon {
    matrix: Matrix,
    attached: Attached,
    socket: ControlSocket,
}

impl Daemon {
    /// Compiles and loads `matrix`, opens the control socket, and puts the program on the interfaces.
    pub async fn start(matrix: Matrix, options: Options) -> Result<Self, DaemonError> {
        let Options { object, runtime_dir } = options;
        let object = match &object {
            Some(object) => object.as_slice(),
            None => datapath::embedded().ok_or(datapath::DatapathError::NoObject)?,
        };
        let image = compile(&matrix, &datapath::node_addresses()?)?;
        let links = datapath::resolve(image.interfaces()).await?;
        let loaded = Loaded::new(object, &image, links)?;
        let socket = ControlSocket::open(runtime_dir).await?;
        let attached = loaded.attach()?;
        Ok(Self { matrix, attached, socket })
    }

    /// What the daemon guards.
    pub fn status(&self) -> Status {
        Status::new(&self.matrix, &self.attached)
    }

    /// Answers the control socket until SIGINT or SIGTERM; then takes the program off, and gives the last counters.
    pub async fn serve(mut self) -> Result<CounterReport, DaemonError> {
        let stop = |kind| signal(kind).map_err(DaemonError::Signals);
        let (mut interrupt, mut terminate) = (stop(SignalKind::interrupt())?, stop(SignalKind::terminate())?);
        loop {
            tokio::select! {
                _ = interrupt.recv() => break,
                _ = terminate.recv() => break,
                Query { request, answer } = self.socket.next() => {
                    // A caller that has hung up wants no answer.
                    let _ = answer.send(self.reply(&request));
                }
            }
        }
        self.report(Idle::Hide)
    }

    fn reply(&self, request: &Request) -> Reply {
        match request {
            Request::Status => Reply::Status(self.status()),
            Request::Counters { idle } => match self.report(*idle) {
                Ok(report) => Reply::Counters(report),
                Err(error) => Reply::error(&error),
            },
        }
    }

    fn report(&self, idle: Idle) -> Result<CounterReport, DaemonError> {
        Ok(CounterReport::new(&self.attached.counters()?, self.attached.legend(), &self.matrix, idle))
    }
}
