//! Site files as verbs take them. What is odd about one is told by `check`, and by `run`, which acts on it.

use std::path::Path;

use thiserror::Error;

use crate::{
    input::{InputError, Loaded, read_site},
    reading::Colour,
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

/// Reads a site file with its policies.
pub fn load(path: &Path) -> Result<Loaded, InputError> {
    read_site(path)
}
