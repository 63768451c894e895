//! Tables as bytes, for the digest: integers in little-endian order whatever the machine.

use std::fmt;

use portguard_common::abi::{Cell, Entry6, Pilot6, PortEntry};
use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// A SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of what `hasher` was fed.
    pub fn new(hasher: Sha256) -> Self {
        Self(hasher.finalize().into())
    }

    /// The first 12 hexadecimal digits, enough to tell images apart by eye.
    pub fn short(&self) -> String {
        self.to_string()[..12].to_owned()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An entry of a table.
pub(super) trait Entry: PartialEq {
    /// What a place without an entry holds.
    const EMPTY: Self;
    /// Feeds the entry to a digest.
    fn hash(&self, hasher: &mut Sha256);
}

impl Entry for PortEntry {
    const EMPTY: Self = Self { slot: 0, cells: 0 };

    fn hash(&self, hasher: &mut Sha256) {
        let Self { slot, cells } = self;
        hasher.update(slot.to_le_bytes());
        hasher.update(cells.to_le_bytes());
    }
}

impl Entry for u32 {
    const EMPTY: Self = 0;

    fn hash(&self, hasher: &mut Sha256) {
        hasher.update(self.to_le_bytes());
    }
}

impl Entry for Entry6 {
    const EMPTY: Self = Self::EMPTY;

    fn hash(&self, hasher: &mut Sha256) {
        let Self { high, low, class, tag } = self;
        hasher.update(high.to_le_bytes());
        hasher.update(low.to_le_bytes());
        hasher.update(class.to_le_bytes());
        hasher.update(tag.to_le_bytes());
    }
}

impl Entry for Pilot6 {
    const EMPTY: Self = 0;

    fn hash(&self, hasher: &mut Sha256) {
        hasher.update([*self]);
    }
}

impl Entry for Cell {
    const EMPTY: Self = 0;

    fn hash(&self, hasher: &mut Sha256) {
        hasher.update(self.to_le_bytes());
    }
}

/// Feeds a table to a digest: its length, and its blocks that hold anything, each with its index. Most of a table is
/// empty, and hashing is slow.
pub(super) fn hash_table<E: Entry>(entries: &[E], hasher: &mut Sha256) {
    const BLOCK: usize = 256;
    hasher.update((entries.len() as u64).to_le_bytes());
    for (index, block) in (0_u64..).zip(entries.chunks(BLOCK)) {
        if block.iter().any(|entry| *entry != E::EMPTY) {
            hasher.update(index.to_le_bytes());
            for entry in block {
                entry.hash(hasher);
            }
        }
    }
}
