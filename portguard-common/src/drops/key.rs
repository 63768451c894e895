//! Whose a dropped packet is and what it wanted, as far as that can be told.

use network_types::eth::EthHdr;

use crate::{
    Arrival,
    wire::{Frame, ethernet, ipv4, ipv6},
};

/// Which end of a packet is the peer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Of a packet that comes in, where it came from.
    Source,
    /// Of one that leaves, where it goes to.
    Destination,
}

/// What dropped packets have in common that are noted in one place. Host byte order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(C)]
pub struct DropKey {
    /// The peer's address: of IPv6 its halves as numbers, of IPv4 the number and 0, else zeros.
    pub peer: [u64; 2],
    /// From the low bits: [`DropKey::aim`] (32), reason (8), [`Family`] (8), zone (16). One word, since it is made and
    /// compared as one.
    what: u64,
}

/// Of which kind a source's address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Family {
    /// There is none that could be read.
    None = 0,
    /// IPv4.
    Ipv4 = 4,
    /// IPv6.
    Ipv6 = 6,
}

/// What a dropped packet wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// The documented port that this is a counter of.
    Slot(u32),
    /// An undocumented port, by its place in [`abi::undocumented`](crate::abi::undocumented).
    Undocumented(u32),
    /// It did not get as far as a port; this is the protocol that the IP header names, 0 if there is none.
    Protocol(u8),
}

impl DropKey {
    /// What the packets wanted.
    #[must_use]
    pub const fn aim(self) -> Aim {
        let aim = (self.what & 0xffff_ffff) as u32;
        match (aim & UNDOCUMENTED != 0, aim & PROTOCOL != 0) {
            (true, _) => Aim::Undocumented(aim & !UNDOCUMENTED),
            (false, true) => Aim::Protocol((aim & 0xff) as u8),
            (false, false) => Aim::Slot(aim),
        }
    }

    /// The index of the [`Reason`](crate::Reason).
    #[must_use]
    pub const fn reason(self) -> u8 {
        (self.what >> 32 & 0xff) as u8
    }

    /// The kind of [`Self::peer`].
    #[must_use]
    pub const fn family(self) -> Family {
        match self.what >> 40 & 0xff {
            4 => Family::Ipv4,
            6 => Family::Ipv6,
            _ => Family::None,
        }
    }

    /// The zone of the interface that the packet came in by; of one that leaves, its outbound one.
    #[must_use]
    pub const fn zone(self) -> u16 {
        (self.what >> 48) as u16
    }

    /// The three words.
    #[inline(always)]
    pub(super) fn words(self) -> [u64; 3] {
        [self.peer[0], self.peer[1], self.what]
    }
}

/// No image has as many counters.
const UNDOCUMENTED: u32 = 1 << 31;
/// Nor as many as this.
const PROTOCOL: u32 = 1 << 30;

/// The key of a packet that came in, or leaves, by `arrival` and whose outcome was [`outcome`](crate::Outcome::to_bits).
#[inline(always)]
pub fn key<F: Frame + ?Sized>(frame: &F, peer: Peer, arrival: Arrival, outcome: u64) -> DropKey {
    let seen = match ethernet::parse(frame) {
        Ok(ethernet::Payload::Ipv4(offset)) => seen4(frame, offset, peer),
        Ok(ethernet::Payload::Ipv6(offset)) => seen6(frame, offset, peer),
        Ok(ethernet::Payload::Arp | ethernet::Payload::LinkControl | ethernet::Payload::Other) | Err(_) => {
            None
        }
    };
    seen.unwrap_or(Seen { family: Family::None, peer: [0; 2], protocol: 0 }).key(arrival, outcome)
}

/// The same, if the IP header stands right behind Ethernet's: the shortcut for nearly all frames.
#[inline(always)]
pub fn plain_key<F: Frame + ?Sized>(
    frame: &F,
    peer: Peer,
    arrival: Arrival,
    outcome: u64,
) -> Option<DropKey> {
    let seen = match u16::from_be_bytes(frame.read(EthHdr::LEN - 2)?) {
        ethernet::IPV4 => seen4(frame, EthHdr::LEN, peer)?,
        ethernet::IPV6 => seen6(frame, EthHdr::LEN, peer)?,
        _ => return None,
    };
    Some(seen.key(arrival, outcome))
}

/// What an IP header says of the peer, whether the packet is any good or not.
struct Seen {
    family: Family,
    peer: [u64; 2],
    protocol: u8,
}

impl Seen {
    #[inline(always)]
    fn key(self, arrival: Arrival, outcome: u64) -> DropKey {
        const NONE: u64 = u32::MAX as u64;
        let Self { family, peer, protocol } = self;
        let aim = match outcome & NONE {
            NONE => u64::from(PROTOCOL | u32::from(protocol)),
            aim => aim,
        };
        let what = outcome & !NONE | aim | (family as u64) << 40 | u64::from(arrival.zone()) << 48;
        DropKey { peer, what }
    }
}

/// The header's words up to the address.
#[inline(always)]
fn seen4<F: Frame + ?Sized>(frame: &F, offset: usize, peer: Peer) -> Option<Seen> {
    let (third, address) = match peer {
        Peer::Source => {
            let [_, _, third, source] = frame.at(offset)?;
            (third, source)
        }
        Peer::Destination => {
            let [_, _, third, _, destination] = frame.at(offset)?;
            (third, destination)
        }
    };
    let [_, protocol, ..] = u32::from_be(third).to_be_bytes();
    let address = ipv4::Address::from_word(address).to_bits();
    Some(Seen { family: Family::Ipv4, peer: [u64::from(address), 0], protocol })
}

/// Likewise.
#[inline(always)]
fn seen6<F: Frame + ?Sized>(frame: &F, offset: usize, peer: Peer) -> Option<Seen> {
    let (first, address) = match peer {
        Peer::Source => {
            let [first, high, low] = frame.at(offset)?;
            (first, [high, low])
        }
        Peer::Destination => {
            let [first, _, _, high, low] = frame.at(offset)?;
            (first, [high, low])
        }
    };
    let [.., protocol, _] = u64::from_be(first).to_be_bytes();
    let (high, low) = ipv6::halves(address);
    Some(Seen { family: Family::Ipv6, peer: [high, low], protocol })
}
