//! xdp-filter of Debian's package xdp-tools, to compare with: its own object, one port and one address allowed.

use std::{fs, net::IpAddr, os::fd::AsFd as _};

use anyhow::{Context as _, ensure};
use aya::{
    Ebpf, Pod,
    maps::{MapData, PerCpuArray, PerCpuHashMap, PerCpuValues},
    programs::Xdp,
    util::nr_cpus,
};
use portguard::datapath::{Answer, TestRun};

use super::{
    site::{GUARDED, UNDOCUMENTED},
    subject::Subject,
};
use crate::{floor::test_run, sample::syn};

/// The filter that denies all but what is allowed, with every feature: `xdp-filter load --policy deny`.
const OBJECT: &str = "/usr/lib/x86_64-linux-gnu/bpf/xdpfilt_dny_all.o";
/// Of `xdp-filter/common_kern_user.h` in xdp-tools: what an entry allows.
const SOURCE: u64 = 1 << 0;
const DESTINATION: u64 = 1 << 1;
const TCP: u64 = 1 << 2;
/// The address that is allowed. None of the packets that are measured has it.
const ALLOWED: [u8; 4] = [192, 0, 2, 77];

/// The loaded program.
pub(super) struct XdpFilter(Ebpf);

impl XdpFilter {
    /// Loads it. Its maps want to be pinned, so this is for the arena, whose BPF file system vanishes with it.
    pub(super) fn load() -> anyhow::Result<Self> {
        let object =
            fs::read(OBJECT).with_context(|| format!("cannot read {OBJECT} (Debian's package xdp-tools)"))?;
        let mut ebpf = Ebpf::load(&object).context("its object cannot be loaded")?;
        let map = ebpf.map_mut("filter_ports").context("no map of ports")?;
        let mut ports: PerCpuArray<&mut MapData, u64> = map.try_into()?;
        ports.set(u32::from(GUARDED.to_be()), on_all_cpus(DESTINATION | TCP)?, 0)?;
        let map = ebpf.map_mut("filter_ipv4").context("no map of addresses")?;
        let mut addresses: PerCpuHashMap<&mut MapData, [u8; 4], u64> = map.try_into()?;
        addresses.insert(ALLOWED, on_all_cpus(SOURCE)?, 0)?;
        let mut filter = Self(ebpf);
        filter.program()?.load()?;
        let stranger = IpAddr::from([203, 0, 113, 9]);
        let verdicts = [GUARDED, UNDOCUMENTED].map(|port| filter.test_run(&syn(stranger, port), 1));
        let [allowed, other] = verdicts;
        ensure!(allowed?.verdict == Answer::Pass && other?.verdict == Answer::Drop, "it filters nothing");
        Ok(filter)
    }

    fn program(&mut self) -> anyhow::Result<&mut Xdp> {
        let (_, program) = self.0.programs_mut().next().context("no program")?;
        Ok(program.try_into()?)
    }
}

impl Subject for XdpFilter {
    fn test_run(&mut self, frame: &[u8], repeat: u32) -> anyhow::Result<TestRun> {
        test_run(self.program()?.fd()?.as_fd(), frame, repeat)
    }
}

fn on_all_cpus<T: Pod>(value: T) -> anyhow::Result<PerCpuValues<T>> {
    let cpus = nr_cpus().map_err(|(path, error)| anyhow::anyhow!("{path}: {error}"))?;
    Ok(PerCpuValues::try_from(vec![value; cpus])?)
}
