//! The real program in the real kernel, and the same verdict function natively, asked the same questions.

use std::{collections::BTreeMap, net::IpAddr};

use portguard::{
    compile::{Image, ImageInterface, NativeTables, NoSockets, NodeAddresses, Sockets, compile},
    datapath::{CounterSnapshot, DatapathError, Epoch, Link, Loaded, TestRun, XdpVerdict, embedded},
    matrix::{Matrix, Mode},
};
use portguard_common::{
    Action, Arrival, Outcome, Reason, decide,
    drops::{self, DropKey},
};

use crate::sample::{NODE_V4, NODE_V6};

/// The kernel's number for the loopback interface of any network namespace.
const LOOPBACK: u32 = 1;

/// The program, loaded with an image, and the same image natively. Keeps account of what the counters must say.
pub struct Twin {
    image: Image,
    loaded: Loaded,
    arrival: Arrival,
    expected: BTreeMap<u32, u64>,
    undocumented: BTreeMap<u32, u64>,
    dropped: BTreeMap<DropKey, u64>,
    observe: bool,
}

impl Twin {
    /// Compiles `matrix` for a node that has the addresses of the sample packets, and loads it.
    ///
    /// # Panics
    /// When the kernel does not take the program.
    pub fn load(matrix: &Matrix) -> Self {
        Self::load_on(matrix, 0)
    }

    /// The same with every packet coming in by the `index`th interface of the site: test runs come in by the loopback
    /// interface, so that is what this interface is said to be.
    ///
    /// # Panics
    /// When the site has no such interface or the kernel does not take the program.
    pub fn load_on(matrix: &Matrix, index: usize) -> Self {
        let object = embedded().expect("the tests are built with the eBPF object: cargo xtask test");
        let own = NodeAddresses::new(vec![IpAddr::V4(NODE_V4), IpAddr::V6(NODE_V6)]);
        let image = compile(matrix, &own).expect("the matrix is small");
        let link = |(at, interface): (usize, &ImageInterface)| {
            let beyond = u32::try_from(at).expect("a site has few interfaces") + LOOPBACK + 1;
            let number = if at == index { LOOPBACK } else { beyond };
            let (name, arrival, attach) = (interface.name.clone(), interface.arrival(), interface.attach);
            Link { name, index: number, arrival, attach, program: None }
        };
        let links: Vec<Link> = image.interfaces().iter().enumerate().map(link).collect();
        let arrival = links[index].arrival;
        let loaded = Loaded::new(object, &image, &links).unwrap_or_else(|error| panic!("{error}: {error:?}"));
        Self {
            image,
            loaded,
            arrival,
            expected: BTreeMap::new(),
            undocumented: BTreeMap::new(),
            dropped: BTreeMap::new(),
            observe: matrix.mode == Mode::Observe,
        }
    }

    /// The image that both have.
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// The outcome of a frame of 14 bytes or more, which must be the kernel's and the native one.
    ///
    /// # Panics
    /// When they differ.
    pub fn ask(&mut self, frame: &[u8]) -> Outcome {
        self.ask_with(frame, NoSockets)
    }

    /// The same where the namespace that the test runs in has sockets, which are made known to the native verdict.
    ///
    /// # Panics
    /// When they differ.
    pub fn ask_with(&mut self, frame: &[u8], sockets: impl Sockets) -> Outcome {
        let run = self.loaded.test_run(frame, 1);
        self.compare(frame, sockets, run, 1)
    }

    /// The same for `count` copies of a frame, as fast as they can be asked.
    ///
    /// # Panics
    /// When kernel and native verdict differ.
    pub fn flood(&mut self, frame: &[u8], count: u32) -> Outcome {
        let run = self.loaded.test_run(frame, count);
        self.compare(frame, NoSockets, run, count.into())
    }

    /// The same for a frame whose first `linear` bytes alone are in one piece. (The native verdict has one piece always.)
    ///
    /// # Panics
    /// When they differ, or the kernel cannot do this (before Linux 6.18).
    pub fn ask_split(&mut self, frame: &[u8], linear: usize) -> Outcome {
        let linear = u32::try_from(linear).expect("a frame is short");
        let run = self.loaded.test_run_split(frame, linear);
        self.compare(frame, NoSockets, run, 1)
    }

