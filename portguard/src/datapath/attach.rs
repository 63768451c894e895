//! Generation to interface: by XDP, in the driver where it can, else in the generic hook, and never over another program;
//! or by tcx, before the programs that are there. What leaves: by tcx, or by a filter in clsact.

use std::io;

use aya::programs::{
    LinkOrder, ProgramError, TcAttachType,
    links::FdLink,
    tc::{TcAttachOptions, TcError},
    xdp::XdpMode,
};

use super::{
    AttachedMode, DatapathError, Guarded, Link, Placement,
    bpffs::{PinDirectory, remove_tree},
    clsact::{self, Qdisc, Refusal},
    generation::Generation,
    guarded::{open, pin_filter},
    held::{Held, HeldFilter},
    interfaces::AttachedProgram,
};
use crate::matrix::{Attach, Hook};

/// Lets go of an interface at `hook`: a link goes with its pin and the descriptors, a filter is deleted, and clsact with it if it
/// was made for it and nobody else has a filter there.
pub(super) fn release(hook: Hook, index: u32, pins: &PinDirectory) -> Result<(), DatapathError> {
    if hook == Hook::Clsact {
        let error = |source| DatapathError::System { call: "taking a tc filter off", source };
        clsact::take_off(index).map_err(error)?;
        if pins.own_qdisc(index).exists() {
            clsact::take_off_qdisc(index).map_err(error)?;
        }
    }
    remove_tree(&pins.link(hook, index))
}

/// Lets go of every interface with a filter. What a link holds goes with its pin.
pub(super) fn release_filters(pins: &PinDirectory) -> Result<(), DatapathError> {
    pins.links(Hook::Clsact)?.into_iter().try_for_each(|index| release(Hook::Clsact, index, pins))
}

/// Puts `generation` on an interface that has none of ours at `hook`, which is one that the link may have, and pins what holds it.
pub(super) fn attach(
    generation: &mut Generation,
    link: &Link,
    hook: Hook,
    pins: &PinDirectory,
) -> Result<Guarded, DatapathError> {
    check_ethernet(link)?;
    if hook == Hook::Clsact {
        let attached = attach_filter(generation, link, pins);
        if attached.is_err() {
            // What went wrong first is what is told.
            let _: Result<(), DatapathError> = release(hook, link.index, pins);
        }
        return attached;
    }
    let native = (XdpMode::Driver, AttachedMode::Native);
    let generic = (XdpMode::Skb, AttachedMode::Generic);
    let (mode, descriptor) = match link.placement {
        Placement::Out(_) => (AttachedMode::Egress, attach_tcx(generation, link, hook)?),
        Placement::In(Attach::Auto) => match attach_xdp(generation, link, native) {
            Err(DatapathError::NoNativeMode { .. }) => attach_xdp(generation, link, generic)?,
            result => result?,
        },
        Placement::In(Attach::Native) => attach_xdp(generation, link, native)?,
        Placement::In(Attach::Generic) => attach_xdp(generation, link, generic)?,
        Placement::In(Attach::Tcx) => (AttachedMode::Tcx, attach_tcx(generation, link, hook)?),
    };
    let path = pins.link(hook, link.index);
    let pinned = descriptor.pin(&path).map_err(|source| DatapathError::pin(&path, source))?;
    let spare = open(hook, link.index, pins).ok();
    let held = Held::link(hook, pinned.into()).ok_or(DatapathError::ForeignLink)?;
    let guarded = Guarded::new(link, mode, held, spare);
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

/// Before the filter is there it is said that it is: a process that is stopped in between leaves none that nobody knows of.
fn attach_filter(
    generation: &Generation,
    link: &Link,
    pins: &PinDirectory,
) -> Result<Guarded, DatapathError> {
    let index = link.index;
    pin_filter(index, true, pins)?;
    let error = |refusal| filter_error(link, refusal);
    let owns_qdisc = clsact::prepare(index).map_err(error)? == Qdisc::Made;
    if !owns_qdisc {
        remove_tree(&pins.own_qdisc(index))?;
    }
    let (descriptor, program) = generation.outbound()?;
    clsact::put(index, descriptor).map_err(error)?;
    let held = Held::Filter(HeldFilter { index, program, owns_qdisc });
    Ok(Guarded::new(link, AttachedMode::Clsact, held, None))
}

/// Where there is no Ethernet header, whoever sends chooses by their addresses what the verdict takes for one.
pub(super) fn check_ethernet(link: &Link) -> Result<(), DatapathError> {
    if link.ethernet {
        return Ok(());
    }
    Err(DatapathError::NoEthernet { interface: link.name.clone() })
}

fn filter_error(link: &Link, refusal: Refusal) -> DatapathError {
    let interface = link.name.clone();
    let source = match refusal {
        Refusal::Occupied => return DatapathError::OccupiedFilter { interface },
        Refusal::OtherQdisc(kind) => return DatapathError::NoClsact { interface, kind },
        Refusal::Kernel(source) => source,
    };
    match source.raw_os_error() {
        Some(libc::EPERM) => DatapathError::NotPermitted,
        Some(libc::ENODEV) => DatapathError::Vanished { interface },
        _ => DatapathError::Filter { interface, source },
    }
}

/// First of all, so that nothing before it lets a packet in that it would refuse; of what leaves last of all, so that nothing
/// behind it sends one somewhere else.
fn attach_tcx(generation: &mut Generation, link: &Link, hook: Hook) -> Result<FdLink, DatapathError> {
    let (at, order) = match link.placement {
        Placement::In(_) => (TcAttachType::Ingress, LinkOrder::first()),
        Placement::Out(_) => (TcAttachType::Egress, LinkOrder::last()),
    };
    let program = generation.tc(hook)?;
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
