//! News of the site's files, by the directories that they are in: editors and configuration tools put another file in the
//! place of the one there was.

use std::{
    collections::BTreeSet,
    mem,
    path::{Path, PathBuf},
};

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _, event::AccessKind};
use tokio::sync::mpsc;

/// Tells of changes in the directories of files.
pub(super) struct Watcher {
    /// Whether it follows anything yet. It does so by a thread, which has the privileges of its beginning.
    begun: bool,
    inner: Option<RecommendedWatcher>,
    directories: BTreeSet<PathBuf>,
    news: mpsc::Receiver<()>,
    tell: mpsc::Sender<()>,
}

impl Watcher {
    /// One that follows nothing until [`Self::begin`].
    pub(super) fn new() -> Self {
        // One place is enough: news that nobody has heard yet are the same news.
        let (tell, news) = mpsc::channel(1);
        Self { begun: false, inner: None, directories: BTreeSet::new(), news, tell }
    }

    /// Follows the files that it was told to.
    pub(super) fn begin(&mut self) -> notify::Result<()> {
        self.begun = true;
        self.watch()
    }

    /// Follows these files and no others.
    pub(super) fn follow(&mut self, files: &[PathBuf]) -> notify::Result<()> {
        let directory = |file: &PathBuf| match file.parent() {
            Some(parent) if parent != Path::new("") => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let directories: BTreeSet<PathBuf> = files.iter().map(directory).collect();
        if directories == self.directories {
            return Ok(());
        }
        self.directories = directories;
        if self.begun { self.watch() } else { Ok(()) }
    }

    fn watch(&mut self) -> notify::Result<()> {
        self.inner = None;
        // Until they are, lest the same files be taken for followed.
        let directories = mem::take(&mut self.directories);
        if directories.is_empty() {
            return Ok(());
        }
        let tell = self.tell.clone();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let reading = |kind| matches!(kind, EventKind::Access(access) if !is_written(access));
            if !event.is_ok_and(|event| reading(event.kind)) {
                // Full: somebody is told already.
                let _: Result<(), mpsc::error::TrySendError<()>> = tell.try_send(());
            }
        })?;
        for directory in &directories {
            watcher.watch(directory, RecursiveMode::NonRecursive)?;
        }
        (self.inner, self.directories) = (Some(watcher), directories);
        Ok(())
    }

    /// The next news.
    pub(super) async fn next(&mut self) {
        // This holds a sender itself, so that there is always one.
        let _: Option<()> = self.news.recv().await;
    }
}

fn is_written(access: AccessKind) -> bool {
    matches!(access, AccessKind::Close(notify::event::AccessMode::Write))
}
