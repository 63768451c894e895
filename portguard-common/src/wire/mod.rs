//! A frame's bytes to headers: one file a protocol, bounded reads only.
//!
//! Offsets count bytes from the start of the frame. Nothing here decides who may reach what; it decides only whether a
//! frame can be read at all, and every limit it has ends in a [`Reason`](crate::Reason) that drops.

pub mod ah;
pub mod ethernet;
pub mod icmp;
pub mod ipv4;
pub mod ipv6;
pub mod plain;
pub mod protocol;
pub mod refusal;
pub mod tcp;
pub mod transport;

pub use zerocopy::FromBytes;

/// Where a frame's bytes come from.
pub trait Frame {
    /// The `T` at `offset`, its bytes as they were on the wire: `u32::from_be` makes a field of them a number. `None` when the frame
    /// ends before. A header of whole words is read as such: an array of bytes the program would take apart.
    fn at<T: FromBytes>(&self, offset: usize) -> Option<T>;

    /// The `N` bytes at `offset`, for those who need no more than some bytes.
    #[inline(always)]
    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        self.at(offset)
    }

    /// Whether the frame holds `end` bytes or more.
    fn has(&self, end: usize) -> bool;

    /// Copies the `len` bytes at `offset` to the beginning of `to`; false, with `to` as it was, when the frame ends
    /// before or `to` is too small. Slower than [`Self::read`]; for lengths that the packet tells.
    fn copy(&self, offset: usize, len: usize, to: &mut [u8]) -> bool;

    /// Walks the first `len` bytes of these options.
    #[inline(always)]
    fn walk_options(&self, options: &ipv4::Options, len: usize) -> ipv4::OptionsAre {
        options.walk(len)
    }

    /// The VLAN tags that were taken out of the frame, outermost first, before its bytes were handed over: at most one, and
    /// none where the frame is as it was on the wire.
    #[inline(always)]
    fn tags_removed(&self) -> usize {
        0
    }

    /// `number` itself, which has 15 bits as every offset of a header has. The kernel's verifier, which follows every way
    /// through the program with all that it knows of each value, is to forget here what it knows of this one: the ways
    /// that led to it become one.
    #[inline(always)]
    fn forget(&self, number: usize) -> usize {
        number
    }
}

/// A whole frame in memory.
impl Frame for [u8] {
    fn at<T: FromBytes>(&self, offset: usize) -> Option<T> {
        let (found, _) = T::read_from_prefix(self.get(offset..)?).ok()?;
        Some(found)
    }

    fn has(&self, end: usize) -> bool {
        self.len() >= end
    }

    fn copy(&self, offset: usize, len: usize, to: &mut [u8]) -> bool {
        match (self.get(offset..).and_then(|rest| rest.get(..len)), to.get_mut(..len)) {
            (Some(from), Some(to)) => {
                to.copy_from_slice(from);
                true
            }
            _ => false,
        }
    }
}

/// What the IP header says about fragmentation. A word of bits and no enum: the program is verified once for all of its
/// values instead of once for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Fragment(u16);

impl Fragment {
    /// Where the payload belongs in the packet, in units of 8 bytes.
    const OFFSET: u16 = 0x1fff;
    const MORE: u16 = 0x2000;
    /// An IPv6 fragment header tells so.
    const HEADER: u16 = 0x4000;
    /// The packet is whole.
    pub const WHOLE: Self = Self(0);

    /// As the second word of an IPv4 header has it, in its lower half.
    #[inline(always)]
    #[must_use]
    pub fn from_ipv4(second: u32) -> Self {
        Self((second & 0x3fff) as u16)
    }

    /// As an IPv6 fragment header has it: the offset before the flags.
    #[inline(always)]
    #[must_use]
    pub fn from_ipv6(field: u16) -> Self {
        Self(field >> 3 | (field & 1) << 13 | Self::HEADER)
    }

    /// Whether there is nothing about fragments in the packet's headers.
    #[inline(always)]
    #[must_use]
    pub fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Whether the payload is all there: no fragment, or an IPv6 "atomic" one (RFC 6946).
    #[inline(always)]
    #[must_use]
    pub fn is_whole(self) -> bool {
        self.0 & (Self::OFFSET | Self::MORE) == 0
    }

    /// Whether it is the first of several.
    #[inline(always)]
    #[must_use]
    pub fn is_first(self) -> bool {
        self.0 & (Self::OFFSET | Self::MORE) == Self::MORE
    }

    /// Where the payload of one that is not the first belongs, in units of 8 bytes: it holds no transport header.
    #[inline(always)]
    #[must_use]
    pub fn later(self) -> Option<u16> {
        let offset = self.0 & Self::OFFSET;
        (offset > 0).then_some(offset)
    }

    /// The same, of which the verifier knows nothing any more.
    #[inline(always)]
    fn forgotten<F: Frame + ?Sized>(self, frame: &F) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "it is the same number")]
        let bits = frame.forget(usize::from(self.0)) as u16;
        Self(bits)
    }
}

/// An IP packet whose headers up to the transport header were read.
///
/// Bytes come first, where a [`Reason`](crate::Reason) would be in its place: else the program would take words apart
/// around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Packet<A> {
    /// The protocol of the payload. Of a later IPv6 fragment it is what that fragment claims, and not to be trusted.
    pub protocol: u8,
    /// Hop limit or time to live.
    pub hop_limit: u8,
    /// How many authentication headers (RFC 4302) stood before the payload: 0 or 1. No `bool`, among whose spare values
    /// the compiler would hide that there is no packet: the program would move what is undefined then.
    pub authenticated: u8,
    /// What the IP header says about fragmentation.
    pub fragment: Fragment,
    /// Where the payload begins.
    pub payload: usize,
    /// Where the packet ends by its own length field; bytes beyond are padding and must not influence the verdict.
    pub end: usize,
    /// Source address.
    pub source: A,
    /// Destination address.
    pub destination: A,
}
