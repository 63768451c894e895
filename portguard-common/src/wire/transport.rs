//! The ports that TCP, UDP and SCTP headers begin with.

use network_types::{sctp::SctpHdr, udp::UdpHdr};

use super::{Fragment, Frame, Packet};
use crate::Reason;

/// Source and destination port, in network order.
pub type Ports = [u8; 4];

/// The length of a UDP header (RFC 768).
pub const UDP_LEN: usize = UdpHdr::LEN;
/// The length of SCTP's common header (RFC 9260 section 3.1).
pub const SCTP_LEN: usize = SctpHdr::LEN;

/// The destination port as a number.
#[inline(always)]
#[must_use]
pub fn destination(ports: Ports) -> u16 {
    u16::from_be_bytes([ports[2], ports[3]])
}

/// The source port as a number.
#[inline(always)]
#[must_use]
pub fn source(ports: Ports) -> u16 {
    u16::from_be_bytes([ports[0], ports[1]])
}

/// The reason for a transport header that the packet does not hold in full.
#[inline(always)]
pub(crate) fn cut_short<A>(packet: &Packet<A>) -> Reason {
    if packet.fragment == Fragment::First { Reason::FragmentTiny } else { Reason::Short }
}

/// Reads the ports of a header of `len` bytes.
#[inline(always)]
pub fn ports<F: Frame + ?Sized, A>(frame: &F, packet: &Packet<A>, len: usize) -> Result<Ports, Reason> {
    if packet.payload + len > packet.end {
        return Err(cut_short(packet));
    }
    frame.read(packet.payload).ok_or(Reason::Short)
}
