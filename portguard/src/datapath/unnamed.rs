//! Interfaces that are guarded and that the site has no name for: somebody has renamed them.

use super::{DatapathError, Filter, Guarded, Link, Placement, Present, filter::name_of};
use crate::matrix::{Attach, Direction, Hook, OutboundAttach};

impl Filter {
    /// Those of which `named` has none, as they are guarded; `present` are all there are.
    pub fn unnamed(&self, named: &[Link], present: &[Present]) -> Result<Vec<Link>, DatapathError> {
        let guarded = [Direction::In, Direction::Out].into_iter().flat_map(|way| self.guarded_towards(way));
        let unnamed = guarded.filter(|guarded| !named.iter().any(|link| link.index == guarded.index));
        unnamed.filter_map(|guarded| self.link_of(guarded, named, present).transpose()).collect()
    }

    /// None: it is gone.
    fn link_of(
        &self,
        guarded: &Guarded,
        named: &[Link],
        present: &[Present],
    ) -> Result<Option<Link>, DatapathError> {
        let Some(name) = name_of(guarded.index, &guarded.name) else { return Ok(None) };
        let Some(current) = self.current() else { return Ok(None) };
        let is_part = |found: &&Present| {
            found.master == Some(guarded.index) && !named.iter().any(|link| link.index == found.index)
        };
        let parts = present.iter().filter(is_part).map(|part| part.index).collect();
        Ok(current.arrival(guarded.index)?.map(|arrival| Link {
            name,
            index: guarded.index,
            arrival,
            placement: placement(guarded.hook()),
            // Asked about where a program is still to be put.
            program: None,
            ethernet: true,
            by_pattern: false,
            parts,
        }))
    }
}

/// One that leaves a program where it is.
fn placement(hook: Hook) -> Placement {
    match hook {
        Hook::Xdp => Placement::In(Attach::Auto),
        Hook::Tcx => Placement::In(Attach::Tcx),
        Hook::Egress => Placement::Out(OutboundAttach::Tcx),
        Hook::Clsact => Placement::Out(OutboundAttach::Clsact),
    }
}
