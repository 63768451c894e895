//! A frame of which the capture holds less than went over the wire.

use std::cell::Cell;

use portguard_common::wire::{Frame, FromBytes};

/// The beginning of a frame, and its length on the wire. It knows whether somebody asked for a byte that was not
/// captured: without that byte there is no verdict.
pub(super) struct Snapped<'a> {
    captured: &'a [u8],
    wire_len: usize,
    missed: Cell<bool>,
}

impl<'a> Snapped<'a> {
    pub(super) fn new(captured: &'a [u8], wire_len: usize) -> Self {
        Self { captured, wire_len, missed: Cell::new(false) }
    }

    /// Whether a byte was asked for that was on the wire and is not in the capture.
    pub(super) fn missed(&self) -> bool {
        self.missed.get()
    }

    /// Notes what was asked for: the `len` bytes at `offset`.
    fn note<T>(&self, offset: usize, len: usize, found: Option<T>) -> Option<T> {
        if found.is_none() && offset.saturating_add(len) <= self.wire_len {
            self.missed.set(true);
        }
        found
    }
}

impl Frame for Snapped<'_> {
    fn at<T: FromBytes>(&self, offset: usize) -> Option<T> {
        self.note(offset, size_of::<T>(), self.captured.at(offset))
    }

    fn has(&self, end: usize) -> bool {
        self.wire_len >= end
    }

    fn copy(&self, offset: usize, len: usize, to: &mut [u8]) -> bool {
        self.note(offset, len, self.captured.copy(offset, len, to).then_some(())).is_some()
    }
}
