//! Which site is in force: that of the site file, one that waits to be confirmed, or one from before.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use super::{
    Daemon, DaemonError,
    candidate::Candidate,
    clock, datapath,
    enforcement::{Enforcement, Installed, Unnamed},
    in_force::InForce,
    memory,
    particulars::Provenance,
    replacement::Replacement,
    store::Pending,
    troubles::Subject,
};
use crate::{
    input::{Bundle, InputError, Loaded, read_document},
    lint::{SshSession, Surroundings, Warning},
    matrix::Mode,
    reading::Colour,
};

/// How long it takes until a site that could not be taken back is tried again.
const RETRY: Duration = Duration::from_secs(5);

/// A site that was read, and what it was read from.
pub(super) struct Read {
    pub(super) loaded: Loaded,
    pub(super) bundle: Bundle,
}

/// The session that asks, and whether it may be cut.
#[derive(Clone, Debug, Default)]
pub(super) struct Asker {
    pub(super) session: Option<SshSession>,
    pub(super) despite_ssh: bool,
}

impl Daemon {
    /// The site to begin with: that of the site file, unless something else was in force when the daemon ended.
    pub(super) fn opening(&mut self) -> Result<Read, DaemonError> {
        if let Some(pending) = self.kept.pending.clone() {
            if pending.remaining().is_some() {
                return self.reread(pending.bundle);
            }
            self.shun(&pending.bundle);
            self.kept.pending = None;
            self.save();
        }
        let read = self.read();
        let Some(in_force) = self.kept.in_force.clone().filter(|kept| kept.site() == self.site) else {
            return read;
        };
        match read {
            Ok(read) if self.kept.shunned.as_deref() == Some(&read.bundle.digest()) => {
                self.troubles.note(Subject::Site, self.other_file());
                self.reread(in_force)
            }
            Ok(read) => Ok(read),
            Err(error) => {
                self.note_site(&error);
                self.reread(in_force)
            }
        }
    }

    /// Puts the site file as it is now in force; after an error what was in force is so still.
    pub(super) async fn reload(&mut self, by: &str, asker: &Asker) -> Result<String, DaemonError> {
        if self.kept.pending.is_some() {
            return Err(DaemonError::Pending);
        }
        let reloaded = match self.read() {
            Ok(read) => self.put(read, by, asker).await,
            Err(error) => Err(error),
        };
        let in_force = reloaded.inspect_err(|error| self.note_site(error))?;
        let said = in_force.said("");
        tracing::info!(by, "{said}");
        self.settle(in_force.bundle);
        Ok(said)
    }

    /// Puts the text of the file `path` in the place of the site file's: at once, or when it is confirmed within `patience`.
    pub(super) async fn apply(
        &mut self,
        path: &Path,
        patience: Option<Duration>,
        asker: &Asker,
    ) -> Result<String, DaemonError> {
        if self.kept.pending.is_some() {
            return Err(DaemonError::Pending);
        }
        let text = read_document(path).map_err(site_error)?;
        let read = self.read_text(text, path)?;
        // Before anything is in force: what cannot be written is not to be in force for good.
        let replacement = self.write_beside(&read.bundle);
        let Some(patience) = patience else {
            let replacement = replacement?;
            let in_force = self.put(read, "portguard apply", asker).await?;
            return Ok(self.settle_in_file(in_force, replacement));
        };
        let then = match replacement {
            Ok(_) => "unless `portguard confirm` comes".to_owned(),
            Err(error) => format!("and `portguard confirm` will not keep it ({})", error.whole_story()),
        };
        let in_force = self.try_for(read, patience, asker).await?;
        Ok(in_force.said(&format!(", for {} s {then}", patience.as_secs())))
    }

