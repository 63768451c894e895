//! What is known of a packet from where it came in.

/// The zone of the interface, and whether DHCP answers pass on it. One word, since it is kept throughout the verdict and
/// hardly ever asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Arrival(u32);

impl Arrival {
    const DHCP: u32 = 1 << 16;

    /// By an interface of `zone`; `dhcp` tells whether DHCP answers pass.
    #[inline(always)]
    #[must_use]
    pub const fn new(zone: u16, dhcp: bool) -> Self {
        Self(zone as u32 | if dhcp { Self::DHCP } else { 0 })
    }

    /// From [`Self::to_bits`].
    #[inline(always)]
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// As settings and the table of interfaces hold it.
    #[inline(always)]
    #[must_use]
    pub const fn to_bits(self) -> u32 {
        self.0
    }

    #[inline(always)]
    pub(super) const fn zone(self) -> u32 {
        self.0 & 0xffff
    }

    #[inline(always)]
    pub(super) const fn dhcp(self) -> bool {
        self.0 & Self::DHCP != 0
    }
}
