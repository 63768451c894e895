//! The records of the maps as plain memory. The one place where this crate promises the compiler something.

#![expect(unsafe_code, reason = "aya wants plain memory to be promised by an unsafe trait")]

use std::slice;

use super::record::Chunk;
use portguard_common::abi::{Bucket6, Cell, CounterPage, InterfaceEntry, PortEntry, Settings};

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

plain!(PortEntry, u32, Bucket6, Cell, CounterPage, InterfaceEntry, Settings, Chunk);

impl<T> Pod<T> {
    /// The same records.
    pub(super) fn slice(records: &[T]) -> &[Self] {
        // SAFETY: `Self` is a transparent wrapper, so that both slices have the same layout, and nothing of its own.
        unsafe { slice::from_raw_parts(records.as_ptr().cast(), records.len()) }
    }
}