    /// Puts `read` in force until it is confirmed, or `patience` is over.
    async fn try_for(
        &mut self,
        read: Read,
        patience: Duration,
        asker: &Asker,
    ) -> Result<InForce, DaemonError> {
        guard_session(&read, asker)?;
        // Kept first: a daemon that is killed while the site comes in force takes it back all the same.
        let before = self.kept.clone();
        self.kept.pending = Some(Pending::new(read.bundle.clone(), patience).map_err(DaemonError::Unkept)?);
        if self.kept.in_force.is_none() {
            return Err(self.forget_pending(before, DaemonError::NothingBefore));
        }
        if let Err(error) = self.store.save(&self.kept) {
            return Err(self.forget_pending(before, DaemonError::Unkept(error)));
        }
        match self.put(read, "portguard apply --confirm", asker).await {
            Ok(in_force) => {
                self.due.confirmation.within(patience);
                Ok(in_force)
            }
            Err(error) => {
                let error = self.forget_pending(before, error);
                self.save();
                Err(error)
            }
        }
    }

    /// What waits is in force for good.
    pub(super) fn confirm(&mut self) -> Result<String, DaemonError> {
        let pending = self.kept.pending.clone().ok_or(DaemonError::NothingPending)?;
        let replacement = self.write_beside(&pending.bundle)?;
        replacement.map_or(Ok(()), Replacement::take_place).map_err(|source| self.unwritten(source))?;
        self.settle(pending.bundle);
        self.due.confirmation.done();
        let said = format!("confirmed: {} says what is in force", self.site.display());
        tracing::info!("{said}");
        Ok(said)
    }

    /// Back to what was in force before: before what waits, or before the last change.
    pub(super) async fn rollback(&mut self) -> Result<String, DaemonError> {
        if self.kept.pending.is_some() {
            return self.take_back("portguard rollback").await;
        }
        let before = self.kept.before.clone().ok_or(DaemonError::NothingBefore)?;
        let read = self.reread(before.clone())?;
        let asker = Asker { session: None, despite_ssh: true };
        let in_force = self.put(read, "portguard rollback", &asker).await?;
        if let Some(now) = self.kept.in_force.replace(before) {
            self.shun(&now);
            self.kept.before = Some(now);
        }
        self.save();
        self.troubles.note(Subject::Site, self.other_file());
        let said = in_force.said(", with the site of before");
        Ok(format!("{said}. {}{}", self.other_file(), self.unkept()))
    }

    /// Nobody has confirmed in time.
    pub(super) async fn expire(&mut self) {
        self.due.confirmation.done();
        let Some(pending) = &self.kept.pending else { return };
        if let Some(left) = pending.remaining() {
            self.due.confirmation.within(left);
            return;
        }
        if self.is_detached() {
            self.forget_tried();
            tracing::warn!("not confirmed in time, and nothing is put in force, since the filter is off");
            return;
        }
        match self.take_back("not confirmed in time").await {
            Ok(said) => tracing::warn!("{said}"),
            Err(error) => {
                self.note_site(&error);
                self.due.confirmation.within(RETRY);
            }
        }
    }

    async fn take_back(&mut self, by: &str) -> Result<String, DaemonError> {
        let before = self.kept.in_force.clone().ok_or(DaemonError::NothingBefore)?;
        let read = self.reread(before)?;
        let asker = Asker { session: None, despite_ssh: true };
        let in_force = self.put(read, by, &asker).await?;
        // Not before it is so: what is killed in between is taken back by the next start.
        self.forget_tried();
        let said = in_force.said(&format!(", with the site of before: {by}"));
        Ok(format!("{said}{}", self.unkept()))
    }

    /// Compiles and installs; what was read is what the daemon goes by from then on.
    pub(super) async fn put(&mut self, read: Read, by: &str, asker: &Asker) -> Result<InForce, DaemonError> {
        guard_session(&read, asker)?;
        let Read { loaded, bundle } = read;
        let candidate = Candidate::new(&loaded.matrix, &self.object)?;
        let present = self.network.present().await?;
        let provenance = self.provenance(by);
        let enforcement = match &mut self.enforcement {
            Some(enforcement) => enforcement,
            detached => detached.insert(Enforcement::open(&self.bpffs, &present)?.0),
        };
        let before = enforcement.particulars().map(|known| known.mode);
        let installed = enforcement.install(
            candidate,
            &loaded.matrix,
            &self.object,
            provenance,
            &present,
            Unnamed::LetGo,
        );
        // An interface that was just to be guarded is to be guarded by the generation that is.
        let installed = installed.inspect_err(|_| self.due.interfaces.soon(Duration::ZERO))?;
        let number = enforcement.filter().current().map_or(0, datapath::Generation::number);
        let missing = enforcement.missing(&present);
        for name in &missing {
            tracing::warn!("{name} is not there: it is guarded when it comes");
        }
        let in_force = InForce::new(number, &installed, &missing, bundle);
        let is_new = matches!(installed, Installed::New(_));
        if let Installed::New(changes) = installed {
            self.tell(&changes);
            self.record_generation(by, before, Some(&loaded.matrix));
        }
        self.go_by(loaded, &in_force.bundle);
        if is_new {
            self.tell_transit();
        }
        self.gather();
        memory::give_back();
        // It is in force, whatever comes of that.
        self.look_after().await;
        Ok(in_force)
    }

