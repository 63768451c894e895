//! Generation to interfaces: in the driver where it can, else in the generic hook, and never over another program.

use aya::programs::{ProgramError, Xdp, links::FdLink, xdp::XdpMode};

use super::{CounterSnapshot, DatapathError, Link, Loaded};
use crate::{
    compile::{Digest, Legend},
    matrix::Attach,
};

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

/// An interface that the generation filters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachedInterface {
    /// Its name.
    pub name: String,
    /// How.
    pub mode: AttachedMode,
}

/// A generation that filters. Dropping it takes the program off its interfaces.
pub struct Attached {
    loaded: Loaded,
    interfaces: Vec<AttachedInterface>,
    /// Held, not used: the kernel takes the program off when the last descriptor of a link closes.
    _links: Vec<FdLink>,
}

impl Loaded {
    /// Puts the program on all interfaces, or on none.
    pub fn attach(mut self) -> Result<Attached, DatapathError> {
        let wanted = self.links.clone();
        let program = self.program()?;
        let mut interfaces = Vec::with_capacity(wanted.len());
        let mut links = Vec::with_capacity(wanted.len());
        for link in &wanted {
            let (mode, descriptor) = attach_one(program, link)?;
            interfaces.push(AttachedInterface { name: link.name.clone(), mode });
            links.push(descriptor);
        }
        Ok(Attached { loaded: self, interfaces, _links: links })
    }
}

impl Attached {
    /// The interfaces that the generation filters.
    pub fn interfaces(&self) -> &[AttachedInterface] {
        &self.interfaces
    }

    /// What the generation's counters count.
    pub fn legend(&self) -> &Legend {
        self.loaded.legend()
    }

    /// The digest of the generation's image.
    pub fn digest(&self) -> Digest {
        self.loaded.digest()
    }

    /// Reads the counters, summed over the CPUs.
    pub fn counters(&self) -> Result<CounterSnapshot, DatapathError> {
        self.loaded.counters()
    }
}

fn attach_one(program: &mut Xdp, link: &Link) -> Result<(AttachedMode, FdLink), DatapathError> {
    if let Some(id) = link.program {
        return Err(occupied(link, id));
    }
    let native = || (XdpMode::Driver, AttachedMode::Native);
    let generic = || (XdpMode::Skb, AttachedMode::Generic);
    let (first, second) = match link.attach {
        Attach::Auto => (native(), Some(generic())),
        Attach::Native => (native(), None),
        Attach::Generic => (generic(), None),
    };
    match (try_attach(program, link, first), second) {
        (Err(DatapathError::NoNativeMode { .. }), Some(second)) => try_attach(program, link, second),
        (result, _) => result,
    }
}

fn try_attach(
    program: &mut Xdp,
    link: &Link,
    (mode, attached): (XdpMode, AttachedMode),
) -> Result<(AttachedMode, FdLink), DatapathError> {
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

fn occupied(link: &Link, id: u32) -> DatapathError {
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
