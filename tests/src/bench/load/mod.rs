//! From a site file to a program on two interfaces: how long it takes, and how much memory.
//!
//! The site has all five built-in products. Nine in ten of its prefixes are clients of theirs; the others are the
//! cluster's nodes and its administrators.

mod groups;
pub(super) mod memory;

use std::{
    fmt::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use ipnet::IpNet;
use portguard::{
    compile::{Image, Node, compile},
    datapath::{DatapathError, Loaded, Network, Present, resolve},
    input::site_of_text,
};
use portguard_common::abi::{COUNTERS_PER_PAGE, CounterPage};

use super::{
    Cell, Section, arena, median,
    prefixes::{self, Family},
};
use crate::{floor::Floor, pinned::Pinned};

const COLUMNS: [&str; 12] = [
    "prefixes",
    "count",
    "read ms",
    "compile ms",
    "load ms",
    "attach ms",
    "swap ms",
    "compile + load + swap ms",
    "tables MiB",
    "counters KiB per CPU",
    "kernel MiB",
    "peak user MiB",
];
/// The site with all five products, without its groups.
pub(super) const FIVE: &str = include_str!("five.toml");

/// Measures sites from 10 to 1,000,000 prefixes.
pub(super) fn measure(object: &[u8]) -> anyhow::Result<Vec<Section>> {
    let mut section = Section::new("From a site file to the interfaces", &COLUMNS);
    arena::within(|| {
        let before = memory::present()?;
        let mut add = |name: &str, prefixes: &[IpNet]| {
            let cells = match row(object, &site(prefixes), rounds(prefixes.len()), before)? {
                Ok(cells) => cells,
                Err(refusal) => {
                    section.note(format!("{name}, {} prefixes: {refusal}.", prefixes.len()));
                    vec![Cell::None; COLUMNS.len() - 2]
                }
            };
            let names = [Cell::Text(name.to_owned()), Cell::Count(prefixes.len() as u64)];
            section.add(names.into_iter().chain(cells).collect());
            anyhow::Ok(())
        };
        for count in [10, 1_000, 10_000, 100_000, 1_000_000] {
            add("IPv4", &prefixes::spread(count, Family::V4))?;
            add("IPv6", &prefixes::spread(count, Family::V6))?;
        }
        for count in [100_000, 1_000_000] {
            add("IPv4, random hosts", &prefixes::random(count, Family::V4))?;
            add("IPv6, random hosts", &prefixes::random(count, Family::V6))?;
        }
        section.note(format!(
            "Of a swap the kernel takes {:.1} ms to give two links another program, of whatever size.",
            swap_floor()?
        ));
        anyhow::Ok(())
    })?;
    Ok(vec![section, groups::measure()?])
}

/// What a swap on two interfaces takes, between programs of two instructions, in milliseconds.
fn swap_floor() -> anyhow::Result<f64> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let guarded =
        runtime.block_on(present())?.into_iter().filter(|interface| interface.name.starts_with("eth"));
    let (before, after) = (Floor::load()?, Floor::dropping()?);
    let links =
        guarded.map(|interface| before.attach(interface.index)).collect::<anyhow::Result<Vec<_>>>()?;
    anyhow::ensure!(links.len() == 2, "the site's interfaces are eth0 and eth1");
    let mut times = Vec::new();
    for _ in 0..rounds(0) {
        let start = Instant::now();
        links.iter().try_for_each(|link| after.take_over(link))?;
        times.push(milliseconds(start.elapsed()));
        links.iter().try_for_each(|link| before.take_over(link))?;
    }
    Ok(median(times))
}

fn rounds(prefixes: usize) -> usize {
    if prefixes > 100_000 { 3 } else { 7 }
}

/// The site file.
fn site(prefixes: &[IpNet]) -> String {
    let mut groups = ["cluster", "ops", "apps"].map(|name| format!("{name} = ["));
    for (index, prefix) in prefixes.iter().enumerate() {
        let group = match index % 20 {
            0 => 0,
            1 => 1,
            _ => 2,
        };
        write!(groups[group], "\"{prefix}\", ").expect("memory does not fail");
    }
    let [cluster, ops, apps] = groups;
    format!("{FIVE}\n[groups]\n{cluster}]\n{ops}]\n{apps}]\n")
}

/// All cells but the names, or why the site cannot be compiled.
fn row(
    object: &[u8],
    text: &str,
    rounds: usize,
    user_before: u64,
) -> anyhow::Result<Result<Vec<Cell>, String>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let mut times = [const { Vec::new() }; 6];
    let mut last = None;
    for _ in 0..rounds {
        memory::forget()?;
        let start = Instant::now();
        let read =
            site_of_text(Path::new("site.toml"), text).map_err(|error| anyhow::anyhow!("{error:?}"))?;
        let after_read = Instant::now();
        let image = match compile(&read.matrix, &Node::default()) {
            Ok(image) => image,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let compiled = Instant::now();
        let links = resolve(image.interfaces(), &runtime.block_on(present())?, None);
        let loaded = Loaded::new(object, &image, &links)?;
        let after_load = Instant::now();
        // Now, while this process has all of them open: afterwards the program alone holds the tables.
        let kernel = memory::of_maps()?;
        let before_attach = Instant::now();
        let mut attached = Pinned::install(loaded, &links)?;
        let attaching = before_attach.elapsed();
        let user = memory::peak()?.saturating_sub(user_before);
        // What takes the place of an image is never the same one; for the kernel it is.
        let next = Loaded::new(object, &image, &links)?;
        let before_swap = Instant::now();
        attached.replace(next, &links)?;
        let swapping = before_swap.elapsed();
        let points = [start, after_read, compiled, after_load];
        for (times, pair) in times.iter_mut().zip(points.windows(2)) {
            times.push(milliseconds(pair[1] - pair[0]));
        }
        times[3].push(milliseconds(attaching));
        times[4].push(milliseconds(swapping));
        times[5].push(milliseconds(after_load - after_read + swapping));
        last = Some((size(&image), kernel, user));
        drop(attached);
    }
    let (size, kernel, user) = last.expect("one round at least");
    let mut cells: Vec<Cell> = times.into_iter().map(|times| Cell::Tenths(median(times))).collect();
    #[expect(clippy::cast_precision_loss, reason = "a table is not that long")]
    let counters = Cell::Tenths(size.counters as f64 / 1024.0);
    cells.extend([mebibytes(size.tables), counters, mebibytes(kernel), mebibytes(user)]);
    Ok(Ok(cells))
}

async fn present() -> Result<Vec<Present>, DatapathError> {
    Network::open()?.present().await
}

/// Bytes of an image in maps.
pub(super) struct Size {
    pub(super) tables: u64,
    /// On each CPU.
    pub(super) counters: u64,
}

pub(super) fn size(image: &Image) -> Size {
    let tables = [
        size_of_val(image.ports()),
        size_of_val(image.trie4()),
        size_of_val(image.table6()),
        size_of_val(image.pilots6()),
        size_of_val(image.cells()),
    ];
    let pages = u64::from(image.legend().slots().div_ceil(COUNTERS_PER_PAGE));
    Size { tables: tables.iter().sum::<usize>() as u64, counters: pages * size_of::<CounterPage>() as u64 }
}

pub(super) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[expect(clippy::cast_precision_loss, reason = "a table is not that long")]
pub(super) fn mebibytes(bytes: u64) -> Cell {
    Cell::Tenths(bytes as f64 / f64::from(1 << 20))
}
