//! What became of a packet: a reason, and the counter of the documented port that it concerned.

use core::convert::Infallible;

use crate::{
    Reason,
    abi::{port_slots, undocumented},
};

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Why.
    pub reason: Reason,
    /// A slot, or an undocumented port's place beside [`UNDOCUMENTED`], or [`NO_SLOT`]: an `Option` would leave its number
    /// undefined where there is none, and the kernel lets no program move undefined values about.
    slot: u32,
}

/// No image has as many counters.
const UNDOCUMENTED: u32 = 1 << 31;
/// There are not so many undocumented ports.
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

    /// A packet to the undocumented port whose place in [`abi::undocumented`](crate::abi::undocumented) is `place`.
    #[inline(always)]
    pub(super) const fn undocumented(reason: Reason, place: u32) -> Self {
        Self { reason, slot: UNDOCUMENTED | place }
    }

    /// A packet that the rule admitted whose counter is `slot`.
    #[inline(always)]
    pub(super) const fn admitted(slot: u32) -> Self {
        Self { reason: Reason::Admitted, slot }
    }

    /// A packet to the documented port whose first counter is `slot`, which no rule admitted.
    #[inline(always)]
    pub(super) const fn refused(slot: u32) -> Self {
        Self { reason: Reason::SourceNotAdmitted, slot: slot + port_slots::REFUSED }
    }

    /// The same port's, where `reason` says more than that no rule admitted the packet.
    #[inline(always)]
    pub(super) const fn because(self, reason: Reason) -> Self {
        let slot = if self.slot & UNDOCUMENTED != 0 || reason.is_counted_by_port() {
            self.slot
        } else {
            self.slot - port_slots::REFUSED + port_slots::UNANSWERED
        };
        Self { reason, slot }
    }

    /// The same of a packet that leaves: its reason is about the destination, its undocumented port one of the outbound places.
    #[inline(always)]
    pub(super) const fn outbound(self) -> Self {
        let refused = matches!(self.reason, Reason::SourceNotAdmitted);
        let reason = if refused { Reason::DestinationNotAdmitted } else { self.reason };
        let slot = match self.undocumented_place() {
            Some(place) => UNDOCUMENTED | (undocumented::OUT + place),
            None => self.slot,
        };
        Self { reason, slot }
    }

    /// The documented port's counter: of the rule that admitted the packet, or one of those of its drops. `None` where no
    /// documented port is concerned.
    #[inline(always)]
    #[must_use]
    pub const fn slot(self) -> Option<u32> {
        if self.slot & UNDOCUMENTED == 0 { Some(self.slot) } else { None }
    }

    /// The outcome as a number: in the low 32 bits [`Self::slot`], or 2^31 and [`Self::undocumented_place`], or all ones; above
    /// them the reason's index. What [`drops::key`](crate::drops::key) takes.
    #[inline(always)]
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.slot as u64 | (self.reason as u64) << 32
    }

    /// From [`Self::to_bits`].
    #[expect(clippy::cast_possible_truncation, reason = "each part is cut out of the number")]
    #[inline(always)]
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        let reason = match Reason::from_index((bits >> 32) as u8) {
            Some(reason) => reason,
            None => Reason::Internal,
        };
        Self { reason, slot: bits as u32 }
    }

    /// The place of the undocumented port's counter; `None` where no undocumented port decided.
    #[inline(always)]
    #[must_use]
    pub const fn undocumented_place(self) -> Option<u32> {
        if self.slot & UNDOCUMENTED == 0 || self.slot == NO_SLOT {
            None
        } else {
            Some(self.slot & !UNDOCUMENTED)
        }
    }
}

impl From<Reason> for Outcome {
    #[inline(always)]
    fn from(reason: Reason) -> Self {
        Self::of(reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_the_number_that_it_becomes() {
        for &reason in Reason::ALL {
            for slot in [0, 7, UNDOCUMENTED | 7, NO_SLOT] {
                let outcome = Outcome { reason, slot };
                assert_eq!(Outcome::from_bits(outcome.to_bits()), outcome);
            }
        }
    }
}
