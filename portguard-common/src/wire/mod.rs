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
pub mod tcp;
pub mod transport;

/// Where a frame's bytes come from.
pub trait Frame {
    /// The `N` bytes at `offset`, in network order as they were on the wire; `None` when the frame ends before.
    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]>;

    /// The `N` 32-bit words at `offset`, each in network order as it was on the wire; `u32::from_be` makes it a number.
    /// What a header of whole words is read by: an array of bytes the program would take apart.
    fn words<const N: usize>(&self, offset: usize) -> Option<[u32; N]>;

    /// The `N` 64-bit words at `offset`, like [`Self::words`].
    fn long_words<const N: usize>(&self, offset: usize) -> Option<[u64; N]>;

    /// Whether the frame holds `end` bytes or more.
    fn has(&self, end: usize) -> bool;

    /// Copies the `len` bytes at `offset` to the beginning of `to`; false, with `to` as it was, when the frame ends
    /// before or `to` is too small. Slower than [`Self::read`]; for lengths that the packet tells.
    fn copy(&self, offset: usize, len: usize, to: &mut [u8]) -> bool;

    /// `offset` itself. The kernel's verifier, which follows every way through the program with all that it knows of
    /// each value, is to forget here what it knows of this one: the ways that led to it become one.
    #[inline(always)]
    fn forget(&self, offset: usize) -> usize {
        offset
    }
}

/// A whole frame in memory.
impl Frame for [u8] {
    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        self.get(offset..)?.first_chunk().copied()
    }

    fn words<const N: usize>(&self, offset: usize) -> Option<[u32; N]> {
        let (words, _) = self.get(offset..)?.as_chunks();
        words.first_chunk::<N>().map(|words| words.map(u32::from_ne_bytes))
    }

    fn long_words<const N: usize>(&self, offset: usize) -> Option<[u64; N]> {
        let (words, _) = self.get(offset..)?.as_chunks();
        words.first_chunk::<N>().map(|words| words.map(u64::from_ne_bytes))
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

/// What the IP header says about fragmentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fragment {
    /// The packet is whole.
    Whole,
    /// An IPv6 "atomic" fragment: whole, but with a fragment header (RFC 6946).
    Atomic,
    /// The first of several.
    First,
    /// One that is not the first: it holds no transport header.
    Later {
        /// Where its payload belongs in the packet, in units of 8 bytes.
        offset: u16,
    },
}

impl Fragment {
    /// From the 13-bit offset (in units of 8 bytes) and the more-fragments flag.
    #[inline(always)]
    #[must_use]
    pub fn new(offset: u16, more: bool) -> Self {
        match (offset, more) {
            (0, false) => Self::Whole,
            (0, true) => Self::First,
            _ => Self::Later { offset },
        }
    }

    /// Whether the payload is all there.
    #[inline(always)]
    #[must_use]
    pub fn is_whole(self) -> bool {
        matches!(self, Self::Whole | Self::Atomic)
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
    /// Whether an authentication header (RFC 4302) stood before the payload.
    pub authenticated: bool,
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
