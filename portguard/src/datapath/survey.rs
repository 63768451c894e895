//! What is pinned, looked at beside whoever holds it: nothing is held, and nothing is changed.

use std::{collections::BTreeMap, path::Path};

use super::{AttachedMode, DatapathError, Generation, Guarded, bpffs::PinDirectory, generation};

/// What is pinned of a filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// The program of the generation that enforces; none, if none is whole, or it is another version's.
    pub program: Option<u32>,
    /// By the number of an interface: the program of the link that is pinned for it, or why that cannot be told.
    pub links: BTreeMap<u32, Result<u32, String>>,
}

impl Survey {
    /// Of what is pinned in the BPF file system `bpffs`; none, if nothing is.
    pub fn of(bpffs: &Path) -> Result<Option<Self>, DatapathError> {
        let Some(pins) = PinDirectory::look(bpffs) else { return Ok(None) };
        let whole = pins.generations()?.into_iter().rfind(|&number| generation::is_whole(number, &pins));
        let generation = whole.and_then(|number| Generation::open(number, &pins).ok());
        let mut links = BTreeMap::new();
        for index in pins.links()? {
            let link = Guarded::open(index, format!("#{index}"), AttachedMode::Native, &pins);
            let program = link.and_then(|link| link.program_id());
            links.insert(index, program.map_err(|error| error.whole_story()));
        }
        Ok(Some(Self { program: generation.as_ref().map(Generation::program_id), links }))
    }
}
