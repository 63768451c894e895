//! The programs of a generation: the one for XDP, and beside it the one for tcx where the site uses that.

use std::path::Path;

use aya::programs::{
    ProgramError, SchedClassifier, Xdp, links::FdLink, tc::SchedClassifierLink, xdp::XdpLink,
};
use aya_obj::programs::XdpAttachType;

use super::{DatapathError, Loaded};
use crate::matrix::Hook;

const XDP: &str = "program";
const TCX: &str = "tcx";

/// The programs of a generation that is pinned.
pub(super) struct Programs {
    pub(super) xdp: Xdp,
    pub(super) tcx: Option<SchedClassifier>,
    xdp_id: u32,
    tcx_id: Option<u32>,
}

impl Programs {
    /// Pins those of `loaded` in `directory`.
    pub(super) fn pin(loaded: &mut Loaded, directory: &Path) -> Result<(), DatapathError> {
        let path = directory.join(XDP);
        loaded.xdp()?.pin(&path).map_err(|source| DatapathError::pin(&path, source))?;
        if loaded.has(Hook::Tcx) {
            let path = directory.join(TCX);
            loaded.tcx()?.pin(&path).map_err(|source| DatapathError::pin(&path, source))?;
        }
        Ok(())
    }

    /// Those that are pinned in `directory`: the one for tcx, too, if the generation `has_tcx`.
    pub(super) fn open(directory: &Path, has_tcx: bool) -> Result<Self, DatapathError> {
        let path = directory.join(XDP);
        let error = |source| DatapathError::PinnedProgram { path: path.clone(), source: Box::new(source) };
        let xdp = Xdp::from_pin(&path, XdpAttachType::Interface).map_err(error)?;
        let xdp_id = xdp.info().map_err(error)?.id();
        let path = directory.join(TCX);
        let error = |source| DatapathError::PinnedProgram { path: path.clone(), source: Box::new(source) };
        let tcx = has_tcx.then(|| SchedClassifier::from_pin(&path)).transpose().map_err(error)?;
        let tcx_info = tcx.as_ref().map(SchedClassifier::info).transpose().map_err(error)?;
        Ok(Self { xdp, tcx, xdp_id, tcx_id: tcx_info.map(|info| info.id()) })
    }

    /// The kernel's number for the one of `hook`, if there is one.
    pub(super) fn id(&self, hook: Hook) -> Option<u32> {
        match hook {
            Hook::Xdp => Some(self.xdp_id),
            Hook::Tcx => self.tcx_id,
        }
    }

    /// Puts the one of `hook` in the place of that which `link` has, between two packets, and gives the link back.
    pub(super) fn take_over(&mut self, hook: Hook, link: FdLink) -> Result<FdLink, TakeOverError> {
        match (hook, &mut self.tcx) {
            (Hook::Xdp, _) => {
                let link = XdpLink::try_from(link).map_err(|_| TakeOverError::ForeignLink)?;
                let id = self.xdp.attach_to_link(link)?;
                FdLink::try_from(self.xdp.take_link(id)?).map_err(|_| TakeOverError::ForeignLink)
            }
            (Hook::Tcx, Some(tcx)) => {
                let link = SchedClassifierLink::try_from(link).map_err(|_| TakeOverError::ForeignLink)?;
                let id = tcx.attach_to_link(link)?;
                FdLink::try_from(tcx.take_link(id)?).map_err(|_| TakeOverError::ForeignLink)
            }
            (Hook::Tcx, None) => Err(TakeOverError::NoProgram),
        }
    }
}

/// Why a link cannot be given to a program.
pub(super) enum TakeOverError {
    /// It is not one of that kind of program.
    ForeignLink,
    /// The generation has no program for it.
    NoProgram,
    /// The kernel refuses.
    Refused(ProgramError),
}

impl From<ProgramError> for TakeOverError {
    fn from(error: ProgramError) -> Self {
        Self::Refused(error)
    }
}
