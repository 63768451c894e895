//! The node's sockets.

use std::{
    collections::BTreeSet,
    io::{self, ErrorKind},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    os::fd::AsFd as _,
};

use anyhow::Context as _;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use portguard::{compile::Target, matrix::Transport};
use socket2::{Domain, Protocol, Socket, Type};

use super::Taken;

/// Protocols without sockets of their own that somebody waits for: tunnels, GRE, IPsec, OSPF, PIM, VRRP, SCTP, UDP-Lite.
const PROTOCOLS: [u8; 10] = [4, 41, 47, 50, 51, 89, 103, 112, SCTP, 136];
const SCTP: u8 = 132;

/// Sockets that wait for anybody.
#[derive(Debug, Default)]
pub(super) struct Open {
    /// Those that are read: of UDP, and raw ones, which are read in the same way.
    read: Vec<(UdpSocket, Kind)>,
    /// What these take is told by its answer.
    listening: Vec<Socket>,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Udp(u16),
    Raw(u8),
}

impl Open {
    pub(super) fn at(ports: &[u16]) -> anyhow::Result<Self> {
        let mut open = Self::default();
        let ports: BTreeSet<u16> = ports.iter().copied().filter(|&port| port > 0).collect();
        for any in [IpAddr::from(Ipv4Addr::UNSPECIFIED), Ipv6Addr::UNSPECIFIED.into()] {
            let domain = Domain::for_address(SocketAddr::new(any, 0));
            let new = |kind, protocol| {
                let socket = Socket::new(domain, kind, protocol)?;
                if any.is_ipv6() && protocol.is_none() {
                    socket.set_only_v6(true)?;
                }
                socket.set_nonblocking(true)?;
                io::Result::Ok(socket)
            };
            for &port in &ports {
                let at = SocketAddr::new(any, port).into();
                let udp = new(Type::DGRAM, None)?;
                udp.bind(&at).with_context(|| format!("binding {any} port {port}"))?;
                open.read.push((udp.into(), Kind::Udp(port)));
                let tcp = new(Type::STREAM, None)?;
                tcp.bind(&at)
                    .and_then(|()| tcp.listen(1))
                    .with_context(|| format!("listening at {any} port {port}"))?;
                open.listening.push(tcp);
            }
            for number in PROTOCOLS {
                let raw = new(Type::RAW, Some(Protocol::from(i32::from(number))))?;
                open.read.push((raw.into(), Kind::Raw(number)));
            }
        }
        Ok(open)
    }

    /// What has come to them.
    pub(super) fn read(&self, taken: &mut Vec<Taken>) -> anyhow::Result<()> {
        let mut ready: Vec<PollFd<'_>> =
            self.read.iter().map(|(socket, _)| PollFd::new(socket.as_fd(), PollFlags::POLLIN)).collect();
        if poll(&mut ready, PollTimeout::ZERO)? == 0 {
            return Ok(());
        }
        let ready: Vec<bool> = ready.iter().map(|one| one.any().unwrap_or(false)).collect();
        for ((socket, kind), _) in self.read.iter().zip(ready).filter(|(_, ready)| *ready) {
            let mut bytes = [0; 256];
            loop {
                match socket.recv_from(&mut bytes) {
                    Ok((len, from)) => taken.extend(what(*kind, from, &bytes[..len])),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error).context("reading what has come"),
                }
            }
        }
        Ok(())
    }
}

/// What a packet that has come to such a socket came for.
fn what(kind: Kind, from: SocketAddr, bytes: &[u8]) -> Option<Taken> {
    let (source_port, target) = match kind {
        Kind::Udp(port) => (Some(from.port()), Target::Port { transport: Transport::Udp, port }),
        Kind::Raw(SCTP) => {
            // Of IPv4 a raw socket gets the header, too.
            let header = if from.is_ipv4() { usize::from(bytes.first()? & 15) * 4 } else { 0 };
            let port = bytes.get(header + 2..header + 4)?;
            let port = u16::from_be_bytes([port[0], port[1]]);
            (None, Target::Port { transport: Transport::Sctp, port })
        }
        Kind::Raw(number) => (None, Target::Protocol(number)),
    };
    Some(Taken { from: from.ip(), source_port, target })
}
