//! The least that a verdict comes to, beside what it costs: programs of hand-written instructions, for one kind of packet alone.

use std::time::Instant;

use portguard::{
    compile::{Image, Node, compile},
    datapath::{Answer, Loaded},
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
const PACKETS: [&str; 4] = [
    "IPv4, source admitted",
    "IPv4, source not admitted",
    "IPv6, source admitted",
    "IPv6, source not admitted",
];
const SOURCES: u32 = 10;

/// Measures the packets that the programs by hand recognize: to these it is the same whether a source is admitted.
pub(super) fn measure(object: &[u8], effort: Effort) -> anyhow::Result<Section> {
    let mut section = Section::new("The least that it comes to", &COLUMNS);
    arena::within(|| {
        let prefixes = prefixes::spread(SOURCES, Family::Both);
        let image = compile(&site(prefixes.clone()), &Node::default())?;
        let mut packets = packets::kinds(&prefixes);
        packets.retain(|packet| PACKETS.contains(&packet.name.as_str()));
        if let Err(error) = XdpFilter::load() {
            section.note(format!("xdp-filter is left out: {error:#}."));
        }
        let rounds = match effort {
            Effort::Quick => 5,
            Effort::Full => 15,
        };
        let mut times = vec![vec![Vec::new(); COLUMNS.len() - 1]; packets.len()];
        for _ in 0..rounds {
            for (packet, times) in packets.iter().zip(&mut times) {
                // Anew each time: how fast a program is depends also on where the kernel happens to place its code.
                let mut programs = programs(object, &image, packet.name.starts_with("IPv6"))?;
                for by_hand in &mut programs[1..3] {
                    let answer = by_hand.test_run(&packet.frame, 1)?.verdict;
                    anyhow::ensure!(answer == Answer::Drop, "{}: not for those by hand", packet.name);
                }
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
fn programs(object: &[u8], image: &Image, is_ipv6: bool) -> anyhow::Result<Vec<Box<dyn Subject>>> {
    let [recognizing, judging] = if is_ipv6 {
        [Floor::recognizing6()?, Floor::judging6()?]
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
/// nanoseconds. Of so many runs that what the kernel does around them, which takes some milliseconds, is little beside them.
fn mean(program: &mut dyn Subject, frame: &[u8]) -> anyhow::Result<f64> {
    const REPEAT: u32 = 10_000_000;
    let start = Instant::now();
    program.test_run(frame, REPEAT)?;
    Ok(nanoseconds(start.elapsed()) / f64::from(REPEAT))
}
