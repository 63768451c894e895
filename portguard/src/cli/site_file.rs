//! Site files as verbs take them. What is odd about one is told by `check`, and by `run`, which acts on it.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use thiserror::Error;

use super::exit::{stderr_colour, tell};
use crate::{
    input::{InputError, Loaded, read_site, read_text},
    names,
    reading::Colour,
    site::{Answers, HostName},
};

/// Several site files were asked about, and not all of them hold together.
#[derive(Debug, Error)]
#[error("{} of {asked} site files cannot be used", faults.len())]
pub struct Rejected {
    /// How many were asked about.
    pub asked: usize,
    /// What is wrong with each that cannot be used.
    pub faults: Vec<InputError>,
}

impl Rejected {
    /// Every diagnostic of every file, then the sum.
    pub fn render(&self, colour: Colour) -> String {
        let text: String = self.faults.iter().map(|fault| fault.render(colour)).collect();
        if self.asked > 1 { format!("{text}error: {self}\n") } else { text }
    }
}

/// Who is asked about host names.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct NameArgs {
    /// Take the addresses of host names from this file, written as /etc/hosts is, and ask nobody
    #[arg(long, value_name = "FILE")]
    names: Option<PathBuf>,
}

impl NameArgs {
    /// What `wanted` stand for.
    pub(super) fn answers(&self, wanted: &BTreeSet<HostName>) -> Result<Answers, InputError> {
        let Some(path) = &self.names else { return Ok(names::resolve_once(wanted)) };
        let answers = read_text(path).and_then(|text| names::of_hosts_file(&text, wanted));
        answers.map_err(|source| InputError::Unreadable { path: path.clone(), source })
    }
}

/// Reads a site file with its policies, and finds out what its host names stand for.
pub fn load(path: &Path, names: &NameArgs) -> Result<Loaded, InputError> {
    let mut loaded = read_site(path)?;
    let answers = names.answers(&loaded.host_names())?;
    loaded.answer(&answers);
    Ok(loaded)
}

/// The same for verbs that tell nothing else that is odd: what they answer rests on the names.
pub(super) fn load_and_tell(path: &Path, names: &NameArgs) -> Result<Loaded, InputError> {
    let loaded = load(path, names)?;
    tell_odd_answers(&loaded);
    Ok(loaded)
}

/// Tells which host names do not stand for what they should.
pub(super) fn tell_odd_answers(loaded: &Loaded) {
    tell(&loaded.report(loaded.odd_answers()).render(stderr_colour()));
}
