//! The least that a verdict comes to, beside what it costs: programs of hand-written instructions, for one kind of packet alone.

use std::time::Instant;

use portguard::{
    compile::{Image, Node, compile},
    datapath::{Answer, Loaded},
};

use super::{
    Cell, Section, arena,
    grace::Expedited,
    median,
    packets::{self, Packet},
    prefixes::{self, Family},
    site::site,
    subject::{Subject, nanoseconds},
    xdp_filter::XdpFilter,
};
use crate::floor::Floor;

const COLUMNS: [&str; 7] = [
    "packet",
    "sources",
    "floor ns",
    "its headers by hand, over floor",
    "the verdict by hand, over floor",
    "portguard, over floor",
    "xdp-filter, over floor",
];
/// What the programs by hand are written for, to whom it is the same whether a source is admitted.
const PACKETS: [&str; 2] = ["source admitted", "source not admitted"];

/// What is measured, and written by hand, for so many sources.
struct Case {
    sources: u32,
    family: &'static str,
    /// The lengths of IPv6 prefixes that PortGuard's search asks for on the way to a host of so many.
    lengths: &'static [u8],
}

/// IPv4 once: its look-up does not depend on their number.
const CASES: [Case; 4] = [
    Case { sources: 10, family: "IPv4", lengths: &[] },
    Case { sources: 10, family: "IPv6", lengths: &[128] },
    Case { sources: 10_000, family: "IPv6", lengths: &[64, 128] },
    Case { sources: 1_000_000, family: "IPv6", lengths: &[64, 128] },
];

/// Measures the packets that the programs by hand recognize.
pub(super) fn measure(object: &[u8]) -> anyhow::Result<Section> {
    let mut section = Section::new("The least that it comes to", &COLUMNS);
    arena::within(|| {
        let expedited = Expedited::begin();
        if let Err(error) = &expedited {
            section.note(format!("Each time is off by some nanoseconds: {error:#}."));
        }
        if let Err(error) = XdpFilter::load() {
            section.note(format!("xdp-filter is left out: {error:#}."));
        }
        for case in &CASES {
            let prefixes = prefixes::spread(case.sources, Family::Both);
            let image = compile(&site(prefixes.clone()), &Node::default())?;
            let names = PACKETS.map(|name| format!("{}, {name}", case.family));
            for packet in packets::kinds(&prefixes) {
                if names.contains(&packet.name) {
                    let times = times(object, &image, case, &packet)?;
                    let about = [Cell::Text(packet.name), Cell::Count(case.sources.into())];
                    section.add(about.into_iter().chain(times).collect());
                }
            }
        }
        anyhow::Ok(())
    })?;
    Ok(section)
}

/// A packet's times: the floor, and what the others take over it.
fn times(object: &[u8], image: &Image, case: &Case, packet: &Packet) -> anyhow::Result<Vec<Cell>> {
    const ROUNDS: usize = 61;
    let mut times = vec![Vec::new(); COLUMNS.len() - 2];
    for _ in 0..ROUNDS {
        // Anew each time: how fast a program is depends also on where the kernel happens to place its code.
        let mut programs = programs(object, image, case)?;
        for by_hand in &mut programs[1..3] {
            let answer = by_hand.test_run(&packet.frame, 1)?.verdict;
            anyhow::ensure!(answer == Answer::Drop, "{}: not for those by hand", packet.name);
        }
        let floor = mean(&mut *programs[0], &packet.frame)?;
        times[0].push(floor);
        for (program, times) in programs.iter_mut().zip(&mut times).skip(1) {
            times.push(mean(&mut **program, &packet.frame)? - floor);
        }
    }
    let cell = |times: Vec<f64>| if times.is_empty() { Cell::None } else { Cell::Tenths(median(times)) };
    Ok(times.into_iter().map(cell).collect())
}

/// The floor, headers and verdict by hand, PortGuard's verdict, and xdp-filter's where that is there.
fn programs(object: &[u8], image: &Image, case: &Case) -> anyhow::Result<Vec<Box<dyn Subject>>> {
    let [recognizing, judging] = if case.family == "IPv6" {
        [Floor::recognizing6()?, Floor::judging6(case.lengths)?]
    } else {
        [Floor::recognizing()?, Floor::judging()?]
    };
    let mut programs: Vec<Box<dyn Subject>> = vec![
        Box::new(Floor::load()?),
        Box::new(recognizing),
        Box::new(judging),
        Box::new(Loaded::new(object, image, &[])?),
    ];
    if let Ok(xdp_filter) = XdpFilter::load() {
        programs.push(Box::new(xdp_filter));
    }
    Ok(programs)
}

/// The mean time of a run in nanoseconds, by our own clock: the kernel's mean has no fractions, and what is compared here differs by few
/// nanoseconds.
fn mean(program: &mut dyn Subject, frame: &[u8]) -> anyhow::Result<f64> {
    const REPEAT: u32 = 1_000_000;
    let start = Instant::now();
    program.test_run(frame, REPEAT)?;
    Ok(nanoseconds(start.elapsed()) / f64::from(REPEAT))
}
