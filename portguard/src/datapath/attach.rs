//! Generation to interface: by XDP, in the driver where it can, else in the generic hook, and never over another program;
//! or by tcx, before the programs that are there.

use std::io;

use aya::programs::{
    LinkOrder, ProgramError, TcAttachType,
    links::{FdLink, LinkError, PinnedLink},
    tc::{TcAttachOptions, TcError},
    xdp::XdpMode,
};

use super::{
    DatapathError, Link, Present,
    bpffs::{PinDirectory, remove_tree},
    generation::Generation,
    held::HeldLink,
    interfaces::AttachedProgram,
};
use crate::matrix::{Attach, Direction, Hook};

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
}

impl AttachedMode {
    /// The word for it in logs and answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Generic => "generic",
            Self::Tcx => "tcx",
            Self::Egress => "outbound at tcx",
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
    held: HeldLink,
    /// The same link once more, for what takes a descriptor and does not give it back when it fails.
    spare: Option<FdLink>,
}

impl Guarded {
    /// An interface whose link is pinned.
    pub(super) fn open(
        index: u32,
        name: String,
        mode: AttachedMode,
        hook: Hook,
        pins: &PinDirectory,
    ) -> Result<Self, DatapathError> {
        let held = HeldLink::new(hook, open(hook, index, pins)?).ok_or(DatapathError::ForeignLink)?;
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
            Hook::Tcx | Hook::Egress => Ok(self.attached_to()? == Some(interface.index)),
        }
    }

    /// The interface that its link is attached to, where the link tells: 0, if none.
    pub(super) fn attached_to(&self) -> Result<Option<u32>, DatapathError> {
        let call = "reading a link's /proc/self/fdinfo";
        self.held.interface().map_err(|source| DatapathError::System { call, source })
    }

    /// Puts `generation` on it in the place of the one that is, between two packets.
    pub(super) fn move_to(
        &mut self,
        generation: &mut Generation,
        pins: &PinDirectory,
    ) -> Result<(), DatapathError> {
        let spare = self.spare(pins)?;
        self.spare = Some(generation.take_over(self.hook(), spare)?);
        Ok(())
    }

    /// Pins the link once more where its pin was removed. After an error it is still held.
    pub(super) fn pin_again(&mut self, pins: &PinDirectory) -> Result<(), DatapathError> {
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
fn open(hook: Hook, index: u32, pins: &PinDirectory) -> Result<FdLink, DatapathError> {
    let path = pins.link(hook, index);
    PinnedLink::from_pin(&path).map(FdLink::from).map_err(|source| match source {
        LinkError::SyscallError(call) if call.io_error.raw_os_error() == Some(libc::EROFS) => {
            DatapathError::ReadOnlyBpffs { path }
        }
        source => DatapathError::PinnedLink { path, source: Box::new(source) },
    })
}

/// Puts `generation` on an interface that has none of ours at this hook, and pins the link.
pub(super) fn attach(
    generation: &mut Generation,
    link: &Link,
    pins: &PinDirectory,
) -> Result<Guarded, DatapathError> {
    let native = (XdpMode::Driver, AttachedMode::Native);
    let generic = (XdpMode::Skb, AttachedMode::Generic);
    let (mode, descriptor) = match (link.direction, link.attach) {
        (Direction::Out, _) => (AttachedMode::Egress, attach_tcx(generation, link)?),
        (Direction::In, Attach::Auto) => match attach_xdp(generation, link, native) {
            Err(DatapathError::NoNativeMode { .. }) => attach_xdp(generation, link, generic)?,
            result => result?,
        },
        (Direction::In, Attach::Native) => attach_xdp(generation, link, native)?,
        (Direction::In, Attach::Generic) => attach_xdp(generation, link, generic)?,
        (Direction::In, Attach::Tcx) => (AttachedMode::Tcx, attach_tcx(generation, link)?),
    };
    let hook = link.hook();
    let path = pins.link(hook, link.index);
    let pinned = descriptor.pin(&path).map_err(|source| DatapathError::pin(&path, source))?;
    let spare = open(hook, link.index, pins).ok();
    let held = HeldLink::new(hook, pinned.into()).ok_or(DatapathError::ForeignLink)?;
    let guarded = Guarded { index: link.index, name: link.name.clone(), mode, held, spare };
    // It was attached by its name, which may have gone over to another interface just now.
    if guarded.attached_to()?.is_some_and(|index| index != link.index) {
        remove_tree(&path)?;
        return Err(DatapathError::Vanished { interface: link.name.clone() });
    }
    Ok(guarded)
}

fn attach_xdp(
    generation: &mut Generation,
    link: &Link,
    (mode, attached): (XdpMode, AttachedMode),
) -> Result<(AttachedMode, FdLink), DatapathError> {
    if let Some(program) = link.program {
        return Err(occupied(link, program));
    }
    let program = generation.xdp();
    let id = program.attach_to_if_index(link.index, mode).map_err(|error| attach_error(link, error))?;
    let taken = program.take_link(id).map_err(|error| attach_error(link, error))?;
    // Where the kernel answers EINVAL, aya attaches by netlink instead: such a link converts to no descriptor, and is
    // taken off by being dropped.
    let descriptor =
        FdLink::try_from(taken).map_err(|_| DatapathError::NoLink { interface: link.name.clone() })?;
    Ok((attached, descriptor))
}

/// First of all, so that nothing before it lets a packet in that it would refuse; of what leaves last of all, so that nothing
/// behind it sends one somewhere else.
fn attach_tcx(generation: &mut Generation, link: &Link) -> Result<FdLink, DatapathError> {
    if !link.ethernet {
        return Err(DatapathError::NoEthernet { interface: link.name.clone() });
    }
    let (at, order) = match link.direction {
        Direction::In => (TcAttachType::Ingress, LinkOrder::first()),
        Direction::Out => (TcAttachType::Egress, LinkOrder::last()),
    };
    let program = generation.tc(link.hook())?;
    let id = program
        .attach_with_options(&link.name, at, TcAttachOptions::TcxOrder(order))
        .map_err(|error| tcx_error(link, error))?;
    let taken = program.take_link(id).map_err(|error| tcx_error(link, error))?;
    FdLink::try_from(taken).map_err(|_| DatapathError::NoTcx { interface: link.name.clone() })
}

fn tcx_error(link: &Link, error: ProgramError) -> DatapathError {
    let interface = link.name.clone();
    let io_error = match &error {
        ProgramError::SyscallError(call) => Some(&call.io_error),
        // aya looks for the number that belongs to the name.
        ProgramError::TcError(TcError::IoError(source)) => Some(source),
        _ => None,
    };
    match io_error.and_then(io::Error::raw_os_error) {
        Some(libc::EPERM) => DatapathError::NotPermitted,
        Some(libc::EINVAL) => DatapathError::NoTcx { interface },
        Some(libc::ENODEV) => DatapathError::Vanished { interface },
        _ => DatapathError::Attach { interface, source: Box::new(error) },
    }
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
