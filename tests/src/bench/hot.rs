//! One packet, over and over: all that it needs is in the caches, and what is left is the instructions.

use anyhow::ensure;
use portguard::{
    compile::{Node, compile},
    datapath::Loaded,
};

use super::{
    Cell, Effort, Section, arena, leaving, median,
    packets::{self, Packet},
    prefixes::{self, Family},
    site::site,
    subject::Subject,
    transit,
    xdp_filter::XdpFilter,
};
use crate::floor::Floor;

const COLUMNS: [&str; 7] =
    ["packet", "sources", "floor ns", "portguard ns", "over floor ns", "xdp-filter over floor ns", "ratio"];

/// How often a program runs in one round, and how many rounds there are.
pub(super) fn repetitions(effort: Effort) -> (u32, usize) {
    match effort {
        Effort::Quick => (200_000, 7),
        Effort::Full => (500_000, 15),
    }
}

/// The numbers of sources, or destinations.
pub(super) fn counts(effort: Effort) -> &'static [u32] {
    match effort {
        Effort::Quick => &[10, 10_000],
        Effort::Full => &[10, 10_000, 1_000_000],
    }
}

/// Measures every kind of packet with every number of sources.
pub(super) fn measure(object: &[u8], effort: Effort) -> anyhow::Result<Vec<Section>> {
    let mut section = Section::new("One hot packet", &COLUMNS);
    arena::within(|| {
        let mut floor = Floor::load()?;
        let mut xdp_filter = XdpFilter::load();
        if let Err(error) = &xdp_filter {
            section.note(format!("xdp-filter is left out: {error:#}."));
        }
        for &count in counts(effort) {
            let prefixes = prefixes::spread(count, Family::Both);
            let image = compile(&site(prefixes.clone()), &Node::default())?;
            let mut loaded = Loaded::new(object, &image, &[])?;
            for packet in packets::kinds(&prefixes) {
                let row = time(&mut floor, &mut loaded, xdp_filter.as_mut().ok(), &packet, effort)?;
                section.add(row_of(&packet, count, &row));
            }
        }
        anyhow::Ok(())
    })?;
    Ok(vec![section, leaving::measure(object, effort)?, transit::measure(object, effort)?])
}

/// Medians, in nanoseconds.
struct Row {
    floor: f64,
    portguard: f64,
    over: f64,
    xdp_filter_over: Option<f64>,
}

fn time(
    floor: &mut Floor,
    loaded: &mut Loaded,
    mut xdp_filter: Option<&mut XdpFilter>,
    Packet { name, frame, verdict }: &Packet,
    effort: Effort,
) -> anyhow::Result<Row> {
    let answer = Subject::test_run(loaded, frame, 1)?.verdict;
    ensure!(answer == *verdict, "{name}: the program answers {answer:?}, expected {verdict:?}");
    let (repeat, rounds) = repetitions(effort);
    let (mut floors, mut costs, mut overs, mut others) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        // Side by side, so that all see the same noise.
        let nothing = floor.time(frame, repeat)?;
        let cost = loaded.time(frame, repeat)?;
        floors.push(nothing);
        costs.push(cost);
        overs.push(cost - nothing);
        if let Some(xdp_filter) = &mut xdp_filter {
            others.push(xdp_filter.time(frame, repeat)? - nothing);
        }
    }
    Ok(Row {
        floor: median(floors),
        portguard: median(costs),
        over: median(overs),
        xdp_filter_over: xdp_filter.map(|_| median(others)),
    })
}

fn row_of(packet: &Packet, count: u32, row: &Row) -> Vec<Cell> {
    let Row { floor, portguard, over, xdp_filter_over } = *row;
    vec![
        Cell::Text(packet.name.clone()),
        Cell::Count(count.into()),
        Cell::Tenths(floor),
        Cell::Tenths(portguard),
        Cell::Tenths(over),
        xdp_filter_over.map_or(Cell::None, Cell::Tenths),
        xdp_filter_over.map_or(Cell::None, |other| Cell::Ratio(other / over)),
    ]
}
