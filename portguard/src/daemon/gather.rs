//! Bringing in what the kernel has counted and noted: to the audit store first, then out of the kernel.
//!
//! Nothing is cleared in the kernel before the store has it, and the store knows what it has by instance, generation and
//! epoch: whatever is cut short is done again and neither lost nor doubled.

use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::{
    Daemon, DaemonError, Reply, STALLED,
    archive::{Asked, Done},
    clock,
    enforcement::Gathered,
    harvest::Clocks,
    readings::Readings,
    troubles::Subject,
};
use crate::{
    audit::{Change, ChangeKind, Detail, DropFilter, Harvest},
    datapath::Generation,
    matrix::{Diff, Matrix, Mode},
    observe::{Count, CounterReport, Idle},
};

/// The most tables of former generations that wait for a store which cannot be written.
const MOST_WAITING: usize = 64;

/// The most rows of an answer about drops.
const MOST_ROWS: usize = 50_000;
/// How long the store may take when the daemon ends, or the filter is taken off.
const LAST: Duration = Duration::from_secs(3);

/// What is on its way to the store.
#[derive(Debug)]
pub(super) struct UnderWay {
    gathered: Gathered,
    /// What had been refused when it was gathered.
    refused: Count,
    since: Instant,
}

/// What has been brought in.
#[derive(Default)]
pub(super) struct Brought {
    under_way: Option<UnderWay>,
    /// Somebody wanted more brought in meanwhile.
    again: bool,
    /// What the store has.
    last: Option<CounterReport>,
    /// Whether the kernel may hold notes that the store has not.
    readings: Readings,
    /// What the kernel does not hold any more, and the store could not take yet.
    waiting: Vec<Detail>,
    /// Questions about what has come since that began.
    asked_meanwhile: Vec<Asked>,
}

impl Daemon {
    /// Brings in what has come since the last time, unless that is still under way.
    pub(super) fn gather(&mut self) {
        self.look_after_sink();
        if let Some(under_way) = &self.brought.under_way {
            self.brought.again = true;
            if under_way.since.elapsed() > STALLED {
                let says = "the audit store has not answered for a while: its disk may hang".to_owned();
                self.troubles.note(Subject::Archive, says);
            }
            return;
        }
        self.brought.again = false;
        match self.try_gather() {
            Ok(()) => self.troubles.over(&Subject::Drops),
            Err(error) => self.troubles.note(Subject::Drops, error.whole_story()),
        }
    }

    fn try_gather(&mut self) -> Result<(), DaemonError> {
        self.listen_to_drops();
        let Ok(before) = self.report(Idle::Hide) else { return Ok(()) };
        let Some(enforcement) = &mut self.enforcement else { return Ok(()) };
        let refused = before.totals().refused();
        let is_quiet = self.brought.readings.is_quiet(refused);
        let is_known = is_quiet && self.brought.last.as_ref() == Some(&before);
        if is_known && !enforcement.has_retired() && self.brought.waiting.is_empty() {
            return Ok(());
        }
        let Some(instance) = enforcement.instance().map(str::to_owned) else { return Ok(()) };
        let ended = enforcement.end_epoch(is_quiet)?;
        // Only now: who sent the last packets of that epoch is told by their events.
        self.hear_drops();
        let Some(enforcement) = &mut self.enforcement else { return Ok(()) };
        let mut gathered = enforcement.gather(ended, self.telling.senders())?;
        self.metrics.count(&gathered.tally);
        let now = Clocks::milliseconds_now();
        self.tell_sums(&gathered.news, now);
        // Read again: what was noted is among what was counted.
        let totals = self.report(Idle::Hide)?;
        gathered.totals = Some(totals.clone());
        let mut details = self.brought.waiting.clone();
        details.extend(gathered.details());
        self.archive.record(Harvest { at: clock::now(), instance, totals, details });
        self.brought.under_way = Some(UnderWay { gathered, refused, since: Instant::now() });
        Ok(())
    }

