//! Pages as bytes, for the digest: integers in little-endian order whatever the machine.

use portguard_common::abi::{Bucket6, CellPage, Entry6, PortEntry, PortPage, TablePage6, TriePage};
use sha2::{Digest as _, Sha256};

/// A page of a table.
pub(super) trait Page: PartialEq {
    /// The page that the kernel begins with.
    fn is_zero(&self) -> bool;
    /// Feeds the page to a digest.
    fn hash(&self, hasher: &mut Sha256);
}

impl Page for PortPage {
    fn is_zero(&self) -> bool {
        self.iter().all(|entry| *entry == PortEntry::default())
    }

    fn hash(&self, hasher: &mut Sha256) {
        for PortEntry { slot, row } in self {
            hasher.update(slot.to_le_bytes());
            hasher.update(row.to_le_bytes());
        }
    }
}

impl Page for TriePage {
    fn is_zero(&self) -> bool {
        self.iter().all(|&entry| entry == 0)
    }

    fn hash(&self, hasher: &mut Sha256) {
        for entry in self {
            hasher.update(entry.to_le_bytes());
        }
    }
}

impl Page for TablePage6 {
    fn is_zero(&self) -> bool {
        self.iter().all(|bucket| *bucket == Bucket6::default())
    }

    fn hash(&self, hasher: &mut Sha256) {
        for Entry6 { high, low, len, class } in self.iter().flat_map(|bucket| &bucket.entries) {
            hasher.update(high.to_le_bytes());
            hasher.update(low.to_le_bytes());
            hasher.update(len.to_le_bytes());
            hasher.update(class.to_le_bytes());
        }
    }
}

impl Page for CellPage {
    fn is_zero(&self) -> bool {
        self.iter().all(|&cell| cell == 0)
    }

    fn hash(&self, hasher: &mut Sha256) {
        for cell in self {
            hasher.update(cell.to_le_bytes());
        }
    }
}

/// Feeds a table to a digest: its length, and the pages that hold anything, each with its index.
pub(super) fn hash_table<P: Page>(pages: &[P], hasher: &mut Sha256) {
    hasher.update((pages.len() as u64).to_le_bytes());
    for (index, page) in filled(pages) {
        hasher.update(index.to_le_bytes());
        page.hash(hasher);
    }
}

/// The pages that hold anything, each with its index: a new map is all zeros.
pub(super) fn filled<P: Page>(pages: &[P]) -> impl Iterator<Item = (u32, &P)> {
    (0..).zip(pages).filter(|(_, page)| !page.is_zero())
}
