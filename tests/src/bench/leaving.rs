//! One packet that leaves, over and over, beside a tc program that returns at once.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::ensure;
use ipnet::IpNet;
use portguard::{
    compile::{Node, compile},
    datapath::{Answer, Loaded},
    matrix::{Direction, Hook, Matrix, Mode, Outbound, OutboundAttach, Posture},
};

use super::{
    Cell, Effort, Section, arena,
    hot::{counts, repetitions},
    median,
    prefixes::{self, Family},
    site::{GUARDED, site},
    subject::{Subject as _, nanoseconds},
};
use crate::{
    floor::Floor,
    sample::{answer, leaving},
};

const COLUMNS: [&str; 5] = ["packet", "destinations", "floor ns", "portguard ns", "over floor ns"];
/// Whom no rule names.
const STRANGERS: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0xaaaa, 0, 0, 0, 0, 1)),
];

/// Measures what opens a connection to where a rule lets it, what answers a peer, and what drops.
pub(super) fn measure(object: &[u8], effort: Effort) -> anyhow::Result<Section> {
    let mut section = Section::new("One hot packet that leaves", &COLUMNS);
    arena::within(|| {
        let mut nothing = Floor::yielding_at_tc()?;
        for &count in counts(effort) {
            let prefixes = prefixes::spread(count, Family::Both);
            let image = compile(&judging(site(prefixes.clone())), &Node::default())?;
            let mut loaded = Loaded::new(object, &image, &[])?;
            for (name, frame, expected) in packets(&prefixes) {
                let answer = loaded.test_run(Hook::Egress, &frame, 1)?.verdict;
                ensure!(answer == expected, "{name}: the program answers {answer:?}, expected {expected:?}");
                section.add(time(&mut nothing, &mut loaded, name, &frame, count, effort)?);
            }
        }
        anyhow::Ok(())
    })?;
    Ok(section)
}

/// The site with the same rules outbound.
fn judging(mut matrix: Matrix) -> Matrix {
    let outbound = matrix.rules.clone();
    matrix.rules.extend(outbound.into_iter().map(|mut rule| {
        rule.direction = Direction::Out;
        rule
    }));
    matrix.outbound =
        Some(Outbound { mode: Mode::Enforce, posture: Posture::Drop, attach: OutboundAttach::Auto });
    matrix
}

fn packets(prefixes: &[IpNet]) -> Vec<(String, Vec<u8>, Answer)> {
    let first =
        |is_v4: bool| prefixes.iter().find(|net| net.addr().is_ipv4() == is_v4).expect("both families");
    let mut packets = Vec::new();
    for (family, peer, stranger) in
        [("IPv4", first(true).addr(), STRANGERS[0]), ("IPv6", first(false).addr(), STRANGERS[1])]
    {
        let mut add =
            |name: &str, frame, expected| packets.push((format!("{family}, {name}"), frame, expected));
        add("destination admitted", leaving("tcp", peer, GUARDED), Answer::Pass);
        add("answer to a peer", answer(peer, GUARDED), Answer::Pass);
        // A connection or a datagram would come back as its answer, and be another packet the next time.
        add("ping, dropped", leaving("icmp", stranger, 0), Answer::Drop);
    }
    packets
}

fn time(
    nothing: &mut Floor,
    loaded: &mut Loaded,
    name: String,
    frame: &[u8],
    count: u32,
    effort: Effort,
) -> anyhow::Result<Vec<Cell>> {
    let (repeat, rounds) = repetitions(effort);
    let (mut floors, mut costs, mut overs) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        // Side by side, so that both see the same noise.
        let least = nothing.time(frame, repeat)?;
        let cost = nanoseconds(loaded.test_run(Hook::Egress, frame, repeat)?.duration);
        floors.push(least);
        costs.push(cost);
        overs.push(cost - least);
    }
    Ok(vec![
        Cell::Text(name),
        Cell::Count(count.into()),
        Cell::Tenths(median(floors)),
        Cell::Tenths(median(costs)),
        Cell::Tenths(median(overs)),
    ])
}
