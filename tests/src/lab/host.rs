//! A host of the lab: what can be run on it and what it can reach.

use std::{
    io::ErrorKind,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    process::{Command, Output},
    time::Duration,
};

use anyhow::Context as _;

use super::netns::Namespace;

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

/// A host of the lab.
#[derive(Debug)]
pub struct Host {
    name: &'static str,
    namespace: Namespace,
    v4: Ipv4Addr,
    v6: Ipv6Addr,
}

impl Host {
    pub(super) fn new(name: &'static str, namespace: Namespace, v4: Ipv4Addr, v6: Ipv6Addr) -> Self {
        Self { name, namespace, v4, v6 }
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

    /// A command that will run on it.
    pub fn command(&self, program: &str) -> Command {
        self.namespace.command(program)
    }

    /// Runs a program on it to its end, or to its end after `seconds`.
    pub fn output(&self, seconds: u32, program: &str, arguments: &[&str]) -> anyhow::Result<Output> {
        let mut command = self.command("timeout");
        command.args(["--kill-after=1", &seconds.to_string(), program]).args(arguments);
        command.output().with_context(|| format!("starting {program} on {}", self.name))
    }

    /// Runs `work` on a thread inside its network.
    pub fn within<T: Send>(&self, work: impl FnOnce() -> T + Send) -> anyhow::Result<T> {
        self.namespace.within(work)
    }

    /// Tries to open a TCP connection.
    pub fn connect(&self, to: IpAddr, port: u16) -> anyhow::Result<Reach> {
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
        self.within(|| ping::answers(to, PATIENCE))?
    }
}

/// Echo requests by the kernel's own ping sockets: no tool needed.
mod ping {
    use std::{
        io,
        mem::MaybeUninit,
        net::{IpAddr, SocketAddr},
        time::Duration,
    };

    use socket2::{Domain, Protocol, Socket, Type};

    pub(super) fn answers(to: IpAddr, patience: Duration) -> anyhow::Result<bool> {
        // Type, code, checksum, identifier, sequence number; the kernel fills in what is missing for ICMPv6 only.
        let (domain, protocol, request) = match to {
            IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4, [8_u8, 0, 0xf7, 0xfe, 0, 0, 0, 1]),
            IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6, [128, 0, 0, 0, 0, 0, 0, 1]),
        };
        let socket = Socket::new(domain, Type::RAW, Some(protocol))?;
        socket.set_read_timeout(Some(patience))?;
        socket.send_to(&request, &SocketAddr::new(to, 0).into())?;
        let mut buffer = [MaybeUninit::uninit(); 256];
        loop {
            match socket.recv_from(&mut buffer) {
                Ok((_, from)) if from.as_socket().is_some_and(|from| from.ip() == to) => return Ok(true),
                Ok(_) => {}
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    return Ok(false);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}
