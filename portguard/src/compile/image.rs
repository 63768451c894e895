//! The image: everything that a generation holds, and its digest.

use std::fmt;

use portguard_common::{
    Arrival,
    abi::{ABI_VERSION, CellPage, PortPage, Settings, TablePage6, TriePage},
};
use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use super::{
    legend::Legend,
    pages::{filled, hash_table},
};
use crate::matrix::Attach;

/// The SHA-256 of an image.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
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

/// An interface that the image is to be put on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageInterface {
    /// The kernel's name for it.
    pub name: String,
    /// Its zone.
    pub zone: u16,
    /// How the program is put on it.
    pub attach: Attach,
    /// Whether DHCP answers pass.
    pub dhcp: bool,
}

impl ImageInterface {
    /// What is known of a packet that comes in by it.
    pub fn arrival(&self) -> Arrival {
        Arrival::new(self.zone, self.dhcp)
    }
}

/// The tables, page by page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pages {
    pub(super) ports: Vec<PortPage>,
    pub(super) trie4: Vec<TriePage>,
    pub(super) table6: Vec<TablePage6>,
    pub(super) cells: Vec<CellPage>,
}

/// A matrix compiled to flat tables: the very bytes that the maps will hold, and a legend for the counters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    settings: Settings,
    interfaces: Vec<ImageInterface>,
    pages: Pages,
    legend: Legend,
    digest: Digest,
}

impl Image {
    pub(super) fn new(
        mut settings: Settings,
        interfaces: Vec<ImageInterface>,
        pages: Pages,
        legend: Legend,
    ) -> Self {
        // Interfaces that don't differ need no look-up.
        let one_kind =
            interfaces.windows(2).all(|pair| pair[0].zone == pair[1].zone && pair[0].dhcp == pair[1].dhcp);
        settings.one_interface_kind = u8::from(one_kind);
        settings.arrival = interfaces.first().map_or(0, |interface| interface.arrival().to_bits());
        let digest = digest(&settings, &interfaces, &pages, &legend);
        Self { settings, interfaces, pages, legend, digest }
    }

    /// What holds for every packet. `interface_mask` is the loader's to set.
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// The interfaces to guard.
    pub fn interfaces(&self) -> &[ImageInterface] {
        &self.interfaces
    }

    /// What the counters count.
    pub fn legend(&self) -> &Legend {
        &self.legend
    }

    /// The image's digest.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The pages of the port table.
    pub fn ports(&self) -> &[PortPage] {
        &self.pages.ports
    }

    /// The pages of the IPv4 source trie.
    pub fn trie4(&self) -> &[TriePage] {
        &self.pages.trie4
    }

    /// The pages of the IPv6 source table.
    pub fn table6(&self) -> &[TablePage6] {
        &self.pages.table6
    }

    /// The pages of cells.
    pub fn cells(&self) -> &[CellPage] {
        &self.pages.cells
    }

    /// The pages of each table that are not all zeros, with their indices: what a loader has to write.
    pub fn filled(&self) -> FilledPages<'_> {
        FilledPages {
            ports: filled(&self.pages.ports).collect(),
            trie4: filled(&self.pages.trie4).collect(),
            table6: filled(&self.pages.table6).collect(),
            cells: filled(&self.pages.cells).collect(),
        }
    }
}

/// Pages by index.
pub struct FilledPages<'a> {
    /// Of the port table.
    pub ports: Vec<(u32, &'a PortPage)>,
    /// Of the IPv4 source trie.
    pub trie4: Vec<(u32, &'a TriePage)>,
    /// Of the IPv6 source table.
    pub table6: Vec<(u32, &'a TablePage6)>,
    /// Of the cells.
    pub cells: Vec<(u32, &'a CellPage)>,
}

fn digest(settings: &Settings, interfaces: &[ImageInterface], pages: &Pages, legend: &Legend) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update(ABI_VERSION.to_le_bytes());
    let Settings {
        classes,
        default_class6,
        bucket_mask6,
        length_count6,
        // The loader's, from indices that the kernel gives.
        interface_mask: _,
        arrival,
        one_interface_kind,
        observe,
        posture_pass,
        unused: _,
        lengths6,
    } = settings;
    for number in [classes, default_class6, bucket_mask6, length_count6, arrival] {
        hasher.update(number.to_le_bytes());
    }
    hasher.update([*one_interface_kind, *observe, *posture_pass]);
    hasher.update(lengths6);
    for ImageInterface { name, zone, attach, dhcp } in interfaces {
        hasher.update((name.len() as u64).to_le_bytes());
        hasher.update(name);
        hasher.update(zone.to_le_bytes());
        hasher.update([*attach as u8, u8::from(*dhcp)]);
    }
    let Pages { ports, trie4, table6, cells } = pages;
    hash_table(ports, &mut hasher);
    hash_table(trie4, &mut hasher);
    hash_table(table6, &mut hasher);
    hash_table(cells, &mut hasher);
    hasher.update(legend.slots().to_le_bytes());
    Digest(hasher.finalize().into())
}
