//! The image: everything that a generation holds, and its digest.

use portguard_common::{
    Arrival,
    abi::{ABI_VERSION, ARRIVAL_DIFFERS, Cell, Entry6, Length6, Pilot6, PortEntry, Settings},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{
    digest::{Digest, hash_table},
    legend::Legend,
};
use crate::matrix::{Attach, OutboundAttach, covers, is_pattern, narrowest};

/// An interface that the image is to be put on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageInterface {
    /// The kernel's name for it, or a pattern that matches several.
    pub name: String,
    /// Its zone.
    pub zone: u16,
    /// How the program is put on it.
    pub attach: Attach,
    /// Whether DHCP passes.
    pub dhcp: bool,
}

impl ImageInterface {
    /// Whether it is, or its pattern matches, the interface that the kernel calls `name`. Another one of the image may be
    /// nearer to that name: [`interface_for`] chooses.
    pub fn matches(&self, name: &str) -> bool {
        covers(&self.name, name)
    }

    /// Whether it may stand for several interfaces, or for none.
    pub fn is_pattern(&self) -> bool {
        is_pattern(&self.name)
    }

    /// What is known of a packet that comes in by it.
    pub fn arrival(&self) -> Arrival {
        Arrival::new(self.zone, self.dhcp)
    }
}

/// Of an image's interfaces the one that holds for the interface that the kernel calls `name`: its own name before any
/// pattern, and of patterns the narrowest. None, if the interface is not to be guarded.
pub fn interface_for<'i>(interfaces: &'i [ImageInterface], name: &str) -> Option<&'i ImageInterface> {
    narrowest(interfaces, |interface| &interface.name, name)
}

/// The tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tables {
    pub(super) ports: Vec<PortEntry>,
    pub(super) trie4: Vec<u32>,
    pub(super) table6: Vec<Entry6>,
    pub(super) pilots6: Vec<Pilot6>,
    pub(super) cells: Vec<Cell>,
}

/// A matrix compiled to flat tables: the very bytes that the maps will hold, and a legend for the counters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    settings: Settings,
    interfaces: Vec<ImageInterface>,
    /// How the program of what leaves is put on them; none: there is none.
    outbound: Option<OutboundAttach>,
    tables: Tables,
    /// How many classes of sources there are.
    classes: u32,
    legend: Legend,
    digest: Digest,
}

impl Image {
    pub(super) fn new(
        mut settings: Settings,
        interfaces: Vec<ImageInterface>,
        outbound: Option<OutboundAttach>,
        tables: Tables,
        classes: u32,
        legend: Legend,
    ) -> Self {
        // Interfaces that don't differ need no look-up.
        let one_kind =
            interfaces.windows(2).all(|pair| pair[0].zone == pair[1].zone && pair[0].dhcp == pair[1].dhcp);
        settings.arrival = match interfaces.first() {
            Some(interface) if one_kind => interface.arrival().to_bits(),
            Some(_) => ARRIVAL_DIFFERS,
            None => Settings::EMPTY.arrival,
        };
        let digest = digest(&settings, &interfaces, outbound, &tables, &legend);
        Self { settings, interfaces, outbound, tables, classes, legend, digest }
    }

    /// What holds for every packet. `interface_mask` is the loader's to set.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The interfaces to guard.
    pub fn interfaces(&self) -> &[ImageInterface] {
        &self.interfaces
    }

    /// How the program of what leaves is put on them; none, where nothing judges what leaves.
    pub fn outbound(&self) -> Option<OutboundAttach> {
        self.outbound
    }

    /// What the counters count.
    pub fn legend(&self) -> &Legend {
        &self.legend
    }

    /// What is known of a packet that leaves by `interface`; none where the image doesn't judge what leaves.
    pub fn departure(&self, interface: &ImageInterface) -> Option<Arrival> {
        let zones = u16::try_from(self.settings.outbound_zones).expect("no port table has so many zones");
        (zones > 0).then(|| Arrival::new(zones + interface.zone, interface.dhcp))
    }

    /// The image's digest.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// How many classes of sources there are.
    pub fn classes(&self) -> u32 {
        self.classes
    }

    /// The port table, zone by zone.
    pub fn ports(&self) -> &[PortEntry] {
        &self.tables.ports
    }

    /// The IPv4 source trie.
    pub fn trie4(&self) -> &[u32] {
        &self.tables.trie4
    }

    /// The IPv6 source table; its length is a power of two.
    pub fn table6(&self) -> &[Entry6] {
        &self.tables.table6
    }

    /// Its pilots: one for each four places, two at least.
    pub fn pilots6(&self) -> &[Pilot6] {
        &self.tables.pilots6
    }

    /// The cells.
    pub fn cells(&self) -> &[Cell] {
        &self.tables.cells
    }
}

fn digest(
    settings: &Settings,
    interfaces: &[ImageInterface],
    outbound_attach: Option<OutboundAttach>,
    tables: &Tables,
    legend: &Legend,
) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update(ABI_VERSION.to_le_bytes());
    let Settings {
        // The lengths of tables, which are hashed with them.
        ports: _,
        trie4: _,
        cells: _,
        default_class6,
        place_shift6,
        pilot_shift6,
        length_count6,
        // The loader's, from indices that the kernel gives and from its CPUs.
        interface_mask: _,
        copy_mask: _,
        arrival,
        outbound_zones,
        observe,
        posture_pass,
        details,
        failsafe,
        outbound,
        outbound_observe,
        outbound_posture_pass,
        transit,
        fragments_pass,
        unused: _,
        lengths6,
    } = settings;
    for number in [default_class6, place_shift6, pilot_shift6, length_count6, arrival, outbound_zones] {
        hasher.update(number.to_le_bytes());
    }
    hasher.update([*observe, *posture_pass, *details, *failsafe]);
    hasher.update([*outbound, *outbound_observe, *outbound_posture_pass, *transit, *fragments_pass]);
    for Length6 { high, low, multiplier } in lengths6 {
        for number in [high, low, multiplier] {
            hasher.update(number.to_le_bytes());
        }
    }
    for ImageInterface { name, zone, attach, dhcp } in interfaces {
        hasher.update((name.len() as u64).to_le_bytes());
        hasher.update(name);
        hasher.update(zone.to_le_bytes());
        hasher.update([*attach as u8, u8::from(*dhcp)]);
    }
    if let Some(attach) = outbound_attach {
        hasher.update([attach as u8]);
    }
    let Tables { ports, trie4, table6, pilots6, cells } = tables;
    hash_table(ports, &mut hasher);
    hash_table(trie4, &mut hasher);
    hash_table(table6, &mut hasher);
    hash_table(pilots6, &mut hasher);
    hash_table(cells, &mut hasher);
    hasher.update(legend.slots().to_le_bytes());
    Digest::new(hasher)
}
