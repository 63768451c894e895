//! What is kept of the site in force: in the site file, and for the next boot.

use std::{fs, io};

use super::{
    Daemon, DaemonError, in_force::InForce, replacement::Replacement, store::Kept, troubles::Subject,
};
use crate::input::Bundle;

impl Daemon {
    /// Writes what `bundle` says beside the site file. None: the file says it already.
    pub(super) fn write_beside(&self, bundle: &Bundle) -> Result<Option<Replacement>, DaemonError> {
        if fs::read_to_string(&self.site).ok().as_deref() == Some(bundle.text()) {
            return Ok(None);
        }
        let replacement = Replacement::alike(&self.site, bundle.text().as_bytes());
        replacement.map(Some).map_err(|source| self.unwritten(source))
    }

    pub(super) fn unwritten(&self, source: io::Error) -> DaemonError {
        DaemonError::Unwritten { path: self.site.clone(), source }
    }

    /// Makes `bundle` what is in force for good.
    pub(super) fn settle(&mut self, bundle: Bundle) {
        self.kept.settle(bundle);
        self.troubles.over(&Subject::Site);
        self.save();
    }

    /// The same after a start: what waits to be confirmed waits still.
    pub(super) fn keep(&mut self, bundle: Bundle) {
        if self.kept.pending.is_none() && self.kept.in_force.as_ref() != Some(&bundle) {
            self.kept.settle(bundle);
            self.save();
        }
    }

    /// Makes what is in force so for good, in the site file too; what there is to say of it.
    pub(super) fn settle_in_file(&mut self, in_force: InForce, replacement: Option<Replacement>) -> String {
        let written = replacement.map_or(Ok(()), Replacement::take_place);
        let said = in_force.said("");
        self.settle(in_force.bundle);
        let Err(error) = written else { return said };
        // A start, or the watcher, would put the old file in force again.
        if let Ok((_, stale)) = Bundle::read(&self.site) {
            self.shun(&stale);
            self.save();
        }
        let says = format!(
            "what is in force could not be written to {} ({error}): write it there, and `portguard reload`",
            self.site.display()
        );
        self.troubles.note(Subject::Site, says.clone());
        format!("{said}. But {says}")
    }

    /// What waited to be confirmed waits no more, and a start does not put it in force again.
    pub(super) fn forget_tried(&mut self) {
        if let Some(pending) = self.kept.pending.take() {
            self.shun(&pending.bundle);
        }
        self.save();
        self.due.confirmation.done();
        self.troubles.note(Subject::Site, self.other_file());
    }

    pub(super) fn forget_pending(&mut self, before: Kept, error: DaemonError) -> DaemonError {
        self.kept = before;
        error
    }

    /// A start does not put these files in force again.
    pub(super) fn shun(&mut self, bundle: &Bundle) {
        self.kept.shunned = Some(bundle.digest());
    }

    pub(super) fn other_file(&self) -> String {
        format!(
            "{} may say something else than what is in force, since a site was taken back or could not be written: \
             `portguard reload` puts the file in force as it is",
            self.site.display()
        )
    }

    /// Keeps what outlives a reboot; that it can't be kept is told and changes nothing else.
    pub(super) fn save(&mut self) {
        match self.store.save(&self.kept) {
            Ok(()) => self.troubles.over(&Subject::State),
            Err(error) => self.troubles.note(
                Subject::State,
                format!(
                    "what is in force cannot be kept for the next boot ({}): {error}",
                    self.store.directory()
                ),
            ),
        }
    }

    /// Keeps what could not be kept: the disk may have room again, or be mended.
    pub(super) fn save_again(&mut self) {
        if self.troubles.has(&Subject::State) {
            self.save();
        }
    }

    /// What is to be said to whoever goes back while that cannot be kept.
    pub(super) fn unkept(&self) -> String {
        if !self.troubles.has(&Subject::State) {
            return String::new();
        }
        format!(
            ". It CANNOT BE KEPT: {} cannot be written, and until it can, a start may put in force again what was taken back",
            self.store.directory()
        )
    }
}
