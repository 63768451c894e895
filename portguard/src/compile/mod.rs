//! The compiler: a matrix to an image, the flat tables that the maps will hold.
//!
//! Pure and deterministic: the same matrix gives the same bytes and the same digest. It knows nothing of files, nor of
//! the kernel; it knows the layout in `portguard_common::abi`.
//!
//! Every peer's address belongs to one *class*, the set of rules that admit it; every port to one *row*, the list of
//! rules that name it. Where the site judges what leaves, rules of both directions make the classes, and each zone has its
//! ports once more, outbound. A *cell*, row by class, says which rule of the row admits the class. The rule of the failsafe groups
//! names every port: it is the last of each row, and the only one of the row of ports that nothing else names.

mod cells;
mod digest;
mod displace;
mod error;
mod image;
mod legend;
mod native;
mod rows;
mod sources;
mod table6;
mod trie4;

use std::net::IpAddr;

pub use digest::Digest;
pub use error::CompileError;
pub use image::{Image, ImageInterface, interface_for};
pub use legend::{Legend, LegendPort, Target};
pub use native::{Kernel, NativeTables, NoSockets};

use crate::matrix::{Fragments, Matrix, Mode, Posture};
use portguard_common::abi::Settings;

/// What matters of a node for its packets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    addresses: Vec<IpAddr>,
    forwards: bool,
}

impl Node {
    /// One that has the given addresses, which no packet from outside may have for its source, and is no router.
    pub fn new(mut addresses: Vec<IpAddr>) -> Self {
        addresses.sort_unstable();
        addresses.dedup();
        Self { addresses, forwards: false }
    }

    /// The same, which sends on what comes in for others, or does not.
    #[must_use]
    pub fn forwarding(self, forwards: bool) -> Self {
        Self { forwards, ..self }
    }

    /// Its addresses, ascending, each once.
    pub fn addresses(&self) -> &[IpAddr] {
        &self.addresses
    }

    /// Whether it sends on what comes in for others.
    pub fn forwards(&self) -> bool {
        self.forwards
    }
}

/// Compiles `matrix` for `node`.
pub fn compile(matrix: &Matrix, node: &Node) -> Result<Image, CompileError> {
    let rows = rows::build(matrix)?;
    let sources::Sources { v4, v6, classes } = sources::build(matrix, node)?;
    let trie4 = trie4::build(&v4)?;
    let table6 = table6::build(&v6)?;
    let cells = cells::build(&rows.lists, &classes)?;
    let failsafe = rows.has_failsafe();
    let outbound = matrix.outbound;
    let outbound_zones = if outbound.is_some() { error::narrow(matrix.zones.len(), "zones")? } else { 0 };
    let (ports, legend) = legend::assign(rows, classes.count())?;
    let settings = Settings {
        ports: length(&ports),
        trie4: length(&trie4),
        cells: length(&cells),
        default_class6: table6.default_class,
        place_shift6: table6.place_shift,
        pilot_shift6: table6.pilot_shift,
        length_count6: table6.length_count,
        lengths6: table6.lengths,
        observe: u8::from(matrix.mode == Mode::Observe),
        posture_pass: u8::from(matrix.posture == Posture::Pass),
        details: u8::from(matrix.details),
        failsafe: u8::from(failsafe),
        outbound: u8::from(outbound.is_some()),
        outbound_observe: u8::from(outbound.is_some_and(|outbound| outbound.mode == Mode::Observe)),
        outbound_posture_pass: u8::from(outbound.is_some_and(|outbound| outbound.posture == Posture::Pass)),
        fragments_pass: u8::from(matrix.fragments == Fragments::Anybody),
        transit: u8::from(matrix.transit == Posture::Pass && node.forwards()),
        outbound_zones,
        ..Settings::EMPTY
    };
    let interfaces = matrix
        .interfaces
        .iter()
        .map(|interface| {
            Ok(ImageInterface {
                name: interface.name.clone(),
                zone: error::narrow(interface.zone.index(), "zones")?,
                attach: interface.attach,
                dhcp: interface.dhcp,
            })
        })
        .collect::<Result<_, CompileError>>()?;
    let flat = image::Tables { ports, trie4, table6: table6.places, pilots6: table6.pilots, cells };
    let outbound = outbound.map(|outbound| outbound.attach);
    Ok(Image::new(settings, interfaces, outbound, flat, classes.count(), legend))
}

fn length<E>(table: &[E]) -> u32 {
    u32::try_from(table.len()).expect("no table has so many bytes")
}

#[cfg(test)]
mod tests;
