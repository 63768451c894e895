//! A site file as it is now, read and compiled: what could be put in force.

use std::path::Path;

use super::DaemonError;
use crate::{
    compile::{Image, NodeAddresses, compile},
    datapath,
    input::{InputError, read_site},
    lint::Surroundings,
    matrix::Matrix,
    reading::Report,
};

/// A site that holds together, compiled for this node.
pub(super) struct Candidate {
    pub(super) matrix: Matrix,
    pub(super) image: Image,
    /// What the generation would be known by.
    pub(super) identity: String,
}

impl Candidate {
    /// Compiles `matrix` for this node as it is now.
    pub(super) fn new(matrix: Matrix, object: &[u8]) -> Result<Self, DaemonError> {
        let image = compile(&matrix, &own_addresses()?)?;
        let identity = datapath::identity(object, &image);
        Ok(Self { matrix, image, identity })
    }
}

/// Reads `site` with all that it refers to; what is odd about it comes beside it.
pub(super) fn read(site: &Path, around: &Surroundings) -> Result<(Matrix, Report), InputError> {
    let loaded = read_site(site)?;
    let findings = loaded.lint(around);
    let report = loaded.report(findings.warnings);
    Ok((loaded.matrix, report))
}

fn own_addresses() -> Result<NodeAddresses, DaemonError> {
    Ok(datapath::node_addresses()?)
}
