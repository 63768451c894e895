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

/// How the program of what leaves is put on an interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutboundAttach {
    /// At tcx where the kernel has it, else in clsact.
    #[default]
    Auto,
    /// At tcx or not at all.
    Tcx,
    /// As a filter in clsact, the older tc.
    Clsact,
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
    /// clsact where packets leave: a filter of the older tc, behind tcx, which anybody with the privilege deletes.
    Clsact,
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

impl OutboundAttach {
    /// Where the program may be then, the best place first.
    pub fn hooks(self) -> &'static [Hook] {
        match self {
            Self::Auto => &[Hook::Egress, Hook::Clsact],
            Self::Tcx => &[Hook::Egress],
            Self::Clsact => &[Hook::Clsact],
        }
    }

    /// Its name in site files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Tcx => "tcx",
            Self::Clsact => "clsact",
        }
    }
}

impl Hook {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Xdp, Self::Tcx, Self::Egress, Self::Clsact];

    /// Those of what comes in.
    pub const INBOUND: [Self; 2] = [Self::Xdp, Self::Tcx];

    /// Which way packets go there.
    pub fn direction(self) -> Direction {
        match self {
            Self::Xdp | Self::Tcx => Direction::In,
            Self::Egress | Self::Clsact => Direction::Out,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Xdp => "XDP",
            Self::Tcx => "tcx",
            Self::Egress => "tcx egress",
            Self::Clsact => "clsact egress",
        }
    }
}
