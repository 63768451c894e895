//! Site files as verbs take them: read, their warnings told.

use std::path::Path;

use thiserror::Error;

use super::exit::{stderr_colour, tell};
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

/// Reads a site file with its policies and tells its warnings on standard error.
pub fn load(path: &Path) -> Result<Loaded, InputError> {
    let loaded = read_site(path)?;
    tell(&loaded.warnings.render(stderr_colour()));
    Ok(loaded)
}
