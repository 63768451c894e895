//! An interface that is guarded, and what holds the program on it.

use aya::programs::links::{FdLink, LinkError, PinnedLink};

use super::{
    DatapathError, Link, Present,
    bpffs::{PinDirectory, make},
    clsact,
    generation::Generation,
    held::{Held, HeldFilter},
};
use crate::matrix::Hook;

/// Where on its way a packet meets the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttachedMode {
    /// In the driver, before the kernel has made anything of the packet.
    Native,
    /// In the generic hook, which any interface has.
    Generic,
    /// At tc, beside other programs.
    Tcx,
    /// The same where packets leave.
    Egress,
    /// There by a filter of the older tc.
    Clsact,
}

impl AttachedMode {
    /// The word for it in logs and answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Generic => "generic",
            Self::Tcx => "tcx",
            Self::Egress => "outbound at tcx",
            Self::Clsact => "outbound at clsact",
        }
    }
}

/// An interface that is guarded.
#[derive(Debug)]
pub struct Guarded {
    /// The kernel's number for it.
    pub index: u32,
    /// Its name, when it was last looked for.
    pub name: String,
    /// How.
    pub mode: AttachedMode,
    /// Held beside the pin: whoever removes the pin alone opens nothing.
    held: Held,
    /// The same link once more, for what takes a descriptor and does not give it back when it fails.
    spare: Option<FdLink>,
}

impl Guarded {
    /// An interface that has just been given a program.
    pub(super) fn new(link: &Link, mode: AttachedMode, held: Held, spare: Option<FdLink>) -> Self {
        Self { index: link.index, name: link.name.clone(), mode, held, spare }
    }

    /// An interface whose link, or filter, is pinned.
    pub(super) fn open(
        index: u32,
        name: String,
        mode: AttachedMode,
        hook: Hook,
        pins: &PinDirectory,
    ) -> Result<Self, DatapathError> {
        let held = match hook {
            Hook::Clsact => {
                let program = clsact::program(index).map_err(asking_for_filter)?.unwrap_or_default();
                Held::Filter(HeldFilter { index, program, owns_qdisc: pins.own_qdisc(index).exists() })
            }
            _ => Held::link(hook, open(hook, index, pins)?).ok_or(DatapathError::ForeignLink)?,
        };
        Ok(Self { index, name, mode, held, spare: None })
    }

    /// Where its program is.
    pub fn hook(&self) -> Hook {
        self.held.hook()
    }

    /// The program that is on it.
    pub(super) fn program_id(&self) -> Result<u32, DatapathError> {
        self.held
            .program_id()
            .map_err(|source| DatapathError::Link { interface: self.name.clone(), source: Box::new(source) })
    }

    /// Whether its link still has the program on `interface`, the one with its number: the interface that it was on may be
    /// gone, or somebody may have taken the program off by force.
    pub(super) fn is_on(&self, interface: &Present) -> Result<bool, DatapathError> {
        match self.hook() {
            Hook::Xdp => Ok(interface.program.map(|program| program.id) == Some(self.program_id()?)),
            Hook::Tcx | Hook::Egress | Hook::Clsact => Ok(self.attached_to()? == Some(interface.index)),
        }
    }

    /// The interface that its link, or filter, is attached to, where that tells: 0, if none.
    pub(super) fn attached_to(&self) -> Result<Option<u32>, DatapathError> {
        self.held.interface().map_err(|source| match self.held {
            Held::Filter(_) => asking_for_filter(source),
            Held::Xdp(_) | Held::Tc(..) => {
                DatapathError::System { call: "reading a link's /proc/self/fdinfo", source }
            }
        })
    }

    /// Puts `generation` on it in the place of the one that is, between two packets.
    pub(super) fn move_to(
        &mut self,
        generation: &mut Generation,
        pins: &PinDirectory,
    ) -> Result<(), DatapathError> {
        if let Held::Filter(filter) = &mut self.held {
            let (program, id) = generation.outbound()?;
            let replaced = clsact::replace(filter.index, program)
                .map_err(|source| DatapathError::Filter { interface: self.name.clone(), source })?;
            if !replaced {
                return Err(DatapathError::Defunct);
            }
            filter.program = id;
            return Ok(());
        }
        let spare = self.spare(pins)?;
        self.spare = Some(generation.take_over(self.hook(), spare)?);
        Ok(())
    }

    /// Pins the link once more where its pin was removed. After an error it is still held.
    pub(super) fn pin_again(&mut self, pins: &PinDirectory) -> Result<(), DatapathError> {
        if let Held::Filter(filter) = &self.held {
            return pin_filter(filter.index, filter.owns_qdisc, pins);
        }
        let spare = self.spare(pins)?;
        let path = pins.link(self.hook(), self.index);
        let pinned = spare.pin(&path).map_err(|source| DatapathError::pin(&path, source))?;
        self.spare = Some(pinned.into());
        Ok(())
    }

    fn spare(&mut self, pins: &PinDirectory) -> Result<FdLink, DatapathError> {
        self.spare.take().map_or_else(|| open(self.hook(), self.index, pins), Ok)
    }
}

/// The link of `hook` that is pinned for the interface `index`.
pub(super) fn open(hook: Hook, index: u32, pins: &PinDirectory) -> Result<FdLink, DatapathError> {
    let path = pins.link(hook, index);
    PinnedLink::from_pin(&path).map(FdLink::from).map_err(|source| match source {
        LinkError::SyscallError(call) if call.io_error.raw_os_error() == Some(libc::EROFS) => {
            DatapathError::ReadOnlyBpffs { path }
        }
        source => DatapathError::PinnedLink { path, source: Box::new(source) },
    })
}

/// Says that an interface has a filter, for whoever opens the pins.
pub(super) fn pin_filter(index: u32, owns_qdisc: bool, pins: &PinDirectory) -> Result<(), DatapathError> {
    make(&pins.link(Hook::Clsact, index))?;
    if owns_qdisc { make(&pins.own_qdisc(index)) } else { Ok(()) }
}

fn asking_for_filter(source: std::io::Error) -> DatapathError {
    DatapathError::System { call: "asking for a tc filter", source }
}
