//! What is told of pins and interfaces that were otherwise than expected.

use std::fmt;

use super::AttachedMode;

/// Something that was otherwise than the pins, or the last look, had it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// An interface is guarded that was not.
    Guarded {
        /// Its name.
        interface: String,
        /// How.
        mode: AttachedMode,
    },
    /// An interface that was guarded is gone.
    Gone {
        /// Its name.
        interface: String,
    },
    /// An interface that was guarded is let go of, since the site does not name it.
    Released {
        /// Its name.
        interface: String,
    },
    /// An interface has another name.
    Renamed {
        /// The name it had.
        from: String,
        /// The name it has.
        to: String,
    },
    /// Somebody has taken the program off an interface by force.
    TakenOff {
        /// Its name.
        interface: String,
    },
    /// Somebody has removed a link's pin; it is there again.
    PinRestored {
        /// The interface.
        interface: String,
    },
    /// A link's pin is gone and can't be made again: the interface is guarded as long as this process lives.
    Unpinned {
        /// The interface.
        interface: String,
        /// Why.
        why: String,
    },
    /// The generation has no place for an interface: a new one has to be loaded.
    NoPlace {
        /// The interface.
        interface: String,
    },
    /// An interface is not guarded, and why.
    Unguarded {
        /// Its name.
        interface: String,
        /// Why.
        why: String,
    },
    /// A generation was not pinned to its end, by a process that was stopped in the middle. It is removed.
    HalfMade {
        /// Its number.
        generation: u64,
    },
    /// A generation cannot be read; it enforces on until another takes its place, and what it counted is lost then.
    Unreadable {
        /// Its number.
        generation: u64,
        /// Why.
        why: String,
    },
    /// An interface was still under an older generation, by a process that was stopped in the middle.
    CaughtUp {
        /// Its name.
        interface: String,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Guarded { interface, mode } => write!(f, "{interface} is guarded ({})", mode.name()),
            Self::Gone { interface } => write!(f, "{interface}, which was guarded, is gone"),
            Self::Released { interface } => {
                write!(f, "{interface} is NOT guarded any more, since the site does not name it")
            }
            Self::Renamed { from, to } => write!(f, "{from} is called {to} now, and guarded as before"),
            Self::TakenOff { interface } => {
                write!(f, "somebody has taken the filter off {interface} by force")
            }
            Self::PinRestored { interface } => {
                write!(f, "somebody has removed the pin of {interface}'s link; it is there again")
            }
            Self::Unpinned { interface, why } => write!(
                f,
                "the pin of {interface}'s link is gone and cannot be made again, so that the end of this process will open \
                 the interface: {why}"
            ),
            Self::NoPlace { interface } => write!(f, "{interface} needs a generation with a larger table"),
            Self::Unguarded { interface, why } => write!(f, "{interface} is NOT guarded: {why}"),
            Self::HalfMade { generation } => {
                write!(f, "generation {generation} was not made to its end; what there was of it is removed")
            }
            Self::Unreadable { generation, why } => {
                write!(f, "generation {generation} enforces, and what it counts cannot be read: {why}")
            }
            Self::CaughtUp { interface } => {
                write!(f, "{interface} was still under an older generation, and is under the latest now")
            }
        }
    }
}