    fn compare(
        &mut self,
        frame: &[u8],
        sockets: impl Sockets,
        run: Result<TestRun, DatapathError>,
        count: u64,
    ) -> Outcome {
        let native = decide(frame, self.arrival, &NativeTables::new(&self.image, sockets));
        let run = run.unwrap_or_else(|error| panic!("{error}: {error:?}"));
        let expected = match native.reason.action() {
            Action::Drop if !self.observe => XdpVerdict::Drop,
            Action::Drop | Action::Pass => XdpVerdict::Pass,
        };
        assert_eq!(run.verdict, expected, "kernel and native differ on {frame:02x?}: {native:?}");
        self.expect(native, count);
        if native.reason.action() == Action::Drop {
            let key = drops::key(frame, self.arrival, native.to_bits());
            *self.dropped.entry(key).or_default() += count;
        }
        native
    }

    fn expect(&mut self, outcome: Outcome, count: u64) {
        let (reason, slot) = (outcome.reason, outcome.slot());
        if let Some(place) = outcome.undocumented_place() {
            *self.undocumented.entry(place).or_default() += count;
        }
        if let Some(slot) = slot {
            *self.expected.entry(slot).or_default() += count;
        }
        if !matches!(reason, Reason::Admitted | Reason::SourceNotAdmitted) {
            *self.expected.entry(reason as u32).or_default() += count;
        }
    }

    /// How many packets `reason` counted in the kernel.
    ///
    /// # Panics
    /// When the counters cannot be read.
    pub fn counted(&self, reason: Reason) -> u64 {
        self.counters().reason(reason, self.image.legend()).packets
    }

    fn counters(&self) -> CounterSnapshot {
        self.loaded.counters().expect("the map of a loaded program can be read")
    }

    /// Compares every counter there is, and the table of drops, with what was asked.
    ///
    /// # Panics
    /// When one differs.
    pub fn check_counters(&self) {
        let counters = self.counters();
        let undocumented: BTreeMap<u32, u64> =
            counters.undocumented().map(|(place, counter)| (place, counter.packets)).collect();
        assert_eq!(undocumented, self.undocumented, "undocumented ports by place");
        self.check_drops();
        let counted = (0..self.image.legend().slots())
            .map(|slot| (slot, counters.slot(slot).packets))
            .filter(|&(_, packets)| packets > 0);
        assert!(
            counted.clone().eq(self.expected.iter().map(|(&slot, &packets)| (slot, packets))),
            "the kernel counted (slot, packets) {:?}, and was asked to {:?}",
            counted.collect::<Vec<_>>(),
            self.expected
        );
    }

    /// Packets that were dropped and of which nothing is noted.
    ///
    /// # Panics
    /// When the table cannot be read.
    pub fn lost(&self) -> u64 {
        self.drops().tally.lost.packets
    }

    fn drops(&self) -> Epoch {
        self.loaded.drops().and_then(|drops| drops.read(0)).expect("the table can be read")
    }

    /// Whatever is noted was asked, and what is noted and what is lost are together all that was dropped.
    fn check_drops(&self) {
        let epoch = self.drops();
        let mut noted: BTreeMap<DropKey, u64> = BTreeMap::new();
        for entry in &epoch.entries {
            *noted.entry(entry.key).or_default() += entry.counter.packets;
        }
        let lost = epoch.tally.lost.packets;
        for (key, packets) in &noted {
            let dropped = self.dropped.get(key).copied().unwrap_or(0);
            assert!(
                *packets <= dropped && (lost > 0 || *packets == dropped),
                "{packets} packets are noted of {key:?}, and {dropped} were dropped; {lost} are lost"
            );
        }
        let sum = |packets: &BTreeMap<DropKey, u64>| packets.values().sum::<u64>();
        assert_eq!(sum(&noted) + lost, sum(&self.dropped), "what is noted and lost is what was dropped");
        assert_eq!(
            (noted.is_empty(), epoch.tally.told > 0),
            (self.dropped.is_empty(), !self.dropped.is_empty()),
            "the first drops are told"
        );
    }
}
