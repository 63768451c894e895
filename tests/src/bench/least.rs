//! The least that a verdict comes to, beside what it costs: programs of hand-written instructions, for one kind of packet alone.

use std::time::Instant;

use portguard::{
    compile::{Image, NodeAddresses, compile},
    datapath::Loaded,
};

use super::{
    Cell, Effort, Section, arena, median, packets,
    prefixes::{self, Family},
    site::site,
    subject::{Subject, nanoseconds},
    xdp_filter::XdpFilter,
};
use crate::floor::Floor;

const COLUMNS: [&str; 6] = [
    "packet",
    "floor ns",
    "its headers by hand, over floor",
    "the verdict by hand, over floor",
    "portguard, over floor",
    "xdp-filter, over floor",
];
/// What the programs by hand are written for.
const PACKETS: [&str; 2] = ["IPv4, source admitted", "IPv4, source not admitted"];
const SOURCES: u32 = 10;

/// Measures the two packets that the programs by hand recognize: to these both are the same.
pub(super) fn measure(object: &[u8], effort: Effort) -> anyhow::Result<Section> {
    let mut section = Section::new("The least that it comes to", &COLUMNS);
    arena::within(|| {
        let prefixes = prefixes::spread(SOURCES, Family::Both);
        let image = compile(&site(prefixes.clone()), &NodeAddresses::default())?;
        let mut packets = packets::kinds(&prefixes);
        packets.retain(|packet| PACKETS.contains(&packet.name.as_str()));
        if let Err(error) = XdpFilter::load() {
            section.note(format!("xdp-filter is left out: {error:#}."));
        }
        let rounds = match effort {
            Effort::Quick => 5,
            Effort::Full => 25,
        };
        let mut times = vec![vec![Vec::new(); COLUMNS.len() - 1]; packets.len()];
        for _ in 0..rounds {
            // Anew each time: how fast a program is depends also on where the kernel happens to place its code.
            let mut programs = programs(object, &image)?;
            for (packet, times) in packets.iter().zip(&mut times) {
                let floor = mean(&mut *programs[0], &packet.frame)?;
                times[0].push(floor);
                for (program, times) in programs.iter_mut().zip(times).skip(1) {
                    times.push(mean(&mut **program, &packet.frame)? - floor);
                }
            }
        }
        for (packet, times) in packets.into_iter().zip(times) {
            let times = times.into_iter().map(|times| match times.as_slice() {
                [] => Cell::None,
                _ => Cell::Tenths(median(times)),
            });
            section.add([Cell::Text(packet.name)].into_iter().chain(times).collect());
        }
        anyhow::Ok(())
    })?;
    Ok(section)
}

/// The floor, headers and verdict by hand, PortGuard's verdict, and xdp-filter's where that is there.
fn programs(object: &[u8], image: &Image) -> anyhow::Result<Vec<Box<dyn Subject>>> {
    let mut programs: Vec<Box<dyn Subject>> = vec![
        Box::new(Floor::load()?),
        Box::new(Floor::recognizing()?),
        Box::new(Floor::judging()?),
        Box::new(Loaded::new(object, image, &[])?),
    ];
    if let Ok(xdp_filter) = XdpFilter::load() {
        programs.push(Box::new(xdp_filter));
    }
    Ok(programs)
}

/// The mean time of a run in nanoseconds, by our own clock: the kernel's mean has no fractions, and what is compared here differs by few
/// nanoseconds. Of so many runs that what the kernel does around them, which takes some milliseconds, is little beside them.
fn mean(program: &mut dyn Subject, frame: &[u8]) -> anyhow::Result<f64> {
    const REPEAT: u32 = 10_000_000;
    let start = Instant::now();
    program.test_run(frame, REPEAT)?;
    Ok(nanoseconds(start.elapsed()) / f64::from(REPEAT))
}
