//! The records of the maps as plain memory. The one place where this crate promises the compiler something.

#![expect(unsafe_code, reason = "aya wants plain memory to be promised by an unsafe trait")]

use portguard_common::abi::{
    CellPage, CounterPage, InterfaceEntry, PortPage, Settings, TablePage6, TriePage,
};

/// A record or page of a map, for aya.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct Pod<T>(pub(super) T);

macro_rules! plain {
    ($($record:ty),* $(,)?) => {
        $(
            // SAFETY: `repr(C)` records of integers, or arrays of them, whose sizes `abi` asserts to be the sums of
            // their fields: no padding, every bit pattern a value, no pointers.
            unsafe impl aya::Pod for Pod<$record> {}
        )*
    };
}

plain!(PortPage, TriePage, TablePage6, CellPage, CounterPage, InterfaceEntry, Settings);
