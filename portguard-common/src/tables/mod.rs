//! The tables that a generation consists of, and how a source, a port and a cell are looked up in them.
//!
//! The look-ups are written once, over [`Tables`]; where the entries are is the implementor's: maps in the kernel,
//! slices in userspace.

mod table6;
mod trie4;

use core::net::IpAddr;

use crate::{
    abi::{Cell, Entry6, Length6, Pilot6, PortEntry},
    wire::{ipv4, ipv6, transport},
};

/// The tables of one generation, and the kernel's socket table and routes. An entry that is not there is `None`: that is an image
/// that contradicts itself, and the packet drops.
pub trait Tables {
    /// Whether undocumented traffic passes, in the direction that is judged.
    fn posture_pass(&self) -> bool;
    /// Whether there are sources that ports admit which no rule names.
    fn failsafe(&self) -> bool;
    /// The class of IPv6 sources that match no prefix.
    fn default_class6(&self) -> u32;
    /// [`Settings::place_shift6`](crate::abi::Settings::place_shift6), 40 to 63.
    fn place_shift6(&self) -> u32;
    /// [`Settings::pilot_shift6`](crate::abi::Settings::pilot_shift6), 40 to 63.
    fn pilot_shift6(&self) -> u32;
    /// How many distinct prefix lengths the IPv6 table has.
    fn length_count6(&self) -> u32;
    /// The distinct prefix length at `index`, in the order of [`Settings::lengths6`](crate::abi::Settings::lengths6).
    fn length6(&self, index: u32) -> Option<Length6>;
    /// An entry of the port table.
    fn port(&self, index: u32) -> Option<PortEntry>;
    /// An entry of the IPv4 trie's root.
    fn root4(&self, high: u16) -> Option<u32>;
    /// The IPv4 trie's entries; how many there are is asked once for all that are read.
    fn trie4(&self) -> impl Fn(u32) -> Option<u32>;
    /// A pilot of the IPv6 table; `index` is a [`Hash6::pilot`].
    fn pilot6(&self, index: usize) -> Option<Pilot6>;
    /// A place of the IPv6 table; `index` is a [`Hash6::place`].
    fn entry6(&self, index: usize) -> Option<&Entry6>;
    /// A cell.
    fn cell(&self, index: u32) -> Option<Cell>;
    /// `number` itself, which has 15 bits; [`Frame::forget`](crate::wire::Frame::forget) says what it is for.
    #[inline(always)]
    fn forget(&self, number: u32) -> u32 {
        number
    }
    /// The class of the IPv4 source with this number: [`class4`], which the program calls as a function of its own where
    /// that is cheaper to verify.
    #[inline(always)]
    fn class4(&self, address: u32) -> Option<u32> {
        class4(self, address)
    }
    /// The class of the IPv6 source with these halves, in network order: [`class6`], likewise.
    #[inline(always)]
    fn class6(&self, high: u64, low: u64) -> Option<u32> {
        class6(self, high, low)
    }
    /// Whether later fragments come in from anybody, whatever the posture.
    fn fragments_pass(&self) -> bool;
    /// Whether what no rule admits comes in where the node sends it on to others.
    fn transit(&self) -> bool;
    /// Whether the node sends a packet with these ends on to others: what the kernel says of it, at this moment.
    fn forwards<A: SourceAddress>(&self, source: A, destination: A) -> bool;
    /// The state of the TCP socket that `flow` belongs to: a connection of exactly these ends, else a listener.
    fn tcp_socket<A: SourceAddress>(&self, flow: &Flow<A>) -> Option<SocketState>;
    /// Whether a socket listens on `flow`'s destination.
    fn tcp_listener<A: SourceAddress>(&self, flow: &Flow<A>) -> bool;
    /// The state of the UDP socket that `flow` would be delivered to.
    fn udp_socket<A: SourceAddress>(&self, flow: &Flow<A>) -> Option<SocketState>;
    /// Whether a socket takes anybody's datagrams at `flow`'s destination.
    fn udp_listener<A: SourceAddress>(&self, flow: &Flow<A>) -> bool;
}

/// The tables of a generation that judges what leaves, too: [`Tables::posture_pass`] is the outbound posture here.
pub trait OutboundTables: Tables {
    /// How many zones there are: so many zones before each outbound zone of the port table, the same zone stands inbound.
    fn zones(&self) -> u32;
    /// Whether inbound drops are only counted, so that what no rule admits has come in all the same.
    fn observes_inbound(&self) -> bool;
}

/// The two ends of a packet: source is the peer, destination the node, whichever of them sent it.
///
/// Its first [`Flow::LEN`] bytes are the kernel's tuple (`struct bpf_sock_tuple`). Aligned, so that the program writes it
/// word by word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(8))]
pub struct Flow<A> {
    /// The peer's address.
    pub source: A,
    /// The node's address.
    pub destination: A,
    /// The peer's port and the node's.
    pub ports: transport::Ports,
}

impl<A> Flow<A> {
    /// The bytes of addresses and ports.
    pub const LEN: usize = 2 * size_of::<A>() + size_of::<transport::Ports>();
}

/// A socket's state, as the kernel numbers it (`include/net/tcp_states.h`; a UDP socket is established when it is
/// connected, else closed).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketState(pub u32);

impl SocketState {
    const ESTABLISHED: u32 = 1;
    const SYN_SENT: u32 = 2;
    const LISTEN: u32 = 10;
    const NEW_SYN_RECV: u32 = 12;

    /// Whether a UDP socket in this state is bound to one peer.
    #[inline(always)]
    #[must_use]
    pub fn is_connected(self) -> bool {
        self.0 == Self::ESTABLISHED
    }

    /// Whether a TCP socket in this state only waits for anybody.
    #[inline(always)]
    #[must_use]
    pub fn listens(self) -> bool {
        self.0 == Self::LISTEN
    }

    /// Whether the node itself is opening the connection of a TCP socket in this state.
    #[inline(always)]
    #[must_use]
    pub fn opens(self) -> bool {
        self.0 == Self::SYN_SENT
    }

    /// Whether a TCP socket in this state only waits for connections, or holds one that is half open.
    #[inline(always)]
    #[must_use]
    pub fn is_passive(self) -> bool {
        matches!(self.0, Self::LISTEN | Self::NEW_SYN_RECV)
    }
}

/// A source address that can be looked up.
pub trait SourceAddress: Copy {
    /// The address in the standard library's type.
    fn to_ip(self) -> IpAddr;

    /// The class of the source; `None` when the tables contradict themselves.
    fn class<T: Tables>(&self, tables: &T) -> Option<u32>;
}

impl SourceAddress for ipv4::Address {
    fn to_ip(self) -> IpAddr {
        IpAddr::V4(self.to_bits().into())
    }

    #[inline(always)]
    fn class<T: Tables>(&self, tables: &T) -> Option<u32> {
        tables.class4(self.to_bits())
    }
}

impl SourceAddress for ipv6::Address {
    fn to_ip(self) -> IpAddr {
        let (high, low) = ipv6::halves(self);
        IpAddr::V6((u128::from(high) << 64 | u128::from(low)).into())
    }

    #[inline(always)]
    fn class<T: Tables>(&self, tables: &T) -> Option<u32> {
        let [high, low] = *self;
        tables.class6(high, low)
    }
}

pub use table6::{Hash6, class6};
pub use trie4::class4;
