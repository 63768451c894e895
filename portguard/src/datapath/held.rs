//! A link that this process holds by a descriptor.

use std::{fs, io, os::fd::AsRawFd as _};

use aya::programs::{
    MultiProgLink as _,
    links::{FdLink, LinkError},
    tc::SchedClassifierLink,
};

use crate::matrix::Hook;

/// A link, of the kind that its hook has.
#[derive(Debug)]
pub(super) enum HeldLink {
    Xdp(FdLink),
    Tc(Hook, SchedClassifierLink),
}

impl HeldLink {
    /// `link`, which is one of `hook`. `None`: it is not.
    pub(super) fn new(hook: Hook, link: FdLink) -> Option<Self> {
        match hook {
            Hook::Xdp => Some(Self::Xdp(link)),
            Hook::Tcx | Hook::Egress => {
                SchedClassifierLink::try_from(link).map(|link| Self::Tc(hook, link)).ok()
            }
        }
    }

    /// Which hook its kind belongs to.
    pub(super) fn hook(&self) -> Hook {
        match self {
            Self::Xdp(_) => Hook::Xdp,
            Self::Tc(hook, _) => *hook,
        }
    }

    /// The kernel's number for its program.
    pub(super) fn program_id(&self) -> Result<u32, LinkError> {
        let link = match self {
            Self::Xdp(link) => link,
            Self::Tc(_, link) => link.try_into()?,
        };
        Ok(link.info()?.program_id())
    }

    /// Where a tcx link is attached, by the number of the interface; 0: nowhere any more. Of XDP the kernel tells with the
    /// interface what is on it; of tcx that takes a privilege which a daemon has given up, so that the link is asked.
    pub(super) fn interface(&self) -> Result<Option<u32>, io::Error> {
        let Self::Tc(_, link) = self else { return Ok(None) };
        let descriptor = link.fd().map_err(io::Error::other)?.as_raw_fd();
        let told = fs::read_to_string(format!("/proc/self/fdinfo/{descriptor}"))?;
        let interface = told.lines().find_map(|line| line.strip_prefix("ifindex:"));
        let interface = interface.and_then(|number| number.trim().parse().ok());
        interface.map(Some).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }
}
