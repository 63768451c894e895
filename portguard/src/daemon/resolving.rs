//! Host names: asked for when their answers end, without keeping anybody waiting.

use std::{collections::BTreeSet, time::SystemTime};

use tokio::sync::mpsc;

use super::{Daemon, troubles::Subject};
use crate::{
    names::{LookedUp, Resolver},
    site::HostName,
};

type Found = Vec<(HostName, LookedUp)>;

/// Look-ups under way.
pub(super) struct Resolving {
    found: mpsc::Receiver<Found>,
    tell: mpsc::Sender<Found>,
    under_way: bool,
}

impl Resolving {
    pub(super) fn new() -> Self {
        let (tell, found) = mpsc::channel(1);
        Self { found, tell, under_way: false }
    }

    /// Asks for `names`, unless an earlier question is not answered yet.
    fn ask(&mut self, names: BTreeSet<HostName>) {
        if self.under_way || names.is_empty() {
            return;
        }
        self.under_way = true;
        let tell = self.tell.clone();
        tokio::spawn(async move {
            let found = Resolver::from_system().look_up_all(&names).await;
            // The daemon is gone, or takes it.
            let _: Result<(), mpsc::error::SendError<Found>> = tell.send(found.into_iter().collect()).await;
        });
    }

    /// The next answers.
    pub(super) async fn next(&mut self) -> Found {
        match self.found.recv().await {
            Some(found) => {
                self.under_way = false;
                found
            }
            // This holds a sender itself.
            None => std::future::pending().await,
        }
    }
}

impl Daemon {
    /// Asks for the names whose answers have ended.
    pub(super) fn ask_for_names(&mut self) {
        self.due.names.done();
        let Some(loaded) = &self.loaded else { return };
        let due = self.kept.names.due(&loaded.host_names(), SystemTime::now());
        self.resolving.ask(due);
    }

    /// Takes the answers; where they are others, another generation.
    pub(super) async fn learn_names(&mut self, found: Found) {
        let changed = self.kept.names.learn(found, SystemTime::now());
        self.schedule_names();
        let Some(loaded) = &mut self.loaded else { return };
        loaded.answer(&self.kept.names.answers(&loaded.host_names()));
        let odd: Vec<String> = loaded.odd_answers().iter().map(ToString::to_string).collect();
        if odd.is_empty() {
            self.troubles.over(&Subject::Names);
        } else {
            self.troubles.note(Subject::Names, odd.join("; "));
        }
        if changed {
            self.follow_up("other answers for host names").await;
        }
        self.save();
    }
}
