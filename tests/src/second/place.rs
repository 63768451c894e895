//! What is asked of the site about a frame: its rules and posture for the way that the frame goes.

use std::net::IpAddr;

use portguard::matrix::{Direction, Matrix, Mode, Posture, ZoneId};
use portguard_common::Reason;

use super::{judge::Packet, ports::Rules};

/// Where a frame comes in or leaves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) matrix: &'a Matrix,
    pub(super) zone: ZoneId,
    pub(super) dhcp: bool,
    pub(super) direction: Direction,
    pub(super) own: &'a [IpAddr],
}

impl<'a> Place<'a> {
    /// The rules for frames that go this way.
    pub(super) fn rules(self) -> Rules<'a> {
        self.rules_of(self.direction)
    }

    pub(super) fn rules_of(self, direction: Direction) -> Rules<'a> {
        let Self { matrix, zone, own, .. } = self;
        Rules { matrix, zone, direction, own }
    }

    /// Who is at the other end.
    pub(super) fn peer(self, packet: &Packet<'_>) -> IpAddr {
        let [source, destination] = packet.ends;
        match self.direction {
            Direction::In => source,
            Direction::Out => destination,
        }
    }

    /// Whether what rules would drop comes in all the same.
    pub(super) fn observes_inbound(self) -> bool {
        self.matrix.mode == Mode::Observe
    }

    /// What becomes of what no rule names.
    pub(super) fn by_posture(self, pass: Reason, drop: Reason) -> Reason {
        let posture = match self.direction {
            Direction::In => self.matrix.posture,
            Direction::Out => self.matrix.outbound.expect("the site judges what leaves").posture,
        };
        if posture == Posture::Pass { pass } else { drop }
    }
}
