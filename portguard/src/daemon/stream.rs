//! The kernel's events of drops, as they come.

#![expect(unsafe_code, reason = "the reactor wants to be promised that a descriptor stays the same")]

use std::{convert::Infallible, io};

use portguard_common::abi::DropEvent;
use tokio::io::unix::AsyncFd;

use crate::{
    datapath::{DatapathError, Events, Generation, ProgramLog},
    observe::Chart,
};

/// What a program says, as it says it.
pub(super) struct LogStream(AsyncFd<ProgramLog>);

impl LogStream {
    pub(super) fn of(log: ProgramLog) -> Result<Self, DatapathError> {
        // SAFETY: as below.
        unsafe { AsyncFd::register(log) }.map(Self).map_err(|error| refused(error.into()))
    }

    /// Hands on what is said, for ever.
    pub(super) async fn run(&mut self) -> Infallible {
        loop {
            match self.0.readable_mut().await {
                Ok(mut ready) => {
                    ready.get_inner_mut().flush();
                    ready.clear_ready();
                }
                // Only when the runtime ends.
                Err(_) => std::future::pending().await,
            }
        }
    }
}

fn refused(source: io::Error) -> DatapathError {
    DatapathError::System { call: "epoll_ctl", source }
}

/// The events of one generation.
pub(super) struct EventStream {
    generation: u64,
    /// What its slots stand for, which are another's in the next generation.
    chart: Chart,
    events: AsyncFd<Events>,
}

impl EventStream {
    /// Those of `generation`, the slots of which are told by `chart`.
    pub(super) fn of(generation: &Generation, chart: Chart) -> Result<Self, DatapathError> {
        let events = generation.events()?;
        // SAFETY: the events own the map whose descriptor this is, hand it out only as borrowed, and close it when they are
        // dropped, which `AsyncFd` does after it has taken it out of the reactor.
        let events = unsafe { AsyncFd::register(events) }.map_err(|error| refused(error.into()))?;
        Ok(Self { generation: generation.number(), chart, events })
    }

    /// Whose events these are.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// What its slots stand for.
    pub(super) fn chart(&self) -> &Chart {
        &self.chart
    }

    /// The next one.
    pub(super) async fn next(&mut self) -> DropEvent {
        loop {
            match self.events.readable_mut().await {
                Ok(mut ready) => match ready.get_inner_mut().next() {
                    Some(event) => return event,
                    None => ready.clear_ready(),
                },
                // Only when the runtime ends.
                Err(_) => std::future::pending().await,
            }
        }
    }

    /// Those that have come and that nobody has waited for.
    pub(super) fn rest(&mut self) -> impl Iterator<Item = DropEvent> {
        std::iter::from_fn(|| self.events.get_mut().next())
    }
}
