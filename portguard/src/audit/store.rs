//! The one who writes.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, TransactionBehavior};

use super::{
    AuditError, Change, ChangeKind, Harvest, Limits,
    booking::book,
    changes,
    counters::{Booked, Doubtful},
    details,
    file::{self, Writing},
    labels::Labels,
};

/// The audit store, open to be written. There is one of it for each file.
///
/// Each call is one transaction: what it returns `Ok` for survives a power failure, what it returns an error for has left
/// nothing behind, and may be tried again with the same or a later harvest.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    pub(super) limits: Limits,
    writing: Writing,
    known: Known,
}

/// What the file says too, and is kept at hand. It is forgotten with a transaction that came to nothing.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) labels: Labels,
    /// What is booked of the filter of that name.
    booked: Option<(String, Booked)>,
    /// Whether it was told that the filter's counters cannot be believed.
    is_doubt_told: bool,
}

impl Store {
    /// Opens the store at `path`, and makes it where there is none.
    pub fn open(path: &Path, limits: Limits) -> Result<Self, AuditError> {
        Ok(Self { path: path.to_owned(), limits, writing: file::write(path)?, known: Known::default() })
    }

    /// Records what the kernel has counted and whom it has dropped. What is recorded already is not recorded again: a harvest
    /// may be handed over as often as one likes.
    pub fn record(&mut self, harvest: &Harvest) -> Result<(), AuditError> {
        self.transact(|connection, known| {
            let booking = book(connection, harvest.at)?;
            let Known { labels, booked, is_doubt_told } = known;
            let (name, mut counters) = match booked.take() {
                Some((name, counters)) if name == harvest.instance => (name, counters),
                _ => {
                    *is_doubt_told = false;
                    let counters = Booked::of(connection, &harvest.instance, harvest.at)?;
                    (harvest.instance.clone(), counters)
                }
            };
            let doubtful = counters.book(connection, labels, booking.hour, &harvest.totals)?;
            details::record(connection, labels, counters.instance(), booking.hour, &harvest.details)?;
            if doubtful.counters > 0 && !*is_doubt_told {
                changes::insert(connection, booking.day, &doubt(harvest.at, &doubtful))?;
            }
            *is_doubt_told = doubtful.counters > 0;
            *booked = Some((name, counters));
            Ok(())
        })
    }

    /// Records that something changed.
    pub fn change(&mut self, change: &Change) -> Result<(), AuditError> {
        self.transact(|connection, _| {
            let booking = book(connection, change.at)?;
            changes::insert(connection, booking.day, change).map(drop)
        })
    }

    /// Does `work` whole or not at all.
    pub(super) fn transact<T>(
        &mut self,
        work: impl FnOnce(&Connection, &mut Known) -> rusqlite::Result<T>,
    ) -> Result<T, AuditError> {
        let Self { path, limits: _, writing, known } = self;
        let attempt = || {
            let transaction = writing.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let done = work(&transaction, known)?;
            transaction.commit()?;
            Ok(done)
        };
        let done = attempt();
        match &done {
            // What is done is done; a log that stays long is tried again.
            Ok(_) => drop(writing.shorten_log(path)),
            Err(_) => *known = Known::default(),
        }
        done.map_err(|source| AuditError::of(path, source))
    }
}

fn doubt(at: u64, Doubtful { counters, first }: &Doubtful) -> Change {
    let first = first.as_deref().map(|first| format!(", the first that of {first}")).unwrap_or_default();
    Change {
        at,
        kind: ChangeKind::Gap,
        generation: None,
        digest: None,
        by: "portguard".to_owned(),
        says: format!(
            "{counters} of the kernel's counters stand lower than they did, or higher than can be{first}: nothing is booked \
             of them until they have caught up"
        ),
        diff: None,
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::{
        audit::{Detail, Reader, SourceDrops, Span},
        observe::{Count, CounterReport, Direction, ReasonRow},
    };

    /// A harvest after so many fillings of the table, a hundred packets and as many sources in each.
    fn harvest(epoch: u64) -> Harvest {
        let count = |packets| Count { packets, bytes: packets };
        let reason = "undocumented".to_owned();
        let drops = (0..100).map(|source| SourceDrops {
            source: Some(std::net::Ipv4Addr::from(source).into()),
            zone: "default".to_owned(),
            port: format!("{epoch}/udp"),
            reason: reason.clone(),
            rules: Vec::new(),
            process: None,
            would: false,
            packets: 1,
            bytes: 1,
            first: 0,
            last: 0,
        });
        let detail = Detail { generation: 1, epoch, drops: drops.collect(), lost: Count::default() };
        let (action, says) = ("drop".to_owned(), String::new());
        let counted = count((epoch + 1) * 100);
        let totals = CounterReport {
            ports: Vec::new(),
            undocumented: Vec::new(),
            reasons: vec![ReasonRow {
                direction: Direction::In,
                reason,
                action,
                says,
                counted,
                would_drop: Count::default(),
            }],
        };
        Harvest { at: epoch * 3600, instance: "boot".to_owned(), totals, details: vec![detail] }
    }

    #[test]
    fn a_log_that_grew_while_somebody_read_it_is_taken_back_when_nobody_does() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("audit.db");
        let log = || std::fs::metadata(directory.path().join("audit.db-wal")).unwrap().len();
        let mut store = Store::open(&path, Limits::default()).unwrap();
        let large = |epoch| {
            let mut harvest = harvest(epoch);
            let detail = &mut harvest.details[0];
            let one = detail.drops[0].clone();
            detail.drops = (0..4000)
                .map(|source: u32| SourceDrops {
                    source: Some(std::net::Ipv4Addr::from(source.wrapping_mul(0x9E37_79B9)).into()),
                    ..one.clone()
                })
                .collect();
            harvest
        };
        store.record(&large(0)).unwrap();
        // What it reads must stay until it has read it.
        let reader = Connection::open(&path).unwrap();
        reader.execute_batch("BEGIN; SELECT count(*) FROM change").unwrap();
        (1..8).for_each(|epoch| store.record(&large(epoch)).unwrap());
        assert!(log() > 1 << 20, "{}", log());
        reader.execute_batch("COMMIT").unwrap();
        store.record(&harvest(8)).unwrap();
        assert_eq!(log(), 0);
    }

    #[test]
    fn what_finds_no_space_is_taken_back_whole_and_may_be_tried_again() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("audit.db");
        let mut store = Store::open(&path, Limits::default()).unwrap();
        let told = || {
            let span = Span { since: 0, until: 1_000_000 };
            let reader = Reader::open(&path).unwrap();
            let dropped = reader.by_reason(span).unwrap().first().map_or(0, |row| row.dropped.packets);
            (dropped, reader.lost(span).unwrap().reasons.iter().map(|row| row.lost).sum::<u64>())
        };
        let limit = |store: &Store, pages: u32| {
            store.writing.connection.pragma_update(None, "max_page_count", pages).unwrap();
        };
        limit(&store, 60);
        let mut epoch = 0;
        let error = loop {
            match store.record(&harvest(epoch)) {
                Ok(()) => epoch += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(error, AuditError::Full { .. }) && epoch > 2, "{error} after {epoch}");
        assert_eq!(told(), (epoch * 100, 0));
        limit(&store, 10_000);
        store.record(&harvest(epoch)).unwrap();
        store.record(&harvest(epoch)).unwrap();
        assert_eq!(told(), ((epoch + 1) * 100, 0));
    }
}
