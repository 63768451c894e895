//! Which site is in force: that of the site file, one that waits to be confirmed, or one from before.

use std::{
    fs,
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
    store::{self, Pending},
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
                self.troubles.note(Subject::Site, self.taken_back());
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
        match &reloaded {
            Ok(in_force) => {
                tracing::info!(by, "{}", in_force.said(""));
                self.troubles.over(&Subject::Site);
            }
            Err(error) => self.note_site(error),
        }
        let in_force = reloaded?;
        let said = in_force.said("");
        self.kept.settle(in_force.bundle);
        self.save();
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
        let read = self.read_text(text)?;
        let Some(patience) = patience else {
            let in_force = self.put(read, "portguard apply", asker).await?;
            let said = in_force.said("");
            self.settle(in_force.bundle)?;
            return Ok(said);
        };
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
                let seconds = patience.as_secs();
                Ok(in_force.said(&format!(", for {seconds} s unless `portguard confirm` comes")))
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
        self.settle(pending.bundle)?;
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
        self.troubles.note(Subject::Site, self.taken_back());
        Ok(format!("{}. {}", in_force.said(", with the site of before"), self.taken_back()))
    }

    /// Nobody has confirmed in time.
    pub(super) async fn expire(&mut self) {
        self.due.confirmation.done();
        if let Some(left) = self.kept.pending.as_ref().and_then(Pending::remaining) {
            self.due.confirmation.within(left);
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
        let pending = self.kept.pending.clone().ok_or(DaemonError::NothingPending)?;
        let before = self.kept.in_force.clone().ok_or(DaemonError::NothingBefore)?;
        let read = self.reread(before)?;
        let asker = Asker { session: None, despite_ssh: true };
        let in_force = self.put(read, by, &asker).await?;
        // Not before it is so: what is killed in between is taken back by the next start.
        self.kept.pending = None;
        self.shun(&pending.bundle);
        self.save();
        self.due.confirmation.done();
        self.troubles.note(Subject::Site, self.taken_back());
        Ok(in_force.said(&format!(", with the site of before: {by}")))
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
        if let Installed::New(changes) = installed {
            self.tell(&changes);
            self.record_generation(by, before, Some(&loaded.matrix));
        }
        self.go_by(loaded, &in_force.bundle);
        self.gather();
        memory::give_back();
        self.tend().await?;
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

    fn read_text(&self, text: String) -> Result<Read, DaemonError> {
        let (loaded, bundle) = Bundle::of_text(&self.site, text).map_err(site_error)?;
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

    /// Makes `bundle` what is in force for good, in the site file too.
    fn settle(&mut self, bundle: Bundle) -> Result<(), DaemonError> {
        if fs::read_to_string(&self.site).ok().as_deref() != Some(bundle.text()) {
            store::replace(&self.site, bundle.text())
                .map_err(|source| DaemonError::Unwritten { path: self.site.clone(), source })?;
        }
        self.kept.settle(bundle);
        self.troubles.over(&Subject::Site);
        self.save();
        Ok(())
    }

    fn forget_pending(&mut self, before: store::Kept, error: DaemonError) -> DaemonError {
        self.kept = before;
        error
    }

    /// A start does not put these files in force again.
    fn shun(&mut self, bundle: &Bundle) {
        self.kept.shunned = Some(bundle.digest());
    }

    pub(super) fn taken_back(&self) -> String {
        format!(
            "{} may say something else than what is in force, since a site was taken back: `portguard reload` puts the \
             file in force as it is",
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
