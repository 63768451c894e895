//! What became of a packet: a reason, and the counter of the documented port that it concerned.

use core::convert::Infallible;

use crate::Reason;

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Why.
    pub reason: Reason,
    /// [`NO_SLOT`] or a slot: an `Option` would leave its number undefined where there is none, and the kernel lets no
    /// program move undefined values about.
    slot: u32,
}

/// No image has as many counters.
const NO_SLOT: u32 = u32::MAX;

/// What each step of a verdict returns: an outcome ends the walk through the steps, so `?` hands it up, whether the packet
/// passes or drops.
pub(super) type Settled = Result<Infallible, Outcome>;

impl Outcome {
    /// A packet that concerns no documented port.
    #[inline(always)]
    #[must_use]
    pub const fn of(reason: Reason) -> Self {
        Self { reason, slot: NO_SLOT }
    }

    /// A packet that concerns the documented port whose counter is `slot`.
    #[inline(always)]
    pub(super) const fn at(reason: Reason, slot: u32) -> Self {
        Self { reason, slot }
    }

    /// The same port, and why its packet drops after all.
    #[inline(always)]
    pub(super) const fn because(self, reason: Reason) -> Self {
        Self { reason, ..self }
    }

    /// The documented port's counter: of the rule that admitted the packet, or the port's first
    /// ([`DROPPED`](crate::abi::port_slots::DROPPED)) when it drops. `None` where no documented port is concerned.
    #[inline(always)]
    #[must_use]
    pub const fn slot(self) -> Option<u32> {
        if self.slot == NO_SLOT { None } else { Some(self.slot) }
    }
}

impl From<Reason> for Outcome {
    #[inline(always)]
    fn from(reason: Reason) -> Self {
        Self::of(reason)
    }
}
