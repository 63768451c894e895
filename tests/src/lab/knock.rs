//! Many probes at once, from any of a host's addresses: which of them does the other host's stack answer?
//!
//! Nothing needs to listen there. What comes through a firewall is answered with a reset, or with an error that says that
//! nobody takes it; what does not is not answered at all.

use std::{
    io::{self, Read as _},
    net::{IpAddr, SocketAddr},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use socket2::{Domain, Protocol, Socket, Type};

use super::Host;

/// How long answers are waited for. A first packet that is lost, or queued while a neighbour is looked for, is sent again.
const PATIENCE: Duration = Duration::from_millis(1500);
/// When what has no answer is sent again; TCP does so by itself.
const AGAIN: Duration = Duration::from_millis(500);
/// At most so many sockets are open at a time.
const AT_ONCE: usize = 300;

/// What is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knock {
    /// A connection.
    Tcp(u16),
    /// A datagram.
    Udp(u16),
    /// An echo request.
    Ping,
    /// A packet of another protocol, with these bytes first.
    Protocol(u8, [u8; 4]),
}

/// A probe from an address of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The source.
    pub from: IpAddr,
    /// The destination.
    pub to: IpAddr,
    /// What is tried.
    pub what: Knock,
}

impl Host {
    /// Which of the probes were answered.
    pub fn knock(&self, probes: &[Probe]) -> anyhow::Result<Vec<bool>> {
        let mut answered = Vec::new();
        for batch in batches(probes) {
            self.stop().check()?;
            answered.extend(self.within(|| knock(batch))?.context("knocking")?);
        }
        Ok(answered)
    }
}

/// The probes in pieces that can be sent at once. What is said about a packet of another protocol is said to every socket
/// of that protocol and those addresses, so there may be one.
fn batches(probes: &[Probe]) -> Vec<&[Probe]> {
    let (mut batches, mut start) = (Vec::new(), 0);
    for (place, probe) in probes.iter().enumerate() {
        let same = |other: &Probe| match (other.what, probe.what) {
            (Knock::Protocol(one, _), Knock::Protocol(another, _)) => {
                one == another && (other.from, other.to) == (probe.from, probe.to)
            }
            _ => false,
        };
        if place - start == AT_ONCE || probes[start..place].iter().any(same) {
            batches.push(&probes[start..place]);
            start = place;
        }
    }
    batches.push(&probes[start..]);
    batches
}

fn knock(probes: &[Probe]) -> io::Result<Vec<bool>> {
    let mut open =
        (1..).zip(probes).map(|(number, probe)| Open::new(*probe, number)).collect::<io::Result<Vec<_>>>()?;
    let start = Instant::now();
    let mut sent = 0;
    while start.elapsed() < PATIENCE && open.iter().any(|one| !one.answered) {
        if start.elapsed() >= AGAIN * sent {
            sent += 1;
            open.iter_mut().filter(|one| !one.answered).for_each(Open::send);
        }
        open.iter_mut().filter(|one| !one.answered).for_each(Open::listen);
        thread::sleep(Duration::from_millis(2));
    }
    Ok(open.into_iter().map(|one| one.answered).collect())
}

/// A probe on its way.
struct Open {
    probe: Probe,
    socket: Socket,
    /// By which an echo request is told from another's.
    number: u16,
    answered: bool,
}

impl Open {
    fn new(probe: Probe, number: u16) -> io::Result<Self> {
        let domain = Domain::for_address(SocketAddr::new(probe.to, 0));
        let (kind, protocol) = match (probe.what, probe.to) {
            (Knock::Tcp(_), _) => (Type::STREAM, None),
            (Knock::Udp(_), _) => (Type::DGRAM, None),
            (Knock::Ping, IpAddr::V4(_)) => (Type::RAW, Some(Protocol::ICMPV4)),
            (Knock::Ping, IpAddr::V6(_)) => (Type::RAW, Some(Protocol::ICMPV6)),
            (Knock::Protocol(number, _), _) => (Type::RAW, Some(Protocol::from(i32::from(number)))),
        };
        let socket = Socket::new(domain, kind, protocol)?;
        socket.set_nonblocking(true)?;
        socket.bind(&SocketAddr::new(probe.from, 0).into())?;
        let port = match probe.what {
            Knock::Tcp(port) | Knock::Udp(port) => port,
            Knock::Ping | Knock::Protocol(..) => 0,
        };
        let mut open = Self { probe, socket, number, answered: false };
        match open.socket.connect(&SocketAddr::new(probe.to, port).into()) {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => {}
            Err(error) => open.failed(&error),
        }
        Ok(open)
    }

    fn send(&mut self) {
        let [high, low] = self.number.to_be_bytes();
        let message = match (self.probe.what, self.probe.to) {
            (Knock::Tcp(_), _) => return,
            (Knock::Udp(_), _) => vec![0; 8],
            (Knock::Ping, IpAddr::V4(_)) => {
                // RFC 1071, of a message that is zero but for its type and number.
                let [first, second] = (!(0x0800 + self.number)).to_be_bytes();
                vec![8, 0, first, second, high, low, 0, 0]
            }
            // The kernel writes ICMPv6's checksum.
            (Knock::Ping, IpAddr::V6(_)) => vec![128, 0, 0, 0, high, low, 0, 0],
            (Knock::Protocol(_, first), _) => [first.as_slice(), &[0; 28]].concat(),
        };
        if let Err(error) = self.socket.send(&message) {
            self.failed(&error);
        }
    }

    fn listen(&mut self) {
        if matches!(self.probe.what, Knock::Tcp(_)) {
            match self.socket.take_error() {
                Ok(Some(error)) | Err(error) => self.failed(&error),
                Ok(None) => self.answered = self.socket.peer_addr().is_ok(),
            }
            return;
        }
        let mut packet = [0; 256];
        match self.socket.read(&mut packet) {
            Ok(length) => self.answered = self.is_answer(&packet[..length]),
            Err(error) => self.failed(&error),
        }
    }

    /// A raw socket hears what others are answered, and what it asks itself of this very host.
    fn is_answer(&self, packet: &[u8]) -> bool {
        let start = if self.probe.to.is_ipv4() { usize::from(packet[0] & 15) * 4 } else { 0 };
        match (self.probe.what, packet.get(start..)) {
            (Knock::Ping, Some(&[0 | 129, 0, _, _, high, low, ..])) => {
                u16::from_be_bytes([high, low]) == self.number
            }
            (Knock::Ping, _) => false,
            (Knock::Tcp(_) | Knock::Udp(_) | Knock::Protocol(..), _) => true,
        }
    }

    /// What the other host says in answer becomes an error of the socket.
    fn failed(&mut self, error: &io::Error) {
        let said = [libc::ECONNREFUSED, libc::ENOPROTOOPT, libc::EPROTO];
        self.answered |= error.raw_os_error().is_some_and(|number| said.contains(&number));
    }
}
