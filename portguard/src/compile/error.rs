//! What a compiler of tables can run out of.

use portguard_common::abi::MAX_TABLE_BYTES;
use thiserror::Error;

/// Why a matrix cannot become an image.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CompileError {
    /// A table would be longer than its index can count.
    #[error(
        "the site needs more {what} than the tables can index ({limit} at most); split it over several nodes"
    )]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The most there can be.
        limit: u64,
    },
    /// No hash was found that has a place for each IPv6 source. With any other source beside them it is another hash.
    #[error(
        "no table was found for exactly these IPv6 sources, {sources} with the marks on the way to them; \
         with one IPv6 address more or less there is one"
    )]
    Unplaced {
        /// How many there are.
        sources: usize,
    },
}

impl CompileError {
    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::TooMany { .. } => "take out rules or addresses, or split the site over several nodes",
            Self::Unplaced { .. } => {
                "add an IPv6 address to a group, or take one out, and please report this: it is no fault of the site"
            }
        }
    }
}

/// `value` in a narrower type, or the error that there are too many of `what`.
pub(super) fn narrow<T: TryFrom<usize> + Bounded>(
    value: usize,
    what: &'static str,
) -> Result<T, CompileError> {
    T::try_from(value).map_err(|_| CompileError::TooMany { what, limit: T::LIMIT })
}

/// Whether a table of so many entries `E` can be loaded, or the error that there are too many of `what`: the program
/// can't reach beyond [`MAX_TABLE_BYTES`].
pub(super) fn fits<E>(entries: usize, what: &'static str) -> Result<(), CompileError> {
    at_most(entries, MAX_TABLE_BYTES / size_of::<E>(), what)
}

/// Nothing, or the error that there are more than `most` of `what`.
pub(super) fn at_most(entries: usize, most: usize, what: &'static str) -> Result<(), CompileError> {
    if entries > most {
        return Err(CompileError::TooMany { what, limit: most as u64 });
    }
    Ok(())
}

/// The largest value of a type, for the message.
pub(super) trait Bounded {
    const LIMIT: u64;
}

impl Bounded for u16 {
    const LIMIT: u64 = Self::MAX as u64;
}

impl Bounded for u32 {
    const LIMIT: u64 = Self::MAX as u64;
}
