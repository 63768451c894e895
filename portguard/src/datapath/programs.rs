//! The programs of a generation: the one for XDP, and beside it those for tc where the site uses them. The one of what leaves is
//! the same at tcx and in clsact.

use std::{collections::BTreeMap, path::Path};

use aya::programs::{
    ProgramError, SchedClassifier, Xdp, links::FdLink, tc::SchedClassifierLink, xdp::XdpLink,
};
use aya_obj::programs::XdpAttachType;

use super::{DatapathError, Loaded};
use crate::matrix::Hook;

const XDP: &str = "program";
const TCX: &str = "tcx";
const EGRESS: &str = "egress";

/// The programs of a generation that is pinned.
pub(super) struct Programs {
    pub(super) xdp: Xdp,
    xdp_id: u32,
    /// Those of tc, by where they are put at tcx, and the kernel's numbers for them.
    tc: BTreeMap<Hook, (SchedClassifier, u32)>,
}

impl Programs {
    /// Pins those of `loaded` in `directory`.
    pub(super) fn pin(loaded: &mut Loaded, directory: &Path) -> Result<(), DatapathError> {
        let path = directory.join(XDP);
        loaded.xdp()?.pin(&path).map_err(|source| DatapathError::pin(&path, source))?;
        for (hook, name) in [(Hook::Tcx, TCX), (Hook::Egress, EGRESS)] {
            if loaded.has(hook) {
                let path = directory.join(name);
                loaded.tc(hook)?.pin(&path).map_err(|source| DatapathError::pin(&path, source))?;
            }
        }
        Ok(())
    }

    /// Those that are pinned in `directory`: beside the one for XDP those of `hooks`.
    pub(super) fn open(directory: &Path, hooks: &[Hook]) -> Result<Self, DatapathError> {
        let path = directory.join(XDP);
        let error = |source| DatapathError::PinnedProgram { path: path.clone(), source: Box::new(source) };
        let xdp = Xdp::from_pin(&path, XdpAttachType::Interface).map_err(error)?;
        let xdp_id = xdp.info().map_err(error)?.id();
        let mut tc = BTreeMap::new();
        for &hook in hooks {
            let path = directory.join(if hook == Hook::Egress { EGRESS } else { TCX });
            let error =
                |source| DatapathError::PinnedProgram { path: path.clone(), source: Box::new(source) };
            let program = SchedClassifier::from_pin(&path).map_err(error)?;
            let id = program.info().map_err(error)?.id();
            tc.insert(hook, (program, id));
        }
        Ok(Self { xdp, xdp_id, tc })
    }

    /// The kernel's number for the one of `hook`, if there is one.
    pub(super) fn id(&self, hook: Hook) -> Option<u32> {
        match hook {
            Hook::Xdp => Some(self.xdp_id),
            Hook::Tcx | Hook::Egress => self.tc.get(&hook).map(|(_, id)| *id),
            Hook::Clsact => self.id(Hook::Egress),
        }
    }

    /// The one of what leaves and the kernel's number for it, if there is one.
    pub(super) fn outbound(&self) -> Option<(&SchedClassifier, u32)> {
        self.tc.get(&Hook::Egress).map(|(program, id)| (program, *id))
    }

    /// The one of tcx for `hook`, if there is one.
    pub(super) fn tc(&mut self, hook: Hook) -> Option<&mut SchedClassifier> {
        self.tc.get_mut(&hook).map(|(program, _)| program)
    }

    /// Puts the one of `hook` in the place of that which `link` has, between two packets, and gives the link back.
    pub(super) fn take_over(&mut self, hook: Hook, link: FdLink) -> Result<FdLink, TakeOverError> {
        if hook == Hook::Xdp {
            let link = XdpLink::try_from(link).map_err(|_| TakeOverError::ForeignLink)?;
            let id = self.xdp.attach_to_link(link)?;
            return FdLink::try_from(self.xdp.take_link(id)?).map_err(|_| TakeOverError::ForeignLink);
        }
        let program = self.tc(hook).ok_or(TakeOverError::NoProgram)?;
        let link = SchedClassifierLink::try_from(link).map_err(|_| TakeOverError::ForeignLink)?;
        let id = program.attach_to_link(link)?;
        FdLink::try_from(program.take_link(id)?).map_err(|_| TakeOverError::ForeignLink)
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
