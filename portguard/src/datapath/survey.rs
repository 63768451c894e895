//! What is pinned, looked at beside whoever holds it: nothing is held, and nothing is changed.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use aya::programs::{ProgramError, SchedClassifier, TcAttachType};

use super::{AttachedMode, DatapathError, Generation, Guarded, bpffs::PinDirectory, clsact, generation};
use crate::matrix::Hook;

/// What is pinned of a filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// The programs of the generation that enforces; none, if none is whole, or it is another version's.
    pub programs: BTreeMap<Hook, u32>,
    /// By the number of an interface and where on it: the link that is pinned for it, or why nothing can be told of it.
    pub links: BTreeMap<(u32, Hook), Result<SurveyedLink, String>>,
}

/// A link that is pinned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SurveyedLink {
    /// Its program.
    pub program: u32,
    /// Of a tcx link, or a filter: the number of the interface that it is attached to; 0, where it was taken off.
    pub interface: Option<u32>,
}

impl Survey {
    /// Of what is pinned in the BPF file system `bpffs`; none, if nothing is.
    pub fn of(bpffs: &Path) -> Result<Option<Self>, DatapathError> {
        let Some(pins) = PinDirectory::look(bpffs) else { return Ok(None) };
        let whole = pins.generations()?.into_iter().rfind(|&number| generation::is_whole(number, &pins));
        let generation = whole.and_then(|number| Generation::open(number, &pins).ok());
        let mut links = BTreeMap::new();
        for hook in Hook::ALL {
            for index in pins.links(hook)? {
                // The mode is of no concern here.
                let link = Guarded::open(index, format!("#{index}"), AttachedMode::Native, hook, &pins);
                let link = link.and_then(|link| {
                    Ok(SurveyedLink { program: link.program_id()?, interface: link.attached_to()? })
                });
                links.insert((index, hook), link.map_err(|error| error.whole_story()));
            }
        }
        let program = |hook| {
            Some((hook, generation.as_ref().and_then(|generation: &Generation| generation.program_id(hook))?))
        };
        Ok(Some(Self { programs: Hook::ALL.into_iter().filter_map(program).collect(), links }))
    }

    /// The numbers of the interfaces that have a link, or a filter, of those that are pinned.
    pub fn interfaces(&self) -> BTreeSet<u32> {
        let has = |link: &Result<SurveyedLink, String>| {
            link.as_ref().is_ok_and(|link| link.interface.is_none_or(|at| at != 0))
        };
        self.links.iter().filter(|(_, link)| has(link)).map(|((index, _), _)| *index).collect()
    }
}

/// The filters that a packet meets in clsact where it leaves by the interface `index`, before it meets ours, each as `name, id 7`.
pub fn filters_before(index: u32) -> Result<Vec<String>, DatapathError> {
    clsact::before(index).map_err(|source| DatapathError::System { call: "asking for tc filters", source })
}

/// The programs that a packet meets at tcx of the interface `name` before it meets `program`, each as `name, id 7`.
pub fn tcx_before(name: &str, program: u32) -> Result<Vec<String>, DatapathError> {
    let (_, programs) =
        SchedClassifier::query_tcx(name, TcAttachType::Ingress).map_err(|error| match error {
            ProgramError::SyscallError(call) if call.io_error.raw_os_error() == Some(libc::EPERM) => {
                DatapathError::NotPermitted
            }
            error => DatapathError::Attach { interface: name.to_owned(), source: Box::new(error) },
        })?;
    let before = programs.iter().take_while(|found| found.id() != program);
    Ok(before
        .map(|found| format!("`{}`, id {}", found.name_as_str().unwrap_or_default(), found.id()))
        .collect())
}
