//! Image to generation: maps made and filled, program verified; nothing is attached.

use aya::{
    Ebpf, EbpfLoader,
    maps::{Array, MapError},
    programs::{ProgramError, Xdp},
};
use portguard_common::abi::{COUNTERS_PER_PAGE, Counter, InterfaceEntry, names};

use super::{CounterSnapshot, DatapathError, Link, counters, pod::Pod, tables};
use crate::compile::{Digest, Image, Legend};

/// The longest table of interfaces that is tried.
const MAX_INTERFACE_TABLE: u32 = 1 << 16;

/// A generation that the kernel has accepted and that filters nothing yet.
pub struct Loaded {
    pub(super) ebpf: Ebpf,
    pub(super) links: Vec<Link>,
    legend: Legend,
    digest: Digest,
    observe: bool,
}

impl Loaded {
    /// Loads `image` with the program of `object` for the interfaces `links`, which are the image's own, resolved.
    pub fn new(object: &[u8], image: &Image, links: Vec<Link>) -> Result<Self, DatapathError> {
        let interfaces = interface_table(&links)?;
        let mut settings = *image.settings();
        settings.interface_mask = length(interfaces.len()) - 1;
        let settings = Pod(settings);
        // Copied where it is aligned for the parser, which reads the ELF's records in place.
        let mut object = object.to_vec();
        tables::lengthen(&mut object, names::PORTS, size_of_val(image.ports()))?;
        tables::lengthen(&mut object, names::TRIE4, size_of_val(image.trie4()))?;
        tables::lengthen(&mut object, names::TABLE6, size_of_val(image.table6()))?;
        tables::lengthen(&mut object, names::CELLS, size_of_val(image.cells()))?;
        let mut ebpf = EbpfLoader::new()
            .override_global(names::PORTS, Pod::slice(image.ports()), true)
            .override_global(names::TRIE4, Pod::slice(image.trie4()), true)
            .override_global(names::TABLE6, Pod::slice(image.table6()), true)
            .override_global(names::CELLS, Pod::slice(image.cells()), true)
            .map_max_entries(names::INTERFACES, length(interfaces.len()))
            .map_max_entries(names::COUNTERS, image.legend().slots().div_ceil(COUNTERS_PER_PAGE))
            .override_global(names::SETTINGS, &settings, true)
            .load(&object)
            .map_err(load_error)?;
        fill_interfaces(&mut ebpf, interfaces)?;
        let mut loaded = Self {
            ebpf,
            links,
            legend: image.legend().clone(),
            digest: image.digest(),
            observe: settings.0.observe != 0,
        };
        loaded.program()?.load().map_err(verify_error)?;
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
        counters::read(&self.ebpf, self.legend.slots(), self.observe)
    }

    /// Reads the counter in `slot`, summed over the CPUs.
    pub fn counter(&self, slot: u32) -> Result<Counter, DatapathError> {
        counters::read_one(&self.ebpf, slot)
    }

    pub(super) fn program(&mut self) -> Result<&mut Xdp, DatapathError> {
        self.ebpf
            .program_mut(names::PROGRAM)
            .and_then(|program| program.try_into().ok())
            .ok_or(DatapathError::ForeignObject { what: "the XDP program" })
    }
}

/// Places the interfaces by their index modulo the table's length, a power of two for which no two collide.
fn interface_table(links: &[Link]) -> Result<Vec<InterfaceEntry>, DatapathError> {
    let mut len = 1;
    while len <= MAX_INTERFACE_TABLE {
        let mut table = vec![InterfaceEntry::default(); len as usize];
        let placed = links.iter().all(|link| {
            let place = &mut table[(link.index & (len - 1)) as usize];
            let free = place.index == 0;
            *place = InterfaceEntry { index: link.index, arrival: link.arrival.to_bits() };
            free
        });
        if placed {
            return Ok(table);
        }
        len *= 2;
    }
    Err(DatapathError::InterfaceTable(MAX_INTERFACE_TABLE))
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
