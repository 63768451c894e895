//! Generation to interface: in the driver where it can, else in the generic hook, and never over another program.

use aya::programs::{
    ProgramError,
    links::{FdLink, LinkError, PinnedLink},
    xdp::XdpMode,
};

use super::{DatapathError, Link, bpffs::PinDirectory, generation::Generation, interfaces::AttachedProgram};
use crate::matrix::Attach;

/// Where on its way a packet meets the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttachedMode {
    /// In the driver, before the kernel has made anything of the packet.
    Native,
    /// In the generic hook, which any interface has.
    Generic,
}

impl AttachedMode {
    /// The word for it in logs and answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Generic => "generic",
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
    held: FdLink,
    /// The same link once more, for what takes a descriptor and does not give it back when it fails.
    spare: Option<FdLink>,
}

impl Guarded {
    /// An interface whose link is pinned.
    pub(super) fn open(
        index: u32,
        name: String,
        mode: AttachedMode,
        pins: &PinDirectory,
    ) -> Result<Self, DatapathError> {
        Ok(Self { index, name, mode, held: open(index, pins)?, spare: None })
    }

    /// The program that is on it.
    pub(super) fn program_id(&self) -> Result<u32, DatapathError> {
        self.held
            .info()
            .map(|info| info.program_id())
            .map_err(|source| DatapathError::Link { interface: self.name.clone(), source: Box::new(source) })
    }

    /// Puts `generation` on it in the place of the one that is, between two packets.
    pub(super) fn move_to(
        &mut self,
        generation: &mut Generation,
        pins: &PinDirectory,
    ) -> Result<(), DatapathError> {
        let spare = self.spare(pins)?;
        self.spare = Some(generation.take_over(spare)?);
        Ok(())
    }

    /// Pins the link once more where its pin was removed. After an error it is still held.
    pub(super) fn pin_again(&mut self, pins: &PinDirectory) -> Result<(), DatapathError> {
        let spare = self.spare(pins)?;
        let path = pins.link(self.index);
        let pinned = spare.pin(&path).map_err(|source| DatapathError::pin(&path, source))?;
        self.spare = Some(pinned.into());
        Ok(())
    }

    fn spare(&mut self, pins: &PinDirectory) -> Result<FdLink, DatapathError> {
        self.spare.take().map_or_else(|| open(self.index, pins), Ok)
    }
}

/// The link that is pinned for the interface `index`.
fn open(index: u32, pins: &PinDirectory) -> Result<FdLink, DatapathError> {
    let path = pins.link(index);
    PinnedLink::from_pin(&path).map(FdLink::from).map_err(|source| match source {
        LinkError::SyscallError(call) if call.io_error.raw_os_error() == Some(libc::EROFS) => {
            DatapathError::ReadOnlyBpffs { path }
        }
        source => DatapathError::PinnedLink { path, source: Box::new(source) },
    })
}

/// Puts `generation` on an interface that has no program, and pins the link.
pub(super) fn attach(
    generation: &mut Generation,
    link: &Link,
    pins: &PinDirectory,
) -> Result<Guarded, DatapathError> {
    if let Some(program) = link.program {
        return Err(occupied(link, program));
    }
    let native = || (XdpMode::Driver, AttachedMode::Native);
    let generic = || (XdpMode::Skb, AttachedMode::Generic);
    let (first, second) = match link.attach {
        Attach::Auto => (native(), Some(generic())),
        Attach::Native => (native(), None),
        Attach::Generic => (generic(), None),
    };
    let (mode, descriptor) = match (try_attach(generation, link, first), second) {
        (Err(DatapathError::NoNativeMode { .. }), Some(second)) => try_attach(generation, link, second)?,
        (result, _) => result?,
    };
    let path = pins.link(link.index);
    let pinned = descriptor.pin(&path).map_err(|source| DatapathError::pin(&path, source))?;
    let spare = open(link.index, pins).ok();
    Ok(Guarded { index: link.index, name: link.name.clone(), mode, held: pinned.into(), spare })
}

fn try_attach(
    generation: &mut Generation,
    link: &Link,
    (mode, attached): (XdpMode, AttachedMode),
) -> Result<(AttachedMode, FdLink), DatapathError> {
    let program = generation.program();
    let id = program.attach_to_if_index(link.index, mode).map_err(|error| attach_error(link, error))?;
    let taken = program.take_link(id).map_err(|error| attach_error(link, error))?;
    // Where the kernel answers EINVAL, aya attaches by netlink instead: such a link converts to no descriptor, and is
    // taken off by being dropped.
    let descriptor =
        FdLink::try_from(taken).map_err(|_| DatapathError::NoLink { interface: link.name.clone() })?;
    Ok((attached, descriptor))
}

fn attach_error(link: &Link, error: ProgramError) -> DatapathError {
    let interface = || link.name.clone();
    let ProgramError::SyscallError(call) = error else {
        return DatapathError::Attach { interface: interface(), source: Box::new(error) };
    };
    match call.io_error.raw_os_error() {
        Some(libc::EPERM) => DatapathError::NotPermitted,
        Some(libc::EOPNOTSUPP) => {
            DatapathError::NoNativeMode { interface: interface(), source: call.io_error }
        }
        Some(libc::ENODEV) => DatapathError::Vanished { interface: interface() },
        // Someone was faster: the interface was free when it was asked for.
        Some(libc::EBUSY | libc::EEXIST) => DatapathError::Occupied {
            interface: interface(),
            program: "one that was just attached".to_owned(),
        },
        _ => DatapathError::Attach {
            interface: interface(),
            source: Box::new(ProgramError::SyscallError(call)),
        },
    }
}

fn occupied(link: &Link, AttachedProgram { id, .. }: AttachedProgram) -> DatapathError {
    let name = aya::programs::loaded_programs()
        .filter_map(Result::ok)
        .find(|program| program.id() == id)
        .and_then(|program| program.name_as_str().map(str::to_owned));
    DatapathError::Occupied {
        interface: link.name.clone(),
        program: match name {
            Some(name) if !name.is_empty() => format!("`{name}`, id {id}"),
            _ => format!("id {id}"),
        },
    }
}
