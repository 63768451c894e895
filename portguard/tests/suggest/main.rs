//! Suggestions: that they are what was seen and no more, can be pasted, and open nothing beside.

mod exact;
mod shown;

use std::{net::IpAddr, path::Path};

use portguard::{
    audit::{DropRow, Drops, Span},
    compile::{Image, Node, compile},
    input::{Loaded, read_site, site_of_text},
    matrix::Direction,
    matrix::{Diff, Matrix, PortRange},
    observe::{Count, Counted, UndocumentedRow},
    suggest::{Grounds, Suggestions, paste},
};

/// 2026-11-21, 00:00 UTC.
const DAY: u64 = 1_795_219_200;
const SITE: &str = include_str!("../sites/both.toml");

fn image(matrix: &Matrix) -> Image {
    compile(matrix, &Node::default()).expect("the site is small")
}

fn both() -> Matrix {
    read_site(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sites/both.toml"))
        .expect("it is sound")
        .matrix
}

fn row(source: &str, port: &str, reason: &str, packets: u64) -> DropRow {
    DropRow {
        direction: Direction::In,
        source: Some(source.parse().expect("an address")),
        zone: "default".to_owned(),
        port: port.to_owned(),
        reason: reason.to_owned(),
        rules: Vec::new(),
        process: None,
        would: true,
        counted: Count { packets, bytes: packets * 60 },
        first: DAY * 1000,
        last: (DAY + 7200) * 1000,
    }
}

fn drops(rows: Vec<DropRow>) -> Drops {
    Drops { span: Span { since: DAY, until: DAY + 86_400 }, by_loudest: 0, rows, more: 0 }
}

/// What is suggested for `matrix`.
fn suggest(matrix: &Matrix, rows: Vec<DropRow>, widen: u32) -> Suggestions {
    let counted = Counted { passed: Count { packets: 7, bytes: 420 }, ..Counted::default() };
    Suggestions::new(&Grounds {
        matrix,
        image: &image(matrix),
        drops: &drops(rows),
        counted: &[UndocumentedRow { direction: Direction::In, port: "9999/tcp".to_owned(), counted }],
        ephemeral: PortRange::new(32_768, 60_999).expect("it is a range"),
        widen,
    })
}

/// The site with all of it, which must be sound.
fn pasted(site: &str, suggestions: &Suggestions) -> Loaded {
    let text = paste(site, suggestions).expect("it is TOML");
    site_of_text(Path::new("new.toml"), &text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The addresses that may come in afterwards and might not before.
fn newly_in(old: &Matrix, new: &Matrix) -> Vec<ipnet::IpNet> {
    let diff = Diff::new(old, new);
    assert!(diff.closed.is_empty(), "nothing is closed: {diff}");
    let mut opened: Vec<_> = diff.opened.into_iter().flat_map(|change| change.addresses).collect();
    opened.sort();
    ipnet::IpNet::aggregate(&opened)
}

fn addresses(sources: &[&str]) -> Vec<ipnet::IpNet> {
    let sources: Vec<ipnet::IpNet> =
        sources.iter().map(|source| source.parse::<IpAddr>().expect("an address").into()).collect();
    ipnet::IpNet::aggregate(&sources)
}
