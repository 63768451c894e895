//! One packet, over and over, on a node that is a router: what it costs that some packets are for others.

use std::{fs, net::IpAddr};

use anyhow::{Context as _, ensure};
use portguard::{
    compile::{Node, compile},
    datapath::{Answer, Loaded},
};

use super::{
    Cell, Effort, Section, arena,
    hot::repetitions,
    median,
    packets::{STRANGER_V4, STRANGER_V6},
    prefixes::{self, Family},
    site::{GUARDED, site},
    subject::Subject,
};
use crate::{
    craft::{V4, V6, tcp},
    floor::Floor,
    sample::{NODE_V4, NODE_V6},
};

const COLUMNS: [&str; 4] =
    ["packet", "floor ns", "where nothing is sent on, over floor ns", "on a router, over floor ns"];
/// Sources that a rule admits.
const SOURCES: u32 = 10;
const TCP: u8 = 6;
const SYN: u8 = 0x02;
/// Somebody behind the router.
const BEYOND_V4: [u8; 4] = [10, 77, 0, 9];
const BEYOND_V6: [u8; 16] = [0xfd, 0x77, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];

/// Measures what is for the node itself, and what is for somebody behind it.
pub(super) fn measure(object: &[u8], effort: Effort) -> anyhow::Result<Section> {
    let mut section = Section::new("One hot packet on a router", &COLUMNS);
    arena::within(|| {
        forward()?;
        let prefixes = prefixes::spread(SOURCES, Family::Both);
        let node = || Node::new(vec![NODE_V4.into(), NODE_V6.into()]);
        let load =
            |node: &Node| anyhow::Ok(Loaded::new(object, &compile(&site(prefixes.clone()), node)?, &[])?);
        let (mut usual, mut router) = (load(&node())?, load(&node().forwarding(true))?);
        let mut floor = Floor::load()?;
        for is_v4 in [true, false] {
            let admitted = prefixes.iter().map(ipnet::IpNet::addr).find(|address| address.is_ipv4() == is_v4);
            let admitted = admitted.context("both families")?;
            for (name, frame, expected) in packets(admitted) {
                let answers = [&mut usual, &mut router].map(|loaded| Subject::test_run(loaded, &frame, 1));
                for (answer, expected) in answers.into_iter().zip(expected) {
                    let answer = answer?.verdict;
                    ensure!(
                        answer == expected,
                        "{name}: the program answers {answer:?}, expected {expected:?}"
                    );
                }
                section.add(time(&mut floor, [&mut usual, &mut router], name, &frame, effort)?);
            }
        }
        anyhow::Ok(())
    })?;
    Ok(section)
}

/// The bench's own network sends on what is for others, to an interface that nobody reads.
fn forward() -> anyhow::Result<()> {
    for setting in ["ipv4/ip_forward", "ipv6/conf/all/forwarding"] {
        fs::write(format!("/proc/sys/net/{setting}"), "1").context("switching forwarding on")?;
    }
    arena::run("ip", &["route", "add", "10.77.0.0/16", "dev", "eth0"])?;
    arena::run("ip", &["route", "add", "fd77::/16", "dev", "eth0"])
}

/// Name, frame, and what becomes of it on a node that sends nothing on and on a router.
fn packets(admitted: IpAddr) -> [(String, Vec<u8>, [Answer; 2]); 3] {
    let syn = |from: IpAddr, beyond: bool| match from {
        IpAddr::V4(from) => {
            let destination = if beyond { BEYOND_V4 } else { NODE_V4.octets() };
            V4 { destination, ..V4::new(from.octets(), TCP) }.frame(&tcp(GUARDED, SYN))
        }
        IpAddr::V6(from) => {
            let destination = if beyond { BEYOND_V6 } else { NODE_V6.octets() };
            V6 { destination, ..V6::new(from.octets(), TCP) }.frame(&tcp(GUARDED, SYN))
        }
    };
    let (family, stranger) = match admitted {
        IpAddr::V4(_) => ("IPv4", IpAddr::V4(STRANGER_V4)),
        IpAddr::V6(_) => ("IPv6", IpAddr::V6(STRANGER_V6)),
    };
    [
        (format!("{family}, source admitted"), syn(admitted, false), [Answer::Pass; 2]),
        (format!("{family}, source not admitted"), syn(stranger, false), [Answer::Drop; 2]),
        (format!("{family}, for others"), syn(stranger, true), [Answer::Drop, Answer::Pass]),
    ]
}

fn time(
    floor: &mut Floor,
    programs: [&mut Loaded; 2],
    name: String,
    frame: &[u8],
    effort: Effort,
) -> anyhow::Result<Vec<Cell>> {
    let (repeat, rounds) = repetitions(effort);
    let [usual, router] = programs;
    let (mut floors, mut usually, mut routing) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        // Side by side, so that all see the same noise.
        let nothing = floor.time(frame, repeat)?;
        floors.push(nothing);
        usually.push(usual.time(frame, repeat)? - nothing);
        routing.push(router.time(frame, repeat)? - nothing);
    }
    Ok(vec![
        Cell::Text(name),
        Cell::Tenths(median(floors)),
        Cell::Tenths(median(usually)),
        Cell::Tenths(median(routing)),
    ])
}
