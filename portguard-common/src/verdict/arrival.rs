//! What is known of a packet from where it came in, or goes out.

use crate::abi::port_entries;

/// Where the zone of the interface begins in the port table, and whether DHCP passes on it. Of a packet that leaves the zone
/// is one of the outbound ones, which stand behind all others. One word, since it is kept
/// throughout the verdict and hardly ever asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Arrival(u32);

impl Arrival {
    const DHCP: u32 = 1 << 31;

    /// By an interface of `zone`; `dhcp` tells whether DHCP passes. No port table has room for a zone whose entries
    /// this can't number.
    #[inline(always)]
    #[must_use]
    pub const fn new(zone: u16, dhcp: bool) -> Self {
        let first = (zone as u32).wrapping_mul(port_entries::PER_ZONE) & !Self::DHCP;
        Self(first | if dhcp { Self::DHCP } else { 0 })
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

    /// The zone.
    #[inline(always)]
    #[must_use]
    pub const fn zone(self) -> u16 {
        ((self.0 & !Self::DHCP) / port_entries::PER_ZONE) as u16
    }

    /// What a packet leaves by where this one comes in, of a table with `zones` zones in each direction.
    #[inline(always)]
    #[must_use]
    pub const fn departing(self, zones: u32) -> Self {
        Self(self.0.wrapping_add(zones.wrapping_mul(port_entries::PER_ZONE)))
    }

    /// What a packet comes in by where this one goes out, of a table with `zones` zones in each direction.
    #[inline(always)]
    pub(super) const fn opposite(self, zones: u32) -> Self {
        Self(self.0.wrapping_sub(zones.wrapping_mul(port_entries::PER_ZONE)))
    }

    /// The zone's first entry in the port table.
    #[inline(always)]
    pub(super) const fn first_port(self) -> u32 {
        self.0 & !Self::DHCP
    }

    #[inline(always)]
    pub(super) const fn dhcp(self) -> bool {
        self.0 & Self::DHCP != 0
    }
}