    /// What the store has answered.
    pub(super) fn archived(&mut self, done: Done) {
        let recorded = match done {
            Done::Recorded(recorded) => recorded,
            Done::Failed(why) => return self.note_archive(&why),
        };
        let Some(UnderWay { gathered, refused, .. }) = self.brought.under_way.take() else { return };
        let finished = match recorded {
            Ok(()) => {
                self.troubles.over(&Subject::Archive);
                self.brought.last.clone_from(&gathered.totals);
                let found = gathered.details().next().is_some();
                self.brought.readings = self.brought.readings.then(refused, found);
                self.brought.waiting.clear();
                self.finish(&gathered, true)
            }
            Err(why) => {
                self.note_archive(&why);
                self.brought.waiting.extend(gathered.retired.clone());
                let surplus = self.brought.waiting.len().saturating_sub(MOST_WAITING);
                self.brought.waiting.drain(..surplus);
                self.finish(&gathered, false)
            }
        };
        match finished {
            Ok(()) => self.troubles.over(&Subject::Ledger),
            Err(error) => self.troubles.note(Subject::Ledger, error.whole_story()),
        }
        self.answer_asked();
        if self.brought.again {
            self.gather();
        }
        // Who asked meanwhile wants to know what this one brings.
        self.asked.append(&mut self.brought.asked_meanwhile);
        if self.brought.under_way.is_none() {
            self.answer_asked();
        }
    }

    /// Looks drops up once all that the kernel knows of them is in the store.
    pub(super) fn ask_archive(&mut self, filter: DropFilter) -> oneshot::Receiver<Reply> {
        let (answer, later) = oneshot::channel();
        let filter = DropFilter { limit: filter.limit.min(MOST_ROWS), ..filter };
        let is_busy = self.brought.under_way.is_some();
        self.gather();
        let asked = if is_busy { &mut self.brought.asked_meanwhile } else { &mut self.asked };
        asked.push(Asked { filter, answer });
        if self.brought.under_way.is_none() {
            self.answer_asked();
        }
        later
    }

    fn answer_asked(&mut self) {
        for asked in self.asked.drain(..) {
            asked.look_up(self.archive.path().to_owned());
        }
    }

    /// Clears in the kernel what the store has, and lets former generations go: their counts are in the ledger.
    fn finish(&mut self, gathered: &Gathered, recorded: bool) -> Result<(), DaemonError> {
        let Some(enforcement) = &mut self.enforcement else { return Ok(()) };
        if recorded {
            enforcement.clear(gathered)?;
        }
        enforcement.enter_retired(gathered)
    }

    /// Brings in what there is before the daemon ends.
    pub(super) async fn gather_last(&mut self) {
        for _ in 0..2 {
            self.gather();
            if self.brought.under_way.is_none() {
                return;
            }
            match tokio::time::timeout(LAST, self.archive.next()).await {
                Ok(done) => self.archived(done),
                Err(_) => return,
            }
        }
    }

    /// Lets the store finish what it was told, as long as that does not take for ever.
    pub(super) async fn end_record(&mut self) {
        self.archive.end();
        if tokio::time::timeout(LAST, self.archive.ended()).await.is_err() {
            tracing::warn!(
                "the audit store is not ready: what it has not written yet is written by the next start"
            );
        }
    }

    /// Keeps in the record that another generation is in force: of another site, if there is a `matrix`.
    pub(super) fn record_generation(&self, by: &str, before: Option<Mode>, matrix: Option<&Matrix>) {
        let diff = match (&self.loaded, matrix) {
            (Some(old), Some(new)) => Some(Diff::new(&old.matrix, new).to_string()),
            _ => None,
        };
        let Some(particulars) = self.enforcement.as_ref().and_then(super::Enforcement::particulars) else {
            return;
        };
        let mode = particulars.mode;
        let says = format!("{} is in force, mode {mode}, posture {}", particulars.site, particulars.posture);
        self.record_change(ChangeKind::Generation, by, says, diff);
        if let Some(before) = before.filter(|before| *before != mode) {
            self.record_change(ChangeKind::Mode, by, format!("mode {before} -> {mode}"), None);
        }
    }

    /// Keeps in the record that something changed.
    pub(super) fn record_change(&self, kind: ChangeKind, by: &str, says: String, diff: Option<String>) {
        let current = self.enforcement.as_ref();
        self.archive.change(Change {
            at: clock::now(),
            kind,
            generation: current
                .and_then(|enforcement| enforcement.filter().current())
                .map(Generation::number),
            digest: current
                .and_then(|enforcement| enforcement.particulars())
                .map(|known| known.image.clone()),
            by: self.asked_by(by),
            says,
            diff,
        });
    }

    /// What was asked, and by whom where that is known: `portguard reload (alice)`.
    pub(super) fn asked_by(&self, by: &str) -> String {
        self.login.as_ref().map_or_else(|| by.to_owned(), |login| format!("{by} ({login})"))
    }

    pub(super) fn note_archive(&mut self, why: &str) {
        self.troubles.note(
            Subject::Archive,
            format!("the audit store cannot be written, and counting goes on in the kernel: {why}"),
        );
    }
}
