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
    /// Whether the node sends on what comes in for others.
    pub(super) forwards: bool,
}

impl Candidate {
    /// Compiles `matrix`.
    pub(super) fn new(matrix: &Matrix, object: &[u8]) -> Result<Self, DaemonError> {
        let node = datapath::node()?;
        let image = compile(matrix, &node)?;
        let identity = datapath::identity(object, &image);
        Ok(Self { image, identity, forwards: node.forwards() })
    }
}
