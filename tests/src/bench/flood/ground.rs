//! Where the flood takes place: a veth pair between two hosts of a lab, without the lab's bridge between them.

use std::{
    fs,
    net::{Ipv4Addr, UdpSocket},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use nix::{
    net::if_::if_nametoindex,
    sched::{CpuSet, sched_setaffinity},
    unistd::Pid,
};
use socket2::SockRef;

use super::filters::Filter;
use crate::{
    bench::site::GUARDED,
    floor::Floor,
    lab::{Host, Lab},
    sample::NODE_V4,
};

/// The node's end.
pub(super) const INTERFACE: &str = "flood1";
/// The sender's.
const SENDER: &str = "flood0";
/// Packets that are sent before the receiver's interrupt takes them; veth's ring has 256 places.
const BATCH: u32 = 64;

/// How many sources there are.
#[derive(Clone, Copy, Debug)]
pub(super) enum From {
    /// The frame's.
    One,
    /// A million, at random.
    AMillion,
}

/// Two hosts and the pair between them.
pub(super) struct Ground {
    lab: Lab,
    /// The index of the sender's end.
    sender: u32,
    /// Gets what passes. Nobody reads it, so that it is full soon and costs the same from then on.
    _socket: UdpSocket,
}

impl Ground {
    pub(super) fn new() -> anyhow::Result<Self> {
        let lab = Lab::new()?;
        let node = lab.node.namespace();
        let pair = ["link", "add", SENDER, "type", "veth", "peer", "name", INTERFACE, "netns", node];
        output(&lab.client, "ip", &pair)?;
        output(&lab.client, "ip", &["link", "set", SENDER, "up"])?;
        for arguments in [
            // The address that the frames of `sample` are for.
            &["link", "set", INTERFACE, "address", "02:00:00:00:00:02", "up"][..],
            &["address", "add", &format!("{NODE_V4}/32"), "dev", INTERFACE],
            // The stack takes nothing from where it knows no way to.
            &["route", "add", "default", "dev", INTERFACE],
        ] {
            output(&lab.node, "ip", arguments)?;
        }
        // Without it, an end that has no XDP program takes no frames from one that sends by XDP.
        output(&lab.node, "ethtool", &["--features", INTERFACE, "gro", "on"])?;
        let socket = lab.node.within(|| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, GUARDED)))??;
        SockRef::from(&socket).set_recv_buffer_size(1)?;
        let sender = lab.client.within(|| if_nametoindex(SENDER))??;
        Ok(Self { lab, sender, _socket: socket })
    }

    /// The host that is flooded.
    pub(super) fn node(&self) -> &Host {
        &self.lab.node
    }

    /// Sends `count` copies of `frame`, and says how long that took.
    pub(super) fn send(&self, frame: &[u8], from: From, count: u32) -> anyhow::Result<Duration> {
        self.lab.client.within(|| {
            stay_on_one_cpu()?;
            let program = match from {
                From::One => Floor::redirecting(self.sender)?,
                From::AMillion => Floor::spoofing(self.sender)?,
            };
            let start = Instant::now();
            program.send(frame, count, BATCH)?;
            Ok(start.elapsed())
        })?
    }

    /// How many packets have ended where `filter` lets them end: dropped by it, or at the socket.
    pub(super) fn ended(&self, filter: Filter) -> anyhow::Result<u64> {
        Ok(self.delivered()? + self.dropped(filter)?)
    }

    fn dropped(&self, filter: Filter) -> anyhow::Result<u64> {
        match filter {
            Filter::Nothing | Filter::Pass => Ok(0),
            Filter::Drop | Filter::Ask | Filter::Judge | Filter::PortGuard | Filter::Counting => {
                let said = output(self.node(), "ethtool", &["--statistics", INTERFACE])?;
                let drops = said.lines().filter_map(|line| line.trim().split_once("_xdp_drops: "));
                drops.map(|(_, count)| Ok(count.trim().parse::<u64>()?)).sum()
            }
            Filter::NftIngress | Filter::NftInput => {
                let said = output(self.node(), "nft", &["--json", "list", "counters"])?;
                let said: serde_json::Value = serde_json::from_str(&said)?;
                let objects = said["nftables"].as_array().context("nft lists nothing")?;
                let counts = objects.iter().filter_map(|object| object["counter"]["packets"].as_u64());
                Ok(counts.sum())
            }
        }
    }

    /// What has come to the socket, whether or not it had room.
    fn delivered(&self) -> anyhow::Result<u64> {
        let table = self.node().within(|| fs::read_to_string("/proc/thread-self/net/snmp"))??;
        let mut lines = table.lines().filter_map(|line| line.strip_prefix("Udp: "));
        let (names, numbers) = lines.next().zip(lines.next()).context("the kernel counts no UDP")?;
        let columns = names.split(' ').zip(numbers.split(' '));
        let ours = columns.filter(|(name, _)| matches!(*name, "InDatagrams" | "RcvbufErrors"));
        ours.map(|(_, number)| Ok(number.parse::<u64>()?)).sum()
    }
}

/// What a command on `host` prints.
pub(super) fn output(host: &Host, program: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let output = host.output(30, program, arguments)?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`{program} {}` failed: {}", arguments.join(" "), said.trim());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn stay_on_one_cpu() -> anyhow::Result<()> {
    let allowed = nix::sched::sched_getaffinity(Pid::from_raw(0))?;
    let last = (0..CpuSet::count()).rev().find(|&cpu| allowed.is_set(cpu).unwrap_or(false));
    let mut one = CpuSet::new();
    one.set(last.context("this process may run on no CPU")?)?;
    Ok(sched_setaffinity(Pid::from_raw(0), &one)?)
}
