//! Where a capture was taken: a site, one of its interfaces, a node's addresses.

use crate::{
    compile::{CompileError, Image, Node, compile},
    matrix::{Interface, Matrix, Mode},
};

/// What the packets of a capture came to.
pub struct Scene {
    pub(super) matrix: Matrix,
    pub(super) image: Image,
    pub(super) node: Node,
    /// The site's own; the verdict is told as it is when it counts.
    pub(super) mode: Mode,
}

impl Scene {
    /// Packets came in by `interface` of the site to a node that has the addresses `node`, none if they are not known.
    pub fn new(mut matrix: Matrix, interface: Interface, node: Node) -> Result<Self, CompileError> {
        let mode = std::mem::replace(&mut matrix.mode, Mode::Enforce);
        matrix.interfaces = vec![interface];
        let image = compile(&matrix, &node)?;
        Ok(Self { matrix, image, node, mode })
    }

    /// The site compiled for that interface, in mode `enforce`.
    pub fn image(&self) -> &Image {
        &self.image
    }
}
