//! Many groups that one port is open to, each by a rule of its own: the most that a site can ask of the cells.

use std::time::Instant;

use ipnet::IpNet;
use portguard::{
    compile::{Node, compile},
    matrix::{Group, GroupId, Matrix, Peer, PeerKind},
};

use super::{Cell, Section, mebibytes, milliseconds, size};
use crate::{bench::median, sample};

const COLUMNS: [&str; 3] = ["groups", "compile ms", "tables MiB"];
const ROUNDS: usize = 3;

pub(super) fn measure() -> anyhow::Result<Section> {
    let mut section = Section::new("Groups with a rule each for one port", &COLUMNS);
    for count in [10, 100, 1_000, 5_000] {
        let matrix = site(count);
        let (mut times, mut bytes) = (Vec::new(), 0);
        for _ in 0..ROUNDS {
            let start = Instant::now();
            let image = compile(&matrix, &Node::default())?;
            times.push(milliseconds(start.elapsed()));
            bytes = size(&image).tables;
        }
        section.add(vec![Cell::Count(count.into()), Cell::Tenths(median(times)), mebibytes(bytes)]);
    }
    Ok(section)
}

fn site(groups: u32) -> Matrix {
    let mut matrix = sample::site(Vec::new());
    let rule = matrix.rules.remove(0);
    matrix.groups.clear();
    for index in 0..groups {
        let prefix = IpNet::from(std::net::IpAddr::V4(sample::source_v4(index)));
        matrix.groups.push(Group { name: format!("group-{index}"), prefixes: vec![prefix] });
        let kind = PeerKind::Groups(vec![GroupId::new(index as usize)]);
        let mut rule = rule.clone();
        rule.peers = vec![Peer { role: "sources".to_owned(), kind }];
        matrix.rules.push(rule);
    }
    matrix
}
