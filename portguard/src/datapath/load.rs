//! Image to generation: maps made and filled, program verified; nothing is attached.

use std::iter;

use aya::{
    Ebpf, EbpfLoader,
    maps::{Array, Map, MapData, MapError, PerCpuArray},
    programs::{Program, ProgramError, SchedClassifier, Xdp},
};
use portguard_common::abi::{
    ARRIVAL_DIFFERS, COUNTERS_PER_PAGE, Counter, CounterPage, InterfaceEntry, names, undocumented,
};
use sha2::{Digest as _, Sha256};

use super::{CounterSnapshot, DatapathError, DropTable, Link, ProgramLog, counters, pod::Pod, tables};
use crate::{
    compile::{Digest, Image, Legend},
    matrix::{Direction, Hook},
};

/// The longest table of interfaces that is tried.
const MAX_INTERFACE_TABLE: u32 = 1 << 16;
/// The places of a table at least, so that interfaces which come later most likely find one.
const ROOM: u32 = 64;

/// A generation that the kernel has accepted and that filters nothing yet.
pub struct Loaded {
    ebpf: Ebpf,
    legend: Legend,
    digest: Digest,
    identity: String,
    one_interface_kind: bool,
    has_tcx: bool,
    has_egress: bool,
    log: Option<ProgramLog>,
}

impl Loaded {
    /// Loads `image` with the program of `object` for the interfaces `links`: those of the image's that are there.
    pub fn new(object: &[u8], image: &Image, links: &[Link]) -> Result<Self, DatapathError> {
        let one_kind = image.settings().arrival != ARRIVAL_DIFFERS;
        let interfaces = interface_table(links, if one_kind { 1 } else { ROOM })?;
        let mut settings = *image.settings();
        settings.interface_mask = length(interfaces.len()) - 1;
        let copies = copies()?;
        settings.copy_mask = copies - 1;
        let settings = Pod(settings);
        let identity = identity(object, image);
        // Copied where it is aligned for the parser, which reads the ELF's records in place.
        let mut object = object.to_vec();
        tables::lengthen(&mut object, names::PORTS, size_of_val(image.ports()))?;
        tables::lengthen(&mut object, names::TRIE4, size_of_val(image.trie4()))?;
        tables::lengthen(&mut object, names::TABLE6, size_of_val(image.table6()))?;
        tables::lengthen(&mut object, names::PILOTS6, size_of_val(image.pilots6()))?;
        tables::lengthen(&mut object, names::CELLS, size_of_val(image.cells()))?;
        let mut ebpf = EbpfLoader::new()
            .override_global(names::PORTS, Pod::slice(image.ports()), true)
            .override_global(names::TRIE4, Pod::slice(image.trie4()), true)
            .override_global(names::TABLE6, Pod::slice(image.table6()), true)
            .override_global(names::PILOTS6, image.pilots6(), true)
            .override_global(names::CELLS, Pod::slice(image.cells()), true)
            .map_max_entries(names::INTERFACES, length(interfaces.len()))
            .map_max_entries(names::COUNTERS, image.legend().slots().div_ceil(COUNTERS_PER_PAGE))
            .map_max_entries(names::UNDOCUMENTED, copies * (undocumented::PAGES << image.settings().outbound))
            .override_global(names::SETTINGS, &settings, true)
            .load(&object)
            .map_err(load_error)?;
        fill_interfaces(&mut ebpf, interfaces)?;
        let mut loaded = Self {
            ebpf,
            legend: image.legend().clone(),
            digest: image.digest(),
            identity,
            one_interface_kind: one_kind,
            has_tcx: image.interfaces().iter().any(|interface| interface.attach.hook() == Hook::Tcx),
            has_egress: image.settings().outbound != 0,
            log: None,
        };
        loaded.xdp()?.load().map_err(verify_error)?;
        for hook in [Hook::Tcx, Hook::Egress] {
            if loaded.has(hook) {
                loaded.tc(hook)?.load().map_err(verify_error)?;
            }
        }
        // The program holds the map of its messages from here on; before, it would be gone with whoever takes it.
        loaded.log = ProgramLog::of(&mut loaded.ebpf);
        Ok(loaded)
    }

    /// What the generation's counters count.
    pub fn legend(&self) -> &Legend {
        &self.legend
    }

    /// The digest of the generation's image.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Reads the counters, summed over the CPUs.
    pub fn counters(&self) -> Result<CounterSnapshot, DatapathError> {
        let undocumented = Array::try_from(self.map(names::UNDOCUMENTED)?).map_err(counters::unreadable)?;
        counters::read(&self.pages()?, self.legend.slots(), &undocumented, self.has_egress)
    }

    /// Reads the counter in `slot`, summed over the CPUs.
    pub fn counter(&self, slot: u32) -> Result<Counter, DatapathError> {
        counters::read_one(&self.pages()?, slot)
    }

    /// The table of drops.
    pub fn drops(&self) -> Result<DropTable<&MapData>, DatapathError> {
        DropTable::of(|name| self.map(name))
    }

    /// What the program says; once.
    pub(super) fn take_log(&mut self) -> Option<ProgramLog> {
        self.log.take()
    }

