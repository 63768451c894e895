//! `cargo xtask bench`: what a verdict costs over a program that returns at once.

use std::{env, fs, net::IpAddr, time::Duration};

use anyhow::{Context as _, ensure};
use comfy_table::{CellAlignment, Table, presets};
use portguard::{
    compile::{NodeAddresses, compile},
    datapath::{Loaded, XdpVerdict, embedded},
};
use portguard_tests::{
    floor::Floor,
    sample::{site, source_v4, source_v6, sources, syn},
};

/// Runs of one measurement, and measurements of which the median counts: the machine is shared.
const REPEAT: u32 = 1_000_000;
const ROUNDS: usize = 9;

/// A packet whose verdict is measured.
struct Case {
    name: &'static str,
    frame: Vec<u8>,
    verdict: XdpVerdict,
}

fn cases() -> Vec<Case> {
    let v4 = |index| IpAddr::V4(source_v4(index));
    let v6 = |index| IpAddr::V6(source_v6(index));
    let case = |name, source, port, verdict| Case { name, frame: syn(source, port), verdict };
    vec![
        case("IPv4, source admitted", v4(3), 8086, XdpVerdict::Pass),
        case("IPv4, source not admitted", IpAddr::V4([11, 0, 0, 1].into()), 8086, XdpVerdict::Drop),
        case("IPv4, port undocumented", v4(3), 80, XdpVerdict::Drop),
        case("IPv6, source admitted", v6(3), 8086, XdpVerdict::Pass),
        case(
            "IPv6, source not admitted",
            "2001:db8:aaaa::1".parse().expect("an address"),
            8086,
            XdpVerdict::Drop,
        ),
        case("IPv6, port undocumented", v6(3), 80, XdpVerdict::Drop),
    ]
}

fn main() -> anyhow::Result<()> {
    let object = object()?;
    let floor = Floor::load()?;
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN);
    table.set_header(["packet", "sources", "floor ns", "verdict ns", "over the floor ns"]);
    for column in 1..5 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for count in [10, 10_000] {
        let image = compile(&site(sources(count)), &NodeAddresses::default())?;
        let mut loaded = Loaded::new(&object, &image, Vec::new())?;
        for Case { name, frame, verdict } in cases() {
            let answer = loaded.test_run(&frame, 1)?.verdict;
            ensure!(answer == verdict, "{name}: the program answers {answer:?}, expected {verdict:?}");
            let mut pairs = Vec::with_capacity(ROUNDS);
            for _ in 0..ROUNDS {
                // Side by side, so that both see the same noise.
                let nothing = floor.run(&frame, REPEAT)?;
                pairs.push((nothing, loaded.test_run(&frame, REPEAT)?.duration));
            }
            let nothing = median(pairs.iter().map(|pair| pair.0));
            let cost = median(pairs.iter().map(|pair| pair.1));
            table.add_row([
                name.to_owned(),
                count.to_string(),
                nothing.as_nanos().to_string(),
                cost.as_nanos().to_string(),
                cost.saturating_sub(nothing).as_nanos().to_string(),
            ]);
        }
    }
    #[expect(clippy::print_stdout, reason = "the table is what this program is for")]
    {
        println!("{table}");
    }
    Ok(())
}

fn object() -> anyhow::Result<Vec<u8>> {
    match env::var_os("PORTGUARD_EBPF_OBJECT") {
        Some(path) => fs::read(&path).with_context(|| format!("reading {}", path.display())),
        None => {
            embedded().map(<[u8]>::to_vec).context("built without the eBPF object: run `cargo xtask bench`")
        }
    }
}

fn median(durations: impl Iterator<Item = Duration>) -> Duration {
    let mut durations: Vec<Duration> = durations.collect();
    durations.sort_unstable();
    durations[durations.len() / 2]
}
