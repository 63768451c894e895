//! The ports that TCP, UDP and SCTP headers begin with.

use network_types::{sctp::SctpHdr, udp::UdpHdr};

use super::{Frame, Packet};
use crate::Reason;

/// Source and destination port, four bytes in network order. One word and not an array, since the program would take an
/// array apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Ports(u32);

impl Ports {
    /// The ports that a transport header's first word is.
    #[inline(always)]
    #[must_use]
    pub fn from_word(word: u32) -> Self {
        Self(word)
    }

    /// The ports that a transport header's first two fields are.
    #[inline(always)]
    #[must_use]
    pub(super) fn new(source: u16, destination: u16) -> Self {
        let [first, second] = source.to_ne_bytes();
        let [third, fourth] = destination.to_ne_bytes();
        Self(u32::from_ne_bytes([first, second, third, fourth]))
    }

    /// The source port.
    #[inline(always)]
    #[must_use]
    pub fn source(self) -> u16 {
        (u32::from_be(self.0) >> 16) as u16
    }

    /// The destination port.
    #[inline(always)]
    #[must_use]
    pub fn destination(self) -> u16 {
        #[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
        let destination = u32::from_be(self.0) as u16;
        destination
    }

    /// The ports as a packet of the opposite direction has them.
    #[inline(always)]
    #[must_use]
    pub fn reversed(self) -> Self {
        Self(self.0.rotate_left(16))
    }

    /// The same destination, from port 0.
    #[inline(always)]
    #[must_use]
    pub fn from_port_zero(self) -> Self {
        Self(u32::from(self.destination()).to_be())
    }
}

/// The length of a UDP header (RFC 768).
pub const UDP_LEN: usize = UdpHdr::LEN;
/// The length of SCTP's common header (RFC 9260 section 3.1).
pub const SCTP_LEN: usize = SctpHdr::LEN;

/// The reason for a transport header that the packet does not hold in full.
#[inline(always)]
pub(crate) fn cut_short<A>(packet: &Packet<A>) -> Reason {
    if packet.fragment.is_first() { Reason::FragmentTiny } else { Reason::Short }
}

/// Reads the ports of a header of `len` bytes.
#[inline(always)]
pub fn ports<F: Frame + ?Sized, A>(frame: &F, packet: &Packet<A>, len: usize) -> Result<Ports, Reason> {
    if packet.payload + len > packet.end {
        return Err(cut_short(packet));
    }
    let [word] = frame.at(packet.payload).ok_or(Reason::Short)?;
    Ok(Ports::from_word(word))
}
