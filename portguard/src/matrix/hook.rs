//! Where an interface is guarded.

use serde::{Deserialize, Serialize};

use super::Direction;

/// How the program is put on an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Attach {
    /// In the driver where it can, else in the generic hook.
    Auto,
    /// In the driver or not at all.
    Native,
    /// In the generic hook.
    Generic,
    /// At tcx, beside other programs.
    Tcx,
}

/// A place on a packet's way at which the kernel runs a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hook {
    /// XDP, in the driver or in the generic hook: one program an interface.
    Xdp,
    /// tcx, when the packet has become a buffer of the kernel's: any number of programs, one after the other.
    Tcx,
    /// tcx where packets leave, likewise.
    Egress,
}

impl Attach {
    /// Where the program is then.
    pub fn hook(self) -> Hook {
        match self {
            Self::Auto | Self::Native | Self::Generic => Hook::Xdp,
            Self::Tcx => Hook::Tcx,
        }
    }
}

impl Hook {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Xdp, Self::Tcx, Self::Egress];

    /// Those of what comes in.
    pub const INBOUND: [Self; 2] = [Self::Xdp, Self::Tcx];

    /// Which way packets go there.
    pub fn direction(self) -> Direction {
        match self {
            Self::Xdp | Self::Tcx => Direction::In,
            Self::Egress => Direction::Out,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Xdp => "XDP",
            Self::Tcx => "tcx",
            Self::Egress => "tcx egress",
        }
    }
}
