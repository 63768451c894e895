//! IPv4 (RFC 791).

use core::hint::black_box;

use network_types::ip::Ipv4Hdr;

use super::{Fragment, Frame, Packet, ah, protocol};
use crate::Reason;

/// An address: four bytes in network order. One word and not an array, since the program would take an array apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Address(u32);

impl Address {
    /// The address that a word of a header is.
    #[inline(always)]
    #[must_use]
    pub fn from_word(word: u32) -> Self {
        Self(word)
    }

    /// The address with these bytes.
    #[inline(always)]
    #[must_use]
    pub fn from_octets(octets: [u8; 4]) -> Self {
        Self(u32::from_ne_bytes(octets))
    }

    /// The address as a number.
    #[inline(always)]
    #[must_use]
    pub fn to_bits(self) -> u32 {
        u32::from_be(self.0)
    }
}

/// Whether an address stands for several hosts: multicast (RFC 5771), what is reserved beyond, and broadcast.
#[inline(always)]
#[must_use]
pub fn is_group(address: Address) -> bool {
    address.to_bits() >= 224 << 24
}

/// The words of a header without options.
const WORDS: usize = Ipv4Hdr::LEN / 4;
/// Loose and strict source routing (RFC 791 section 3.1, RFC 7126 section 4.3 and 4.4).
const SOURCE_ROUTES: [u8; 2] = [131, 137];
/// The options' most: 15 words of header less the 5 fixed ones.
const MAX_OPTIONS: usize = 40;

/// Reads an IPv4 header at `offset`, and an authentication header behind it.
#[inline(always)]
pub fn parse<F: Frame + ?Sized>(frame: &F, offset: usize) -> Result<Packet<Address>, Reason> {
    let header: [u32; WORDS] = frame.at(offset).ok_or(Reason::Short)?;
    // Version, header length in words, type of service, total length.
    let first = u32::from_be(header[0]);
    let header_len = (first >> 24 & 15) as usize * 4;
    let total_len = (first & 0xffff) as usize;
    if first >> 28 != 4 || header_len < Ipv4Hdr::LEN {
        return Err(Reason::Malformed);
    }
    let end = offset + total_len;
    if total_len < header_len || !frame.has(end) {
        return Err(if frame.has(offset + header_len) { Reason::Malformed } else { Reason::Short });
    }
    if header_len > Ipv4Hdr::LEN {
        check_options(frame, offset + Ipv4Hdr::LEN, header_len - Ipv4Hdr::LEN)?;
    }
    // Identification, flags, fragment offset; time to live, protocol, checksum.
    let (second, third) = (u32::from_be(header[1]), u32::from_be(header[2]).to_be_bytes());
    let mut packet = Packet {
        source: Address::from_word(header[3]),
        destination: Address::from_word(header[4]),
        hop_limit: third[0],
        protocol: third[1],
        payload: offset + header_len,
        end,
        fragment: Fragment::from_ipv4(second),
        authenticated: 0,
    };
    if packet.protocol == protocol::AH && packet.fragment.later().is_none() {
        (packet.protocol, packet.payload) = ah::parse(frame, &packet)?;
        packet.authenticated = 1;
        // A second one would hide its payload behind the rule that admits the first.
        if packet.protocol == protocol::AH {
            return Err(Reason::ExtensionOrder);
        }
    }
    Ok(packet)
}

/// A copy of an IPv4 header's options with zeros behind them, which end a list of options. Aligned, so that it is
/// cleared word by word.
#[repr(C, align(8))]
pub struct Options([u8; MAX_OPTIONS + 8]);

/// What is to be said of a header's options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum OptionsAre {
    /// They may pass.
    Sound,
    /// One of them says by which way the packet is to go.
    SourceRoute,
    /// One of them has no size, or ends behind the header.
    Malformed,
}

impl Options {
    #[inline(always)]
    fn new() -> Self {
        // Each byte by itself is opaque to the compiler, or it would call `memset`, which the kernel's loaders don't
        // link.
        let zero = black_box(0_u64).to_ne_bytes();
        let mut bytes = [0; MAX_OPTIONS + 8];
        for chunk in bytes.as_chunks_mut::<8>().0 {
            *chunk = zero;
        }
        Self(bytes)
    }

    /// Walks the first `len` bytes.
    #[inline(always)]
    #[must_use]
    pub fn walk(&self, len: usize) -> OptionsAre {
        let mut position = 0;
        for _ in 0..MAX_OPTIONS {
            let (kind, size) = (self.0[position], self.0[position + 1]);
            if kind == 0 {
                break;
            }
            if SOURCE_ROUTES.contains(&kind) {
                return OptionsAre::SourceRoute;
            }
            // 1 for the option of one byte, 0 for the others, by arithmetic: a branch at each step would make two to the
            // power of forty ways through this loop, and the verifier would walk them all.
            let single = black_box(u32::from(kind).wrapping_sub(2)) >> 31;
            let size = (u32::from(size) & single.wrapping_sub(1)) | single;
            if size < 2 - single {
                return OptionsAre::Malformed;
            }
            position += size as usize;
            if position >= MAX_OPTIONS {
                break;
            }
        }
        if position > len { OptionsAre::Malformed } else { OptionsAre::Sound }
    }
}

/// Checks the `len` bytes of options at `offset`.
#[inline(always)]
fn check_options<F: Frame + ?Sized>(frame: &F, offset: usize, len: usize) -> Result<(), Reason> {
    let mut options = Options::new();
    if !frame.copy(offset, len, &mut options.0) {
        return Err(Reason::Short);
    }
    match frame.walk_options(&options, len) {
        OptionsAre::Sound => Ok(()),
        OptionsAre::SourceRoute => Err(Reason::SourceRoute),
        OptionsAre::Malformed => Err(Reason::Malformed),
    }
}
