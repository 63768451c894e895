//! Packets that all differ: one run for each of thousands of frames, from sources and to ports all over the tables.
//!
//! Each run is a system call of its own, which itself pushes things out of the caches, the program's code among them. The
//! same frame in the same way tells how much of the cost that is.

use portguard::{
    compile::{Node, compile},
    datapath::Loaded,
};

use super::{
    Cell, Section, arena, median, packets,
    prefixes::{self, Family},
    site::site,
    subject::Subject,
    xdp_filter::XdpFilter,
};
use crate::floor::Floor;

const COLUMNS: [&str; 6] =
    ["packets", "sources", "floor ns", "portguard ns", "over floor ns", "xdp-filter over floor ns"];
const FRAMES: usize = 8192;
const ROUNDS: usize = 15;

/// Measures one frame and many, of both families, with ever more sources.
pub(super) fn measure(object: &[u8]) -> anyhow::Result<Vec<Section>> {
    let mut section = Section::new("Cold: single runs", &COLUMNS);
    arena::within(|| {
        let mut floor = Floor::load()?;
        let mut xdp_filter = XdpFilter::load();
        if let Err(error) = &xdp_filter {
            section.note(format!("xdp-filter is left out: {error:#}."));
        }
        for count in [10, 10_000, 1_000_000] {
            for (name, family) in [("IPv4", Family::V4), ("IPv6", Family::V6)] {
                let prefixes = prefixes::spread(count, family);
                let image = compile(&site(prefixes.clone()), &Node::default())?;
                let mut loaded = Loaded::new(object, &image, &[])?;
                let many = packets::spread(&prefixes, FRAMES);
                for (which, frames) in [("the same", vec![many[0].clone(); FRAMES]), ("all different", many)]
                {
                    let row = time(&mut floor, &mut loaded, xdp_filter.as_mut().ok(), &frames)?;
                    let mut cells =
                        vec![Cell::Text(format!("{name}, {which}")), Cell::Count(u64::from(count))];
                    cells.extend(row);
                    section.add(cells);
                }
            }
        }
        anyhow::Ok(())
    })?;
    Ok(vec![section])
}

fn time(
    floor: &mut Floor,
    loaded: &mut Loaded,
    mut xdp_filter: Option<&mut XdpFilter>,
    frames: &[Vec<u8>],
) -> anyhow::Result<[Cell; 4]> {
    let (mut floors, mut costs, mut overs, mut others) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        // Frame after frame for one program, then for the next: in turns, each would warm the frame for the next.
        let nothing = mean(frames, |frame| floor.time(frame, 1))?;
        let cost = mean(frames, |frame| loaded.time(frame, 1))?;
        floors.push(nothing);
        costs.push(cost);
        overs.push(cost - nothing);
        if let Some(xdp_filter) = &mut xdp_filter {
            others.push(mean(frames, |frame| xdp_filter.time(frame, 1))? - nothing);
        }
    }
    Ok([
        Cell::Tenths(median(floors)),
        Cell::Tenths(median(costs)),
        Cell::Tenths(median(overs)),
        xdp_filter.map_or(Cell::None, |_| Cell::Tenths(median(others))),
    ])
}

/// The mean of the middle half of the frames' times: an interrupt takes longer than all of them.
fn mean(frames: &[Vec<u8>], mut time: impl FnMut(&[u8]) -> anyhow::Result<f64>) -> anyhow::Result<f64> {
    let mut times = frames.iter().map(|frame| time(frame)).collect::<anyhow::Result<Vec<f64>>>()?;
    times.sort_unstable_by(f64::total_cmp);
    let middle = &times[times.len() / 4..times.len() * 3 / 4];
    #[expect(clippy::cast_precision_loss, reason = "thousands")]
    let count = middle.len() as f64;
    Ok(middle.iter().sum::<f64>() / count)
}
