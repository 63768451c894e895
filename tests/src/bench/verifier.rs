//! What the kernel's verifier makes of the program, site by site, and what it all takes: for growth to be seen.

use std::{net::Ipv6Addr, path::Path, time::Instant};

use anyhow::{Context as _, ensure};
use portguard::{
    compile::{Image, Node, compile},
    datapath::{Link, Loaded, Placement},
    input::site_of_text,
    matrix::{Matrix, Mode, Outbound, OutboundAttach, Posture},
};
use toml::Table;

use super::{
    Cell, Section,
    load::{FIVE, mebibytes, memory, milliseconds, size},
};
use crate::twin::at_tcx;

const COLUMNS: [&str; 8] = [
    "site",
    "instructions verified, XDP",
    "the same, tcx",
    "the same, outbound",
    "most, % of the limit",
    "load ms",
    "maps MiB",
    "counters KiB per CPU",
];

/// What the kernel gives up at (`BPF_COMPLEXITY_LIMIT_INSNS` of `include/linux/bpf.h`).
const LIMIT: u64 = 1_000_000;
/// What we give up at: the verifier takes more than a microsecond for each, and a new generation must not take long.
const BUDGET: u64 = 26_000;
/// The groups of the site with five products.
const GROUPS: [&str; 3] = ["cluster", "ops", "apps"];

/// Loads the program for each site, and fails where it takes more than the budget.
pub(super) fn measure(object: &[u8]) -> anyhow::Result<Vec<Section>> {
    let mut section = Section::new("What the verifier goes through", &COLUMNS);
    let mut worst = 0;
    let here = Node::default();
    let mut add = |name: String, site: &Table, node: &Node| {
        let figures = load(object, &toml::to_string(site)?, node).with_context(|| name.clone())?;
        worst = worst.max(figures.most());
        section.add(figures.row(name));
        anyhow::Ok(())
    };
    let sites = sites()?;
    for (name, site) in &sites {
        add(name.clone(), site, &here)?;
    }
    let (name, site) = sites.last().context("there are sites")?;
    add(format!("{name}, on a router"), site, &here.forwarding(true))?;
    section.note(format!(
        "The budget is {BUDGET} of the kernel's {LIMIT} instructions; the most that a site takes is {worst}."
    ));
    ensure!(
        worst <= BUDGET,
        "{}\nthe program has become too dear to verify: docs/decisions/0003-what-the-verifier-forgets.md says what helped",
        section.to_markdown()
    );
    Ok(vec![section])
}

/// Nothing, each product by itself, all five, these with failsafe groups, and the most that addresses can do to a site: every length of prefixes from /4 on, in
/// the mode and with the posture that the other sites don't have.
fn sites() -> anyhow::Result<Vec<(String, Table)>> {
    let mut all: Table = FIVE.parse()?;
    let own = ["10.1.0.0/16", "2001:db8:1::/48", "2001:db8:2::7"];
    all.insert("groups".to_owned(), groups(&own.map(str::to_owned)).into());
    let products = all["products"].as_table().context("the site has products")?.clone();
    let only = |names: &[&String]| {
        let mut site = all.clone();
        let kept = products.iter().filter(|(name, _)| names.contains(name));
        site.insert(
            "products".to_owned(),
            kept.map(|(name, table)| (name.clone(), table.clone())).collect::<Table>().into(),
        );
        site
    };
    let mut sites = vec![("no product".to_owned(), only(&[]))];
    for (name, product) in &products {
        sites.push((product["policy"].as_str().unwrap_or(name).to_owned(), only(&[name])));
    }
    let lengths: Vec<String> = (4..=128).map(|len| format!("{}/{len}", beside(len))).collect();
    let mut worst = all.clone();
    worst.insert("groups".to_owned(), groups(&lengths).into());
    worst.insert("mode".to_owned(), "observe".into());
    worst.insert("posture".to_owned(), "pass".into());
    let mut failsafe = all.clone();
    failsafe.insert("failsafe".to_owned(), vec![GROUPS[0]].into());
    sites.push(("all five".to_owned(), all));
    sites.push(("all five, failsafe groups".to_owned(), failsafe));
    sites.push(("all five, 125 prefix lengths".to_owned(), worst));
    Ok(sites)
}

/// A network of this length beside those of all other lengths.
fn beside(len: u32) -> Ipv6Addr {
    let last = 128 - len;
    ((0x2001_0db8_u128 << 96 ^ 1 << last) >> last << last).into()
}

fn groups(addresses: &[String]) -> Table {
    GROUPS.iter().map(|name| ((*name).to_owned(), addresses.to_vec().into())).collect()
}

struct Figures {
    xdp: u64,
    tcx: u64,
    outbound: u64,
    load_ms: f64,
    maps: u64,
    counters: u64,
}

impl Figures {
    /// What the program that takes most takes.
    fn most(&self) -> u64 {
        self.xdp.max(self.tcx).max(self.outbound)
    }

    #[expect(clippy::cast_precision_loss, reason = "both are small")]
    fn row(self, name: String) -> Vec<Cell> {
        let most = self.most();
        let Self { xdp, tcx, outbound, load_ms, maps, counters } = self;
        vec![
            Cell::Text(name),
            Cell::Count(xdp),
            Cell::Count(tcx),
            Cell::Count(outbound),
            Cell::Tenths(most as f64 * 100.0 / LIMIT as f64),
            Cell::Tenths(load_ms),
            mebibytes(maps),
            Cell::Tenths(counters as f64 / 1024.0),
        ]
    }
}

fn load(object: &[u8], text: &str, node: &Node) -> anyhow::Result<Figures> {
    let site = site_of_text(Path::new("site.toml"), text).map_err(|error| anyhow::anyhow!("{error:?}"))?;
    // A site with interfaces at tcx has both programs.
    let (both, ..) = load_image(object, &compile(&at_tcx(&site.matrix), node)?)?;
    let leaving = Outbound { mode: Mode::Enforce, posture: Posture::Drop, attach: OutboundAttach::Auto };
    let (and_outbound, ..) =
        load_image(object, &compile(&Matrix { outbound: Some(leaving), ..site.matrix.clone() }, node)?)?;
    let image = compile(&site.matrix, node)?;
    let (xdp, load_ms, maps) = load_image(object, &image)?;
    let (tcx, outbound) = (both - xdp, and_outbound - xdp);
    Ok(Figures { xdp, tcx, outbound, load_ms, maps, counters: size(&image).counters })
}

/// The instructions verified, the time that it took, and the memory of the maps.
fn load_image(object: &[u8], image: &Image) -> anyhow::Result<(u64, f64, u64)> {
    // Nothing is attached: any numbers will do.
    let links = (1..).zip(image.interfaces()).map(|(index, interface)| Link {
        name: interface.name.clone(),
        index,
        arrival: interface.arrival(),
        placement: Placement::In(interface.attach),
        program: None,
        ethernet: true,
        by_pattern: false,
        parts: Vec::new(),
    });
    let start = Instant::now();
    let loaded = Loaded::new(object, image, &links.collect::<Vec<_>>())?;
    let load_ms = milliseconds(start.elapsed());
    let measured = (memory::verified_instructions()?, load_ms, memory::of_maps()?);
    drop(loaded);
    Ok(measured)
}