    /// What [`identity`] says of its object and image.
    pub(super) fn identity(&self) -> &str {
        &self.identity
    }

    /// Whether the program need not look interfaces up.
    pub(super) fn one_interface_kind(&self) -> bool {
        self.one_interface_kind
    }

    pub(super) fn map(&self, name: &'static str) -> Result<&Map, DatapathError> {
        self.ebpf.map(name).ok_or(DatapathError::ForeignObject { what: name })
    }

    fn pages(&self) -> Result<PerCpuArray<&MapData, Pod<CounterPage>>, DatapathError> {
        PerCpuArray::try_from(self.map(names::COUNTERS)?).map_err(counters::unreadable)
    }

    /// Whether it has a program for `hook`: there is one for XDP always.
    pub(super) fn has(&self, hook: Hook) -> bool {
        match hook {
            Hook::Xdp => true,
            Hook::Tcx => self.has_tcx,
            Hook::Egress | Hook::Clsact => self.has_egress,
        }
    }

    pub(super) fn xdp(&mut self) -> Result<&mut Xdp, DatapathError> {
        self.program(names::PROGRAM).ok_or(DatapathError::ForeignObject { what: "the XDP program" })
    }

    /// The program for tc that `hook` takes. It is loaded where the image has an interface for it, or judges what leaves.
    pub(super) fn tc(&mut self, hook: Hook) -> Result<&mut SchedClassifier, DatapathError> {
        let name = match hook.direction() {
            Direction::In => names::TC_PROGRAM,
            Direction::Out => names::EGRESS_PROGRAM,
        };
        self.program(name).ok_or(DatapathError::ForeignObject { what: "the tc program" })
    }

    fn program<'a, P>(&'a mut self, name: &str) -> Option<&'a mut P>
    where
        &'a mut P: TryFrom<&'a mut Program>,
    {
        self.ebpf.program_mut(name).and_then(|program| program.try_into().ok())
    }
}

/// How many copies of the counters of undocumented ports there are: one a CPU, up to some.
fn copies() -> Result<u32, DatapathError> {
    let cpus = aya::util::nr_cpus().map_err(|(call, source)| DatapathError::System { call, source })?;
    Ok(length(cpus).next_power_of_two().min(undocumented::MOST_COPIES))
}

/// Places the interfaces, each once or twice, by their index modulo the table's length, a power of two for which no two collide.
fn interface_table(links: &[Link], least: u32) -> Result<Vec<InterfaceEntry>, DatapathError> {
    let mut len = least;
    while len <= MAX_INTERFACE_TABLE {
        let mut table = vec![InterfaceEntry::default(); len as usize];
        let placed = links.iter().flat_map(entries).all(|entry| {
            let place = &mut table[(entry.index & (len - 1)) as usize];
            let free = [0, entry.index].contains(&place.index);
            *place = entry;
            free
        });
        if placed {
            return Ok(table);
        }
        len *= 2;
    }
    Err(DatapathError::InterfaceTable(MAX_INTERFACE_TABLE))
}

/// What the program must know of an interface, and of its parts.
pub(super) fn entries(link: &Link) -> impl Iterator<Item = InterfaceEntry> {
    let arrival = link.arrival.to_bits();
    iter::once(link.index)
        .chain(link.parts.iter().copied())
        .map(move |index| InterfaceEntry { index, arrival })
}

/// The digest of an image together with the program that is to read it: a generation with the same does the same.
pub fn identity(object: &[u8], image: &Image) -> String {
    let mut hasher = Sha256::new();
    hasher.update(image.digest().to_string());
    hasher.update(object);
    Digest::new(hasher).to_string()
}

fn length(entries: usize) -> u32 {
    u32::try_from(entries).expect("the compiler counts in 32 bits")
}

fn fill_interfaces(ebpf: &mut Ebpf, interfaces: Vec<InterfaceEntry>) -> Result<(), DatapathError> {
    let map = names::INTERFACES;
    let error = |source: MapError| DatapathError::Map { map, source: Box::new(source) };
    let table = ebpf.map_mut(map).ok_or(DatapathError::ForeignObject { what: map })?;
    let mut table: Array<_, Pod<InterfaceEntry>> = Array::try_from(table).map_err(error)?;
    (0..).zip(interfaces).try_for_each(|(index, entry)| table.set(index, Pod(entry), 0).map_err(error))
}

fn load_error(error: aya::EbpfError) -> DatapathError {
    match &error {
        aya::EbpfError::MapError(MapError::CreateError { io_error, .. }) if not_permitted(io_error) => {
            DatapathError::NotPermitted
        }
        _ => DatapathError::Load(Box::new(error)),
    }
}

fn verify_error(error: ProgramError) -> DatapathError {
    match &error {
        ProgramError::LoadError { io_error, .. } if not_permitted(io_error) => DatapathError::NotPermitted,
        _ => DatapathError::Verify(Box::new(error)),
    }
}

fn not_permitted(error: &std::io::Error) -> bool {
    error.raw_os_error() == Some(libc::EPERM)
}
