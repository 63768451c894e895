//! TCP (RFC 9293).

use network_types::tcp::TcpHdr;
use zerocopy::FromBytes;

use super::{Frame, Packet, transport};
use crate::Reason;

/// What the verdict needs of a TCP header.
///
/// A byte comes first, where a [`Reason`] would be in its place: else the program would take the word apart around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Segment {
    /// The flags, FIN lowest.
    pub flags: u8,
    /// Whether data follows the header.
    pub data: bool,
    /// Source and destination port.
    pub ports: transport::Ports,
}

impl Segment {
    const SYN: u8 = 0x02;
    const RST: u8 = 0x04;
    const ACK: u8 = 0x10;

    /// Whether the segment asks for a new connection. Tested by the bits, not by equality: SYN with FIN, RST or URG
    /// beside it opens a connection on some stacks.
    #[inline(always)]
    #[must_use]
    pub fn opens(&self) -> bool {
        self.flags & (Self::SYN | Self::ACK) == Self::SYN
    }

    /// Whether the segment agrees to a new connection that the other end asked for.
    #[inline(always)]
    #[must_use]
    pub fn accepts(&self) -> bool {
        self.flags & (Self::SYN | Self::ACK) == Self::SYN | Self::ACK
    }

    /// Whether the segment ends a connection at once, or says that there is none, and nothing else.
    #[inline(always)]
    #[must_use]
    pub fn resets(&self) -> bool {
        self.flags & Self::RST != 0 && !self.data
    }

    /// Whether a peer sends such a segment to a connection that is gone here: a last acknowledgement or a reset.
    #[inline(always)]
    #[must_use]
    pub fn closes(&self) -> bool {
        self.flags & Self::SYN == 0 && self.flags & (Self::ACK | Self::RST) != 0 && !self.data
    }
}

/// A header up to its flags, each field by itself: the program loads what is asked for.
#[derive(Clone, Copy, FromBytes)]
#[repr(C)]
struct Header {
    source: u16,
    destination: u16,
    _numbers: [u32; 2],
    data_offset: u8,
    flags: u8,
    _window: u16,
}

/// Reads the segment that `packet` carries; its whole header, options included, must be there.
#[inline(always)]
pub fn parse<F: Frame + ?Sized, A>(frame: &F, packet: &Packet<A>) -> Result<Segment, Reason> {
    let len = TcpHdr::LEN;
    if packet.payload + len > packet.end {
        return Err(transport::cut_short(packet));
    }
    let header: Header = frame.at(packet.payload).ok_or(Reason::Short)?;
    let header_len = usize::from(header.data_offset >> 4) * 4;
    if header_len < len {
        return Err(Reason::Malformed);
    }
    let data_at = packet.payload + header_len;
    if data_at > packet.end {
        return Err(if packet.fragment.is_first() { Reason::FragmentTiny } else { Reason::Malformed });
    }
    Ok(Segment {
        flags: header.flags,
        data: data_at < packet.end,
        ports: transport::Ports::new(header.source, header.destination),
    })
}
