//! The audit store's thread: a slow disk keeps nobody waiting who guards.

use std::{
    collections::VecDeque,
    io,
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
};

use tokio::sync::{mpsc as answers, oneshot};

use super::Reply;
use crate::audit::{AuditError, Change, DropFilter, Harvest, Kept, Limits, Reader, Store};

/// The most changes that wait for a store which cannot be written; of more, the newest do.
const MOST_UNWRITTEN: usize = 1024;

/// What the store is to do.
enum Order {
    Record(Box<Harvest>),
    Change(Box<Change>),
    /// Roll up, expire and seal what is due at this time.
    Keep(u64),
    Limits(Limits),
}

/// What has come of an order.
#[derive(Debug)]
pub(super) enum Done {
    /// A harvest is recorded, or is not and why.
    Recorded(Result<(), String>),
    /// Something else could not be done.
    Failed(String),
}

/// The thread's other end. Orders are followed one after the other, from the first one on.
pub(super) struct Archive {
    path: PathBuf,
    /// `None` when there are to be no more.
    orders: Option<mpsc::Sender<Order>>,
    done: answers::UnboundedReceiver<Done>,
    /// What is to be the thread: that has the privileges of whoever makes it.
    keeper: Option<Box<Keeper>>,
}

impl Archive {
    /// Takes orders for the store at `path`, which is opened with the first order that is followed.
    pub(super) fn new(path: PathBuf, limits: Limits) -> Self {
        let (orders, received) = mpsc::channel();
        let (answer, done) = answers::unbounded_channel();
        let unwritten = VecDeque::new();
        let keeper = Keeper { path: path.clone(), limits, store: None, unwritten, orders: received, answer };
        Self { path, orders: Some(orders), done, keeper: Some(Box::new(keeper)) }
    }

    /// Begins to follow orders.
    pub(super) fn begin(&mut self) -> io::Result<()> {
        let Some(keeper) = self.keeper.take() else { return Ok(()) };
        // It ends with its orders, and nobody needs to hold it.
        thread::Builder::new().name("audit".to_owned()).spawn(move || keeper.run()).map(drop)
    }

    pub(super) fn record(&self, harvest: Harvest) {
        self.order(Order::Record(Box::new(harvest)));
    }

    pub(super) fn change(&self, change: Change) {
        self.order(Order::Change(Box::new(change)));
    }

    pub(super) fn keep(&self, now: u64) {
        self.order(Order::Keep(now));
    }

    pub(super) fn limit(&self, limits: Limits) {
        self.order(Order::Limits(limits));
    }

    /// The store's file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What comes of the next order.
    pub(super) async fn next(&mut self) -> Done {
        match self.done.recv().await {
            Some(done) => done,
            None => std::future::pending().await,
        }
    }

    fn order(&self, order: Order) {
        if let Some(orders) = &self.orders {
            // The thread ends with the orders, not before.
            let _: Result<(), mpsc::SendError<Order>> = orders.send(order);
        }
    }

    /// Lets the thread end when it has followed all orders.
    pub(super) fn end(&mut self) {
        self.orders = None;
    }

    /// Waits until it has.
    pub(super) async fn ended(&mut self) {
        while self.done.recv().await.is_some() {}
    }
}

/// A question about drops, and where its answer goes.
pub(super) struct Asked {
    pub(super) filter: DropFilter,
    pub(super) answer: oneshot::Sender<Reply>,
}

impl Asked {
    /// Looks the answer up in the store at `path`, beside the daemon's own work.
    pub(super) fn look_up(self, path: PathBuf) {
        let Self { filter, answer } = self;
        tokio::task::spawn_blocking(move || {
            let found = Reader::open(&path).and_then(|reader| reader.drops(&filter));
            let reply = found.map_or_else(|error| Reply::Error(told(&error)), Reply::Drops);
            // A caller that has hung up wants no answer.
            let _: Result<(), Reply> = answer.send(reply);
        });
    }
}

struct Keeper {
    path: PathBuf,
    limits: Limits,
    store: Option<Store>,
    /// Changes that could not be written yet, the oldest first.
    unwritten: VecDeque<Change>,
    orders: mpsc::Receiver<Order>,
    answer: answers::UnboundedSender<Done>,
}

impl Keeper {
    fn run(mut self) {
        while let Ok(order) = self.orders.recv() {
            if let Some(done) = self.follow(order) {
                // Nobody waits any more when the daemon ends.
                let _: Result<(), answers::error::SendError<Done>> = self.answer.send(done);
            }
        }
    }

    fn follow(&mut self, order: Order) -> Option<Done> {
        match order {
            Order::Record(harvest) => {
                let recorded = self.write_changes().and_then(|()| self.with(|store| store.record(&harvest)));
                Some(Done::Recorded(recorded.map_err(|error| told(&error))))
            }
            Order::Change(change) => {
                if self.unwritten.len() >= MOST_UNWRITTEN {
                    self.unwritten.pop_front();
                }
                self.unwritten.push_back(*change);
                failed(self.write_changes())
            }
            Order::Keep(now) => failed(self.with(|store| store.keep(now)).map(|kept| tell(&kept))),
            Order::Limits(limits) if limits == self.limits => None,
            Order::Limits(limits) => {
                // Opened again with the next order.
                (self.limits, self.store) = (limits, None);
                None
            }
        }
    }

    /// Writes the changes that there are, oldest first.
    fn write_changes(&mut self) -> Result<(), AuditError> {
        while let Some(change) = self.unwritten.pop_front() {
            if let Err(error) = self.with(|store| store.change(&change)) {
                self.unwritten.push_front(change);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Opened again at each order as long as it cannot be: the disk may have been mended.
    fn with<T>(&mut self, act: impl FnOnce(&mut Store) -> Result<T, AuditError>) -> Result<T, AuditError> {
        let store = match &mut self.store {
            Some(store) => store,
            closed => closed.insert(Store::open(&self.path, self.limits)?),
        };
        act(store)
    }
}

/// Told where somebody keeps the log elsewhere: a record that was rewritten has other hashes.
fn tell(kept: &Kept) {
    for seal in &kept.sealed {
        tracing::info!(hash = seal.hash, "the record of {} is sealed", seal.day);
    }
    for taken in &kept.taken {
        tracing::info!("{taken}");
    }
}

fn failed<T>(result: Result<T, AuditError>) -> Option<Done> {
    result.err().map(|error| Done::Failed(told(&error)))
}

fn told(error: &AuditError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
