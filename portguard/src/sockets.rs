//! The edge where the kernel is asked which sockets take what comes in: socket diagnostics (`sock_diag(7)`) of this
//! network namespace, and `/proc` for whose they are.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use netlink_packet_sock_diag::{
    SockDiagMessage,
    constants::{AF_INET, AF_INET6, IPPROTO_TCP, IPPROTO_UDP},
    inet::{ExtensionFlags, InetRequest, InetResponse, SocketId, StateFlags, nlas::Nla},
};
use netlink_sys::protocols::NETLINK_SOCK_DIAG;
use nix::net::if_::if_indextoname;
use procfs::process::{FDTarget, all_processes};
use thiserror::Error;

use crate::{
    drift::{Bound, Families, Listener, Process},
    matrix::Transport,
    netlink::dump,
};

/// Why the kernel does not tell.
#[derive(Debug, Error)]
#[error("cannot ask the kernel for its sockets")]
pub struct SocketsError(#[from] io::Error);

/// Every socket that listens for TCP, and every UDP socket that takes datagrams from anybody, in the order of their
/// ports.
pub fn listeners() -> Result<Vec<Listener>, SocketsError> {
    let mut found = Vec::new();
    for transport in [Transport::Tcp, Transport::Udp] {
        for family in [AF_INET, AF_INET6] {
            found.extend(
                open_to_anybody(transport, family)?.into_iter().map(|response| (transport, response)),
            );
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
fn open_to_anybody(transport: Transport, family: u8) -> Result<Vec<InetResponse>, SocketsError> {
    let (protocol, states) = match transport {
        Transport::Udp => (IPPROTO_UDP, StateFlags::CLOSE),
        _ => (IPPROTO_TCP, StateFlags::LISTEN),
    };
    let socket_id = if family == AF_INET { SocketId::new_v4() } else { SocketId::new_v6() };
    let request = InetRequest { family, protocol, extensions: ExtensionFlags::empty(), states, socket_id };
    let answers = match dump(NETLINK_SOCK_DIAG, SockDiagMessage::InetRequest(request)) {
        // A kernel without this family, or without its diagnostics.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        answers => answers?,
    };
    let responses = answers.into_iter().filter_map(|answer| match answer {
        SockDiagMessage::InetResponse(response) => Some(*response),
        _ => None,
    });
    Ok(responses.collect())
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
