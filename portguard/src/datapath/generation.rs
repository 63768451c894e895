//! A generation in the kernel: its program, its counters, and what it says of itself, pinned together.

use std::{
    os::fd::{AsFd as _, BorrowedFd},
    path::{Path, PathBuf},
};

use aya::{
    maps::{Array, Map, MapData, MapError, PerCpuArray},
    programs::{ProgramError, SchedClassifier, Xdp, links::FdLink},
};
use portguard_common::{
    Arrival,
    abi::{ABI_VERSION, CounterPage, Counters, InterfaceEntry, names},
};
use serde::{Deserialize, Serialize};

use super::{
    CounterSnapshot, DatapathError, Link, Loaded, ProgramLog,
    bpffs::{PinDirectory, make, remove_tree},
    counters,
    drops::{self, DropTable, Events},
    load,
    pod::Pod,
    programs::{Programs, TakeOverError},
    record,
};
use crate::matrix::Hook;

const ABOUT: &str = "about";
const COUNTERS: &str = "counters";
const UNDOCUMENTED: &str = "undocumented";
const INTERFACES: &str = "interfaces";

/// Raised when [`About`] changes its meaning, or the pages of counters their layout.
const FORMAT: u32 = 2;

/// What a generation says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct About {
    format: u32,
    /// The layout of the tables.
    abi: u32,
    identity: String,
    /// How many counters there are.
    slots: u32,
    /// Whether the program need not look interfaces up.
    one_interface_kind: bool,
    /// Whether it has a program for tcx, too.
    #[serde(default)]
    tcx: bool,
    /// Whether it judges what leaves, too.
    #[serde(default)]
    outbound: bool,
    /// What its owner wants to know of it later.
    words: String,
}

/// A generation that is pinned.
pub struct Generation {
    number: u64,
    about: About,
    programs: Programs,
    counters: PerCpuArray<MapData, Pod<CounterPage>>,
    undocumented: Array<MapData, Pod<Counters>>,
    interfaces: Array<MapData, Pod<InterfaceEntry>>,
    drops: DropTable,
    directory: PathBuf,
    log: Option<ProgramLog>,
}

impl Generation {
    /// Pins `loaded` as generation `number`, with `words` for whoever reads the pins later. Nothing is left of it when
    /// that fails.
    pub(super) fn pin(
        mut loaded: Loaded,
        number: u64,
        words: String,
        pins: &PinDirectory,
    ) -> Result<Self, DatapathError> {
        let about = About {
            format: FORMAT,
            abi: ABI_VERSION,
            identity: loaded.identity().to_owned(),
            slots: loaded.legend().slots(),
            one_interface_kind: loaded.one_interface_kind(),
            tcx: loaded.has(Hook::Tcx),
            outbound: loaded.has(Hook::Egress),
            words,
        };
        let directory = pins.generation(number);
        make(&directory)?;
        let mut pinned = pin_parts(&mut loaded, &about, &directory).and_then(|()| Self::open(number, pins));
        if let Ok(generation) = &mut pinned {
            generation.log = loaded.take_log();
        }
        if pinned.is_err() {
            // What went wrong first is what is told; the directory is half-made and removed at the next start.
            let _: Result<(), DatapathError> = remove_tree(&directory);
        }
        pinned
    }

    /// The generation that is pinned as `number`.
    pub(super) fn open(number: u64, pins: &PinDirectory) -> Result<Self, DatapathError> {
        let directory = pins.generation(number);
        let about = about(&directory)?;
        let hooks = [(Hook::Tcx, about.tcx), (Hook::Egress, about.outbound)];
        let hooks: Vec<Hook> =
            hooks.into_iter().filter_map(|(hook, is_there)| is_there.then_some(hook)).collect();
        let programs = Programs::open(&directory, &hooks)?;
        Ok(Self {
            number,
            about,
            programs,
            counters: open_map(&directory.join(COUNTERS))?,
            undocumented: open_map(&directory.join(UNDOCUMENTED))?,
            interfaces: open_map(&directory.join(INTERFACES))?,
            drops: DropTable::open(&directory, COUNTERS)?,
            directory,
            log: None,
        })
    }

    /// Its number; a later generation has a greater one.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The digest of its image and its program.
    pub fn identity(&self) -> &str {
        &self.about.identity
    }

    /// What its owner had to say of it.
    pub fn words(&self) -> &str {
        &self.about.words
    }

    /// The kernel's number for its program of `hook`, if it has one.
    pub fn program_id(&self, hook: Hook) -> Option<u32> {
        self.programs.id(hook)
    }

    /// Reads its counters, summed over the CPUs.
    pub fn counters(&self) -> Result<CounterSnapshot, DatapathError> {
        counters::read(&self.counters, self.about.slots, &self.undocumented, self.about.outbound)
    }

    /// Its table of drops.
    pub fn drops(&self) -> &DropTable {
        &self.drops
    }

    /// The same, to be turned and cleared.
    pub(super) fn drops_mut(&mut self) -> &mut DropTable {
        &mut self.drops
    }

    /// Its events. Each is taken once, whoever takes it.
    pub fn events(&self) -> Result<Events, DatapathError> {
        Events::open(&self.directory)
    }

    /// What its program says, once: of one that this process has loaded, and that was built to say something.
    pub(super) fn take_log(&mut self) -> Option<ProgramLog> {
        self.log.take()
    }

