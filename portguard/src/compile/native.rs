//! The image as the verdict function's tables, in userspace: what `explain` and the tests run on.

use std::net::{IpAddr, SocketAddr};

use portguard_common::{
    abi::{Cell, Entry6, Length6, Pilot6, PortEntry},
    tables::{Flow, OutboundTables, SocketState, SourceAddress, Tables},
};

use super::Image;
use crate::matrix::Direction;

/// What the verdict asks the kernel: its socket table, and its routes. What an implementor leaves out is as on a node without sockets that is no router.
pub trait Kernel {
    /// The TCP socket that belongs to these ends, peer first: the connection, else a listener.
    fn tcp(&self, _peer: SocketAddr, _local: SocketAddr) -> Option<SocketState> {
        None
    }

    /// Whether a TCP socket listens on `local`.
    fn tcp_listener(&self, _local: SocketAddr) -> bool {
        false
    }

    /// The UDP socket that would take a packet from `peer` to `local`.
    fn udp(&self, _peer: SocketAddr, _local: SocketAddr) -> Option<SocketState> {
        None
    }

    /// Whether a UDP socket takes anybody's packets to `local`.
    fn udp_listener(&self, _local: SocketAddr) -> bool {
        false
    }

    /// Whether the node sends a packet from `source` to `destination` on to others.
    fn forwards(&self, _source: IpAddr, _destination: IpAddr) -> bool {
        false
    }
}

/// A node without a socket.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSockets;

impl Kernel for NoSockets {}

/// An image and a kernel, as the verdict function sees them.
#[derive(Clone, Copy, Debug)]
pub struct NativeTables<'a, S> {
    image: &'a Image,
    kernel: S,
    direction: Direction,
}

impl<'a, S: Kernel> NativeTables<'a, S> {
    /// The tables of `image` on a node with this `kernel`, for what comes in.
    pub fn new(image: &'a Image, kernel: S) -> Self {
        Self { image, kernel, direction: Direction::In }
    }

    /// The same for what leaves.
    pub fn outbound(image: &'a Image, kernel: S) -> Self {
        Self { image, kernel, direction: Direction::Out }
    }
}

/// The ends of a flow, peer first.
fn ends<A: SourceAddress>(flow: &Flow<A>) -> (SocketAddr, SocketAddr) {
    (
        SocketAddr::new(flow.source.to_ip(), flow.ports.source()),
        SocketAddr::new(flow.destination.to_ip(), flow.ports.destination()),
    )
}

impl<S: Kernel> Tables for NativeTables<'_, S> {
    fn posture_pass(&self) -> bool {
        let settings = self.image.settings();
        match self.direction {
            Direction::In => settings.posture_pass != 0,
            Direction::Out => settings.outbound_posture_pass != 0,
        }
    }

    fn failsafe(&self) -> bool {
        self.image.settings().failsafe != 0
    }

    fn default_class6(&self) -> u32 {
        self.image.settings().default_class6
    }

    fn place_shift6(&self) -> u32 {
        self.image.settings().place_shift6
    }

    fn pilot_shift6(&self) -> u32 {
        self.image.settings().pilot_shift6
    }

    fn length_count6(&self) -> u32 {
        self.image.settings().length_count6
    }

    fn length6(&self, index: u32) -> Option<Length6> {
        self.image.settings().lengths6.get(index as usize).copied()
    }

    fn port(&self, index: u32) -> Option<PortEntry> {
        self.image.ports().get(index as usize).copied()
    }

    fn root4(&self, high: u16) -> Option<u32> {
        self.image.trie4().get(usize::from(high)).copied()
    }

    fn trie4(&self) -> impl Fn(u32) -> Option<u32> {
        |index| self.image.trie4().get(index as usize).copied()
    }

    fn pilot6(&self, index: usize) -> Option<Pilot6> {
        self.image.pilots6().get(index).copied()
    }

    fn entry6(&self, index: usize) -> Option<&Entry6> {
        self.image.table6().get(index)
    }

    fn cell(&self, index: u32) -> Option<Cell> {
        self.image.cells().get(index as usize).copied()
    }

    fn fragments_pass(&self) -> bool {
        self.image.settings().fragments_pass != 0
    }

    fn transit(&self) -> bool {
        self.direction == Direction::In && self.image.settings().transit != 0
    }

    fn forwards<A: SourceAddress>(&self, source: A, destination: A) -> bool {
        self.kernel.forwards(source.to_ip(), destination.to_ip())
    }

    fn tcp_socket<A: SourceAddress>(&self, flow: &Flow<A>) -> Option<SocketState> {
        let (peer, local) = ends(flow);
        self.kernel.tcp(peer, local)
    }

    fn tcp_listener<A: SourceAddress>(&self, flow: &Flow<A>) -> bool {
        self.kernel.tcp_listener(ends(flow).1)
    }

    fn udp_socket<A: SourceAddress>(&self, flow: &Flow<A>) -> Option<SocketState> {
        let (peer, local) = ends(flow);
        self.kernel.udp(peer, local)
    }

    fn udp_listener<A: SourceAddress>(&self, flow: &Flow<A>) -> bool {
        self.kernel.udp_listener(ends(flow).1)
    }
}

impl<S: Kernel> OutboundTables for NativeTables<'_, S> {
    fn zones(&self) -> u32 {
        self.image.settings().outbound_zones
    }

    fn observes_inbound(&self) -> bool {
        self.image.settings().observe != 0
    }
}
