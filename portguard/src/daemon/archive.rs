//! The audit store's thread: a slow disk keeps nobody waiting who guards.

use std::{
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
};

use tokio::sync::{mpsc as answers, oneshot};

use super::Reply;
use crate::audit::{AuditError, Change, DropFilter, Harvest, Limits, Reader, Store};

/// What the store is to do.
enum Order {
    Record(Box<Harvest>),
    Change(Box<Change>),
}

/// What has come of an order.
#[derive(Debug)]
pub(super) enum Done {
    /// A harvest is recorded, or is not and why.
    Recorded(Result<(), String>),
    /// Something else could not be done.
    Failed(String),
}

/// The thread's other end. Orders are followed one after the other; dropping it lets the thread finish them.
pub(super) struct Archive {
    path: PathBuf,
    orders: mpsc::Sender<Order>,
    done: answers::UnboundedReceiver<Done>,
    thread: thread::JoinHandle<()>,
}

impl Archive {
    /// Begins to keep what is ordered in the store at `path`, which is opened with the first order.
    pub(super) fn new(path: PathBuf) -> std::io::Result<Self> {
        let (orders, received) = mpsc::channel();
        let (answer, done) = answers::unbounded_channel();
        let file = path.clone();
        let thread = thread::Builder::new().name("audit".to_owned()).spawn(move || {
            let mut keeper = Keeper { path: file, store: None };
            for order in received {
                if let Some(done) = keeper.follow(order) {
                    // Nobody waits any more when the daemon ends.
                    let _: Result<(), answers::error::SendError<Done>> = answer.send(done);
                }
            }
        })?;
        Ok(Self { path, orders, done, thread })
    }

    pub(super) fn record(&self, harvest: Harvest) {
        self.order(Order::Record(Box::new(harvest)));
    }

    pub(super) fn change(&self, change: Change) {
        self.order(Order::Change(Box::new(change)));
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
        // The thread ends with the orders, not before.
        let _: Result<(), mpsc::SendError<Order>> = self.orders.send(order);
    }

    /// Lets the thread finish what was ordered, and waits for it.
    pub(super) fn finish(self) {
        drop(self.orders);
        if self.thread.join().is_err() {
            tracing::error!("the audit store's thread has failed: please report this");
        }
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
            let reply = found.map_or_else(|error| Reply::Error(told(error)), Reply::Drops);
            // A caller that has hung up wants no answer.
            let _: Result<(), Reply> = answer.send(reply);
        });
    }
}

struct Keeper {
    path: PathBuf,
    store: Option<Store>,
}

impl Keeper {
    fn follow(&mut self, order: Order) -> Option<Done> {
        match order {
            Order::Record(harvest) => {
                Some(Done::Recorded(self.with(|store| store.record(&harvest)).map_err(told)))
            }
            Order::Change(change) => failed(self.with(|store| store.change(&change))),
        }
    }

    /// Opened again at each order as long as it cannot be: the disk may have been mended.
    fn with<T>(&mut self, act: impl FnOnce(&mut Store) -> Result<T, AuditError>) -> Result<T, AuditError> {
        let store = match &mut self.store {
            Some(store) => store,
            closed => closed.insert(Store::open(&self.path, Limits::default())?),
        };
        act(store)
    }
}

fn failed<T>(result: Result<T, AuditError>) -> Option<Done> {
    result.err().map(|error| Done::Failed(told(error)))
}

fn told(error: AuditError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
