//! A flood from another network namespace: how many packets a second are dropped, and how many come through.
//!
//! Sender and receiver share a CPU, as the kernel does it on a veth pair: a batch is sent, then the receiver's interrupt
//! takes it. So a number is the cost of both, and the program beside it that only drops tells what the sender costs.

mod filters;
mod ground;

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use anyhow::ensure;
use ipnet::IpNet;

use super::{
    Cell, Section, median,
    prefixes::{self, Family},
    site::GUARDED,
};
use crate::sample::{syn, udp};
use filters::{Filter, Filters};
use ground::{From, Ground};

/// Bursts of one round, and rounds.
const BURSTS: u32 = 3;
const ROUNDS: usize = 7;
/// Prefixes that every filter knows.
const SOURCES: u32 = 10_000;
const COLUMNS: [&str; 5] =
    ["packets", "filter", "packets per second", "ns per packet", "of the first's rate"];
/// Whom no filter admits.
const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9));

/// Floods every filter in turn, first with packets to be dropped, then with packets to be passed.
pub(super) fn measure(object: &[u8]) -> anyhow::Result<Vec<Section>> {
    let ground = Ground::new()?;
    let prefixes = prefixes::spread(SOURCES, Family::V4);
    let admitted = prefixes.first().map(IpNet::addr).expect("there are prefixes");
    let filters = Filters::new(&ground, object, prefixes)?;
    let mut section = Section::new("A flood over a veth pair", &COLUMNS);
    let mut measure = |name, frame: &[u8], from, contenders: &[Filter]| {
        flood(&mut section, &ground, &filters, &Packets { name, frame, from }, contenders)
    };
    let dropped = [Filter::Drop, Filter::Counting, Filter::PortGuard, Filter::NftIngress, Filter::NftInput];
    let [first, others @ ..] = dropped;
    let beside = |least: Filter| -> Vec<Filter> { [first, least].into_iter().chain(others).collect() };
    let stranger = syn(STRANGER, GUARDED);
    let mut judging = beside(Filter::Judge);
    measure("SYN, dropped", &stranger, From::One, &judging)?;
    // The header's checksum is wrong then, which nobody sees who looks before the stack does.
    judging.pop();
    measure("SYN of 1,000,000 sources, dropped", &stranger, From::AMillion, &judging)?;
    // PortGuard looks for a socket that this may be the answer to.
    measure("UDP, dropped", &udp(STRANGER, GUARDED), From::One, &beside(Filter::Ask))?;
    let passed = [Filter::Nothing, Filter::Pass, Filter::PortGuard, Filter::NftIngress, Filter::NftInput];
    measure("UDP, passed", &udp(admitted, GUARDED), From::One, &passed)?;
    Ok(vec![section])
}

/// What is sent.
struct Packets<'a> {
    name: &'static str,
    frame: &'a [u8],
    from: From,
}

fn flood(
    section: &mut Section,
    ground: &Ground,
    filters: &Filters<'_>,
    packets: &Packets<'_>,
    contenders: &[Filter],
) -> anyhow::Result<()> {
    let Packets { name, frame, from } = *packets;
    let mut rates = vec![Vec::new(); contenders.len()];
    for _ in 0..ROUNDS {
        // In turns, so that all see the same noise.
        for (rates, &filter) in rates.iter_mut().zip(contenders) {
            let installed = filters.install(filter)?;
            let before = ground.ended(filter)?;
            let burst = filter.burst();
            let bursts = (0..BURSTS).map(|_| ground.send(frame, from, burst));
            let durations = bursts.collect::<anyhow::Result<Vec<Duration>>>()?;
            let after = ground.ended(filter)?;
            drop(installed);
            let count = after - before;
            ensure!(
                count >= u64::from(burst * BURSTS) / 100 * 99,
                "of {BURSTS} times {burst} packets to be {name}, {count} ended where they should: {}",
                filter.name()
            );
            // In all others somebody else had the CPU for a while.
            let fastest = durations.into_iter().min().expect("some bursts");
            rates.push(f64::from(burst) / fastest.as_secs_f64());
        }
    }
    for (filter, own) in contenders.iter().zip(&rates) {
        let rate = median(own.clone());
        // Of the same round: what slowed one slowed the other.
        let ratios = own.iter().zip(&rates[0]).map(|(own, first)| own / first).collect();
        section.add(vec![
            Cell::Text(name.to_owned()),
            Cell::Text(filter.name().to_owned()),
            Cell::Count(whole(rate)),
            Cell::Tenths(1e9 / rate),
            Cell::Ratio(median(ratios)),
        ]);
    }
    Ok(())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "far fewer than 2^53 a second")]
fn whole(rate: f64) -> u64 {
    rate.round() as u64
}