    /// What the program knows of an interface. None: nothing.
    pub(super) fn arrival(&self, index: u32) -> Result<Option<Arrival>, DatapathError> {
        let error =
            |source: MapError| DatapathError::Map { map: names::INTERFACES, source: Box::new(source) };
        let place = index & (self.interfaces.len() - 1);
        let Pod(there) = self.interfaces.get(&place, 0).map_err(error)?;
        // Where all are alike, nobody looks there.
        let is_known = there.index == index || self.about.one_interface_kind;
        Ok(is_known.then(|| Arrival::from_bits(there.arrival)))
    }

    /// Makes an interface and its parts known to the program. `false`: there is no place for them in this generation.
    pub(super) fn admit(&mut self, link: &Link) -> Result<bool, DatapathError> {
        if self.about.one_interface_kind {
            return Ok(true);
        }
        if self.about.abi != ABI_VERSION {
            return Ok(false);
        }
        let error =
            |source: MapError| DatapathError::Map { map: names::INTERFACES, source: Box::new(source) };
        for entry in load::entries(link) {
            let place = entry.index & (self.interfaces.len() - 1);
            let Pod(there) = self.interfaces.get(&place, 0).map_err(error)?;
            if ![0, entry.index].contains(&there.index) {
                return Ok(false);
            }
            self.interfaces.set(place, Pod(entry), 0).map_err(error)?;
        }
        Ok(true)
    }

    /// Puts its program of `hook` in the place of the one that `link` has, between two packets, and gives the link back.
    pub(super) fn take_over(&mut self, hook: Hook, link: FdLink) -> Result<FdLink, DatapathError> {
        let generation = self.number;
        self.programs.take_over(hook, link).map_err(|error| match error {
            TakeOverError::ForeignLink => DatapathError::ForeignLink,
            TakeOverError::NoProgram => DatapathError::NoProgram { generation },
            // The link's interface is gone (`bpf_xdp_link_update` of `net/core/dev.c`, `tcx_link_update` of
            // `kernel/bpf/tcx.c`).
            TakeOverError::Refused(ProgramError::SyscallError(call))
                if call.io_error.raw_os_error() == Some(libc::ENOLINK) =>
            {
                DatapathError::Defunct
            }
            TakeOverError::Refused(source) => DatapathError::Update { generation, source: Box::new(source) },
        })
    }

    /// The program of what leaves, and the kernel's number for it.
    pub(super) fn outbound(&self) -> Result<(BorrowedFd<'_>, u32), DatapathError> {
        let generation = self.number;
        let (program, id) = self.programs.outbound().ok_or(DatapathError::NoProgram { generation })?;
        let descriptor =
            program.fd().map_err(|source| DatapathError::Update { generation, source: Box::new(source) })?;
        Ok((descriptor.as_fd(), id))
    }

    /// The program for XDP, to be attached.
    pub(super) fn xdp(&mut self) -> &mut Xdp {
        &mut self.programs.xdp
    }

    /// The program for tcx that `hook` takes, to be attached.
    pub(super) fn tc(&mut self, hook: Hook) -> Result<&mut SchedClassifier, DatapathError> {
        self.programs.tc(hook).ok_or(DatapathError::NoProgram { generation: self.number })
    }
}

/// Takes a generation's pins away.
pub(super) fn unpin(number: u64, pins: &PinDirectory) -> Result<(), DatapathError> {
    let directory = pins.generation(number);
    // First what makes it whole: what is left when this is cut short counts as half-made.
    remove_tree(&directory.join(ABOUT))?;
    remove_tree(&directory)
}

/// Whether a generation was pinned to its end.
pub(super) fn is_whole(number: u64, pins: &PinDirectory) -> bool {
    pins.generation(number).join(ABOUT).exists()
}

fn pin_parts(loaded: &mut Loaded, about: &About, directory: &Path) -> Result<(), DatapathError> {
    Programs::pin(loaded, directory)?;
    let maps =
        [(names::COUNTERS, COUNTERS), (names::UNDOCUMENTED, UNDOCUMENTED), (names::INTERFACES, INTERFACES)];
    for (map, name) in maps.into_iter().chain(drops::PINS) {
        let path = directory.join(name);
        loaded.map(map)?.pin(&path).map_err(|source| DatapathError::pin(&path, source))?;
    }
    let about = serde_json::to_vec(about).expect("a record of numbers and texts is JSON");
    record::write(&directory.join(ABOUT), &about)
}

fn about(directory: &Path) -> Result<About, DatapathError> {
    /// What every version's record begins with.
    #[derive(Deserialize)]
    struct Version {
        format: u32,
    }
    let path = directory.join(ABOUT);
    let record = record::read(&path)?;
    let garbled = |_| DatapathError::Garbled { path: path.clone() };
    let Version { format } = serde_json::from_slice(&record).map_err(garbled)?;
    if format != FORMAT {
        return Err(DatapathError::OtherVersion { path: path.clone(), found: format, known: FORMAT });
    }
    serde_json::from_slice(&record).map_err(garbled)
}

pub(super) fn open_map<M: TryFrom<Map, Error = MapError>>(path: &Path) -> Result<M, DatapathError> {
    MapData::from_pin(path)
        .and_then(Map::from_map_data)
        .and_then(M::try_from)
        .map_err(|source| DatapathError::PinnedMap { path: path.to_owned(), source: Box::new(source) })
}
