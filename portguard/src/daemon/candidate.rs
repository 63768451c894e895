//! A site compiled for this node as it is now: what could be put in force.

use super::DaemonError;
use crate::{
    compile::{Image, compile},
    datapath,
    matrix::Matrix,
};

/// A site compiled for this node.
pub(super) struct Candidate {
    pub(super) image: Image,
    /// What the generation would be known by.
    pub(super) identity: String,
}

impl Candidate {
    /// Compiles `matrix`.
    pub(super) fn new(matrix: &Matrix, object: &[u8]) -> Result<Self, DaemonError> {
        let image = compile(matrix, &datapath::node_addresses()?)?;
        let identity = datapath::identity(object, &image);
        Ok(Self { image, identity })
    }
}
