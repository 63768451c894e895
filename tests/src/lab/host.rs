//! A host of the lab: what can be run on it and what it can reach.

use std::{
    io::ErrorKind,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use anyhow::{Context as _, ensure};

use super::{Echo, Process, Ran, Stop, namespace::Namespace, ping::ping};

/// How long a probe waits for an answer. On one machine an answer takes less than a millisecond; a lost first SYN is
/// sent again after one second.
const PATIENCE: Duration = Duration::from_millis(1500);

/// What came of a connection attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// A server took it.
    Open,
    /// The host answered that nobody listens: the packet came through.
    Refused,
    /// No answer.
    Silent,
}

/// A host of the lab. Clones are the same host.
#[derive(Clone, Debug)]
pub struct Host {
    name: &'static str,
    namespace: Namespace,
    v4: Ipv4Addr,
    v6: Ipv6Addr,
    directory: PathBuf,
    stop: Stop,
}

impl Host {
    pub(super) fn new(
        name: &'static str,
        namespace: Namespace,
        (v4, v6): (Ipv4Addr, Ipv6Addr),
        directory: PathBuf,
        stop: Stop,
    ) -> Self {
        Self { name, namespace, v4, v6, directory, stop }
    }

    /// Its name in the lab.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The name of its namespace.
    pub fn namespace(&self) -> &str {
        self.namespace.name()
    }

    /// Its IPv4 address.
    pub fn v4(&self) -> IpAddr {
        self.v4.into()
    }

    /// Its IPv6 address.
    pub fn v6(&self) -> IpAddr {
        self.v6.into()
    }

    /// Its address of the family of `other`.
    pub fn address_like(&self, other: IpAddr) -> IpAddr {
        if other.is_ipv4() { self.v4() } else { self.v6() }
    }

    /// Its number, the last part of its addresses.
    pub(super) fn number(&self) -> u8 {
        self.v4.octets()[3]
    }

    /// The directory of its lab, for files that go with it.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Starts a process on it.
    pub fn spawn(&self, command: &mut Command) -> anyhow::Result<Process> {
        Process::spawn(self, command)
    }

    /// Runs a command on it to its end, or until `patience` is over.
    pub fn run(&self, command: &mut Command, patience: Duration) -> anyhow::Result<Ran> {
        self.spawn(command)?.wait(patience)
    }

    /// Runs a program on it to its end, or to its end after `seconds`.
    pub fn output(&self, seconds: u32, program: &str, arguments: &[&str]) -> anyhow::Result<Output> {
        let patience = Duration::from_secs(seconds.into());
        Ok(self.run(Command::new(program).args(arguments), patience)?.output())
    }

    /// Runs `ip` on it, with arguments between which there are spaces; an error says what it said.
    pub fn ip(&self, arguments: &str) -> anyhow::Result<()> {
        let words: Vec<&str> = arguments.split_whitespace().collect();
        let output = self.output(5, "ip", &words)?;
        ensure!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    /// Runs `work` on a thread inside its network.
    pub fn within<T: Send>(&self, work: impl FnOnce() -> T + Send) -> anyhow::Result<T> {
        self.namespace.within(work)
    }

    /// Sends back what comes to `port` over TCP and UDP, as long as the answer is held.
    pub fn echo(&self, port: u16) -> anyhow::Result<Echo> {
        Echo::open(self, port)
    }

    /// Tries to open a TCP connection.
    pub fn connect(&self, to: IpAddr, port: u16) -> anyhow::Result<Reach> {
        self.stop.check()?;
        let result = self.within(|| TcpStream::connect_timeout(&SocketAddr::new(to, port), PATIENCE))?;
        match result {
            Ok(_) => Ok(Reach::Open),
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(Reach::Refused),
            Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) => {
                Ok(Reach::Silent)
            }
            Err(error) => {
                Err(error).with_context(|| format!("connecting from {} to {to} port {port}", self.name))
            }
        }
    }

    /// Sends a ping and waits for the answer.
    pub fn pings(&self, to: IpAddr) -> anyhow::Result<bool> {
        self.stop.check()?;
        match self.within(|| ping(to, PATIENCE))? {
            Ok(()) => Ok(true),
            Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) => Ok(false),
            Err(error) => Err(error).with_context(|| format!("pinging {to} from {}", self.name)),
        }
    }
}
