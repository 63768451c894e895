//! The records of the maps as plain memory. The one place where this crate promises the compiler something.

#![expect(unsafe_code, reason = "aya wants plain memory to be promised by an unsafe trait")]

use std::slice;

use super::record::Chunk;
use portguard_common::abi::{
    Cell, CounterPage, Counters, DropBucket, DropEvent, DropTally, Entry6, InterfaceEntry, PortEntry,
    Settings,
};

/// A record or page of a map, for aya.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct Pod<T>(pub(super) T);

macro_rules! plain {
    ($($record:ty),* $(,)?) => {
        $(
            // SAFETY: `repr(C)` records of integers whose sizes `abi` asserts to be the sums of
            // their fields, or arrays of them or of bytes: no padding, every bit pattern a value, no pointers.
            unsafe impl aya::Pod for Pod<$record> {}
        )*
    };
}

plain!(
    PortEntry,
    u32,
    Entry6,
    Cell,
    CounterPage,
    Counters,
    InterfaceEntry,
    Settings,
    Chunk,
    DropBucket,
    DropEvent,
    DropTally,
);

impl<T> Pod<T> {
    /// The same records.
    pub(super) fn slice(records: &[T]) -> &[Self] {
        // SAFETY: `Self` is a transparent wrapper, so that both slices have the same layout, and nothing of its own.
        unsafe { slice::from_raw_parts(records.as_ptr().cast(), records.len()) }
    }
}

impl<T> Pod<T>
where
    Self: aya::Pod,
{
    /// The record that these bytes are; `None` if there are too few.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<T> {
        // SAFETY: there are as many bytes as the record has, any of which are a value of it, and the read asks for no
        // alignment.
        (bytes.len() >= size_of::<T>()).then(|| unsafe { bytes.as_ptr().cast::<T>().read_unaligned() })
    }
}