    /// From now on it is this site whose names, files and addresses are followed.
    pub(super) fn go_by(&mut self, loaded: Loaded, bundle: &Bundle) {
        let files = loaded.watch().then(|| bundle.paths().map(Path::to_owned).collect::<Vec<PathBuf>>());
        let followed = self.watcher.follow(files.as_deref().unwrap_or_default());
        self.note_following(followed);
        let names = loaded.host_names();
        self.kept.names.keep_only(&names);
        self.loaded = Some(loaded);
        self.go_by_audit();
        self.metrics.reloaded();
        self.go_by_metrics();
        self.schedule_names();
    }

    pub(super) fn note_following(&mut self, followed: notify::Result<()>) {
        match followed {
            Ok(()) => self.troubles.over(&Subject::Files),
            Err(error) => {
                self.troubles.note(Subject::Files, format!("the site's files cannot be followed: {error}"));
            }
        }
    }

    fn read(&self) -> Result<Read, DaemonError> {
        let (loaded, bundle) = Bundle::read(&self.site).map_err(site_error)?;
        Ok(self.answered(loaded, bundle))
    }

    fn read_text(&self, text: String, written: &Path) -> Result<Read, DaemonError> {
        let (loaded, bundle) = Bundle::of_file(&self.site, text, written).map_err(site_error)?;
        Ok(self.answered(loaded, bundle))
    }

    fn reread(&self, bundle: Bundle) -> Result<Read, DaemonError> {
        let loaded = bundle.load().map_err(site_error)?;
        Ok(self.answered(loaded, bundle))
    }

    /// With what is known of its host names; what is odd about it is logged.
    fn answered(&self, mut loaded: Loaded, bundle: Bundle) -> Read {
        loaded.answer(&self.kept.names.answers(&loaded.host_names()));
        let odd = loaded.report(loaded.lint(&self.surroundings).warnings).render(Colour::Never);
        if !odd.is_empty() {
            tracing::warn!("{}\n{}", self.site.display(), odd.trim_end());
        }
        Read { loaded, bundle }
    }

    /// When host names are to be asked for again.
    pub(super) fn schedule_names(&mut self) {
        self.due.names.done();
        let Some(loaded) = &self.loaded else { return };
        if let Some(wait) = self.kept.names.next_due(&loaded.host_names(), SystemTime::now()) {
            self.due.names.within(wait);
        }
    }

    pub(super) fn note_site(&mut self, error: &DaemonError) {
        self.troubles.note(
            Subject::Site,
            format!(
                "{} cannot be put in force, and what was in force is so still: {}",
                self.site.display(),
                error.whole_story()
            ),
        );
    }

    pub(super) fn provenance(&self, by: &str) -> Provenance {
        Provenance { site: self.site.display().to_string(), by: self.asked_by(by), since: clock::now() }
    }
}

fn site_error(error: InputError) -> DaemonError {
    DaemonError::Site(Box::new(error))
}

/// Refuses what would end the session that asks.
fn guard_session(read: &Read, asker: &Asker) -> Result<(), DaemonError> {
    if asker.despite_ssh || asker.session.is_none() || read.loaded.matrix.mode == Mode::Observe {
        return Ok(());
    }
    let around = Surroundings { ssh: asker.session.clone(), ..Surroundings::default() };
    let found = read.loaded.lint(&around);
    match found.warnings.iter().find(|warning| matches!(warning, Warning::NoSsh { .. })) {
        Some(warning) => Err(DaemonError::CutsSession(warning.to_string())),
        None => Ok(()),
    }
}
