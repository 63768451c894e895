//! The matrix as a program reads it. Rows name groups; the groups' addresses stand once.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use ipnet::IpNet;
use serde::Serialize;

use crate::matrix::{Fragments, Interface, Matrix, Mode, PortRow, Posture, Row};

#[derive(Serialize)]
struct Document<'a> {
    mode: Mode,
    posture: Posture,
    transit: Posture,
    fragments: Fragments,
    interfaces: Vec<InterfaceView<'a>>,
    groups: BTreeMap<&'a str, &'a [IpNet]>,
    #[serde(flatten)]
    rows: Rows<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Rows<'a> {
    Rules(&'a [Row]),
    Ports(&'a [PortRow]),
}

#[derive(Serialize)]
struct InterfaceView<'a> {
    name: &'a str,
    zone: &'a str,
    dhcp: bool,
}

pub(super) fn write_rules(matrix: &Matrix, rows: &[Row], out: &mut dyn Write) -> io::Result<()> {
    write(matrix, Rows::Rules(rows), out)
}

pub(super) fn write_ports(matrix: &Matrix, rows: &[PortRow], out: &mut dyn Write) -> io::Result<()> {
    write(matrix, Rows::Ports(rows), out)
}

fn write(matrix: &Matrix, rows: Rows<'_>, out: &mut dyn Write) -> io::Result<()> {
    let interfaces = matrix.interfaces.iter().map(|interface| {
        let Interface { name, zone, attach: _, dhcp } = interface;
        InterfaceView { name, zone: &matrix.zone(*zone).name, dhcp: *dhcp }
    });
    let document = Document {
        mode: matrix.mode,
        posture: matrix.posture,
        transit: matrix.transit,
        fragments: matrix.fragments,
        interfaces: interfaces.collect(),
        groups: matrix.groups.iter().map(|group| (group.name.as_str(), group.prefixes.as_slice())).collect(),
        rows,
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}
