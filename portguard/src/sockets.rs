//! The edge where the kernel is asked which sockets take what comes in: socket diagnostics (`sock_diag(7)`) of this
//! network namespace, and `/proc` for whose they are.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_sock_diag::{
    SockDiagMessage,
    constants::{AF_INET, AF_INET6, IPPROTO_TCP, IPPROTO_UDP},
    inet::{ExtensionFlags, InetRequest, InetResponse, SocketId, StateFlags, nlas::Nla},
};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_SOCK_DIAG};
use nix::net::if_::if_indextoname;
use procfs::process::{FDTarget, all_processes};
use thiserror::Error;

use crate::{
    drift::{Bound, Families, Listener, Process},
    matrix::Transport,
};

/// Why the kernel does not tell.
#[derive(Debug, Error)]
pub enum SocketsError {
    /// The conversation failed.
    #[error("cannot ask the kernel for its sockets")]
    Netlink(#[from] io::Error),
    /// The kernel's answer cannot be read.
    #[error("the kernel's answer about its sockets cannot be read: {0}; please report this")]
    Garbled(String),
}

/// Every socket that listens for TCP, and every UDP socket that takes datagrams from anybody, in the order of their
/// ports.
pub fn listeners() -> Result<Vec<Listener>, SocketsError> {
    let mut found = Vec::new();
    for transport in [Transport::Tcp, Transport::Udp] {
        for family in [AF_INET, AF_INET6] {
            found.extend(dump(transport, family)?.into_iter().map(|response| (transport, response)));
        }
    }
    let inodes = found.iter().map(|(_, response)| u64::from(response.header.inode)).collect();
    let owners = owners(&inodes);
    let mut listeners: Vec<Listener> =
        found.iter().map(|(transport, response)| listener(*transport, response, &owners)).collect();
    listeners.sort_by_key(|listener| (listener.transport, listener.port));
    Ok(listeners)
}

/// The sockets of a protocol and a family that are open to anybody: TCP in state LISTEN; UDP that is not connected, which
/// the kernel calls CLOSE.
fn dump(transport: Transport, family: u8) -> Result<Vec<InetResponse>, SocketsError> {
    let (protocol, states) = match transport {
        Transport::Udp => (IPPROTO_UDP, StateFlags::CLOSE),
        _ => (IPPROTO_TCP, StateFlags::LISTEN),
    };
    let mut socket = Socket::new(NETLINK_SOCK_DIAG)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    let socket_id = if family == AF_INET { SocketId::new_v4() } else { SocketId::new_v6() };
    let request = InetRequest { family, protocol, extensions: ExtensionFlags::empty(), states, socket_id };
    let mut request = NetlinkMessage::new(header, SockDiagMessage::InetRequest(request).into());
    request.finalize();
    let mut bytes = vec![0; request.buffer_len()];
    request.serialize(&mut bytes);
    socket.send(&bytes, 0)?;
    answers(&socket)
}

fn answers(socket: &Socket) -> Result<Vec<InetResponse>, SocketsError> {
    let garbled = |error: &dyn std::fmt::Display| SocketsError::Garbled(error.to_string());
    let mut answers = Vec::new();
    loop {
        let (datagram, _) = socket.recv_from_full()?;
        let mut left = datagram.as_slice();
        while !left.is_empty() {
            let message =
                NetlinkMessage::<SockDiagMessage>::deserialize(left).map_err(|error| garbled(&error))?;
            match message.payload {
                NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(response)) => {
                    answers.push(*response);
                }
                NetlinkPayload::Done(_) => return Ok(answers),
                NetlinkPayload::Error(error) => match error.to_io() {
                    // A kernel without this family, or without its diagnostics.
                    error if error.kind() == io::ErrorKind::NotFound => return Ok(answers),
                    error => return Err(error.into()),
                },
                _ => {}
            }
            // A message is as long as its header says; the next one begins at a multiple of four.
            let length = (message.header.length as usize).next_multiple_of(4);
            left = left.get(length..).unwrap_or_default();
            if length == 0 {
                return Err(garbled(&"a message without a length"));
            }
        }
    }
}

fn listener(transport: Transport, response: &InetResponse, owners: &BTreeMap<u64, Process>) -> Listener {
    let header = &response.header;
    let only_v6 = response.nlas.iter().any(|nla| matches!(nla, Nla::SkV6Only(true)));
    let families = if only_v6 { Families::V6Only } else { Families::Both };
    let interface = (header.socket_id.interface_id != 0)
        .then(|| if_indextoname(header.socket_id.interface_id).ok()?.into_string().ok())
        .flatten();
    Listener {
        transport,
        bound: Bound::new(header.socket_id.source_address, families),
        port: header.socket_id.source_port,
        interface,
        process: owners.get(&header.inode.into()).cloned(),
    }
}

/// The processes that hold these sockets, as far as this one may see; of several the first.
fn owners(inodes: &BTreeSet<u64>) -> BTreeMap<u64, Process> {
    let mut owners = BTreeMap::new();
    let Ok(processes) = all_processes() else { return owners };
    for process in processes.flatten() {
        let Ok(descriptors) = process.fd() else { continue };
        for descriptor in descriptors.flatten() {
            let FDTarget::Socket(inode) = descriptor.target else { continue };
            if inodes.contains(&inode) && !owners.contains_key(&inode) {
                // Without a name it has just ended.
                if let Ok(stat) = process.stat() {
                    owners.insert(inode, Process { pid: process.pid(), name: stat.comm });
                }
            }
        }
    }
    owners
}
