//! What holds a program on an interface: a link that this process holds by a descriptor, or a filter, which holds itself.

use std::{fs, io, os::fd::AsRawFd as _};

use aya::programs::{
    MultiProgLink as _,
    links::{FdLink, LinkError},
    tc::SchedClassifierLink,
};

use super::clsact;
use crate::matrix::Hook;

/// A link, of the kind that its hook has, or a filter.
#[derive(Debug)]
pub(super) enum Held {
    Xdp(FdLink),
    Tc(Hook, SchedClassifierLink),
    Filter(HeldFilter),
}

/// A filter in clsact.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeldFilter {
    /// The number of its interface.
    pub(super) index: u32,
    /// The kernel's number for the program that it had last; 0, if there was no filter.
    pub(super) program: u32,
    /// Whether clsact was made for it.
    pub(super) owns_qdisc: bool,
}

impl Held {
    /// `link`, which is one of `hook`. `None`: it is not.
    pub(super) fn link(hook: Hook, link: FdLink) -> Option<Self> {
        match hook {
            Hook::Xdp => Some(Self::Xdp(link)),
            Hook::Tcx | Hook::Egress => {
                SchedClassifierLink::try_from(link).map(|link| Self::Tc(hook, link)).ok()
            }
            Hook::Clsact => None,
        }
    }

    /// Which hook its kind belongs to.
    pub(super) fn hook(&self) -> Hook {
        match self {
            Self::Xdp(_) => Hook::Xdp,
            Self::Tc(hook, _) => *hook,
            Self::Filter(_) => Hook::Clsact,
        }
    }

    /// The kernel's number for its program.
    pub(super) fn program_id(&self) -> Result<u32, LinkError> {
        let link = match self {
            Self::Xdp(link) => link,
            Self::Tc(_, link) => link.try_into()?,
            Self::Filter(filter) => return Ok(filter.program),
        };
        Ok(link.info()?.program_id())
    }

    /// Where it is attached, by the number of the interface; 0: nowhere any more. Of XDP the kernel tells with the
    /// interface what is on it; of tcx that takes a privilege which a daemon has given up, so that the link is asked.
    pub(super) fn interface(&self) -> Result<Option<u32>, io::Error> {
        match self {
            Self::Xdp(_) => Ok(None),
            Self::Tc(_, link) => {
                let descriptor = link.fd().map_err(io::Error::other)?.as_raw_fd();
                let told = fs::read_to_string(format!("/proc/self/fdinfo/{descriptor}"))?;
                let interface = told.lines().find_map(|line| line.strip_prefix("ifindex:"));
                let interface = interface.and_then(|number| number.trim().parse().ok());
                interface.map(Some).ok_or_else(|| io::ErrorKind::InvalidData.into())
            }
            Self::Filter(HeldFilter { index, program, .. }) => {
                let is_there = clsact::program(*index)? == Some(*program);
                Ok(Some(if is_there { *index } else { 0 }))
            }
        }
    }
}
