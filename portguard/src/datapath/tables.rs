//! The tables' lengths, written into the object before it is loaded.
//!
//! A table is a section of zeros with one symbol in it, as long in the object as one entry. libbpf lets a loader set the
//! length of such a section's map (`bpf_map__set_value_size`); aya takes it from the ELF headers, so they are changed.

use object::{
    LittleEndian as LE, elf,
    pod::from_bytes_mut,
    read::elf::{FileHeader as _, SectionHeader as _, Sym as _},
};

use super::DatapathError;

type Header = elf::FileHeader64<LE>;
type SectionHeader = elf::SectionHeader64<LE>;
type Symbol = elf::Sym64<LE>;

/// Makes the symbol `name`, and the section that it has to itself, `bytes` long.
pub(super) fn lengthen(object: &mut [u8], name: &'static str, bytes: usize) -> Result<(), DatapathError> {
    let header = Header::parse(&*object).map_err(|_| DatapathError::NotAnObject)?;
    let (symbol_at, section_at) =
        find(header, object, name).ok_or(DatapathError::ForeignObject { what: name })?;
    let foreign = |()| DatapathError::ForeignObject { what: name };
    let (symbol, _) = from_bytes_mut::<Symbol>(&mut object[symbol_at..]).map_err(foreign)?;
    let entry = symbol.st_size.get(LE);
    symbol.st_size.set(LE, bytes as u64);
    let (section, _) = from_bytes_mut::<SectionHeader>(&mut object[section_at..]).map_err(foreign)?;
    if section.sh_type.get(LE) != elf::SHT_NOBITS || section.sh_size.get(LE) != entry {
        return Err(DatapathError::ForeignObject { what: name });
    }
    section.sh_size.set(LE, bytes as u64);
    Ok(())
}

/// Where in the object the headers of a symbol and of its section are.
fn find(header: &Header, object: &[u8], name: &str) -> Option<(usize, usize)> {
    let sections = header.sections(LE, object).ok()?;
    let symbols = sections.symbols(LE, object, elf::SHT_SYMTAB).ok()?;
    let (index, symbol) = symbols
        .enumerate()
        .find(|(_, symbol)| symbols.symbol_name(LE, symbol).is_ok_and(|found| found == name.as_bytes()))?;
    let table = usize::try_from(sections.section(symbols.section()).ok()?.sh_offset(LE)).ok()?;
    let section = usize::from(symbol.st_shndx(LE));
    let headers = usize::try_from(header.e_shoff(LE)).ok()?;
    Some((table + index.0 * size_of::<Symbol>(), headers + section * size_of::<SectionHeader>()))
}
