//! The real program in the real kernel, and the same verdict function natively, asked the same questions.

use std::{collections::BTreeMap, net::IpAddr, ops::Range};

use portguard::{
    compile::{Image, ImageInterface, Kernel, NativeTables, NoSockets, Node, compile},
    datapath::{Answer, CounterSnapshot, DatapathError, Epoch, Link, Loaded, Placement, TestRun, embedded},
    matrix::{Attach, Direction, Hook, Interface, Matrix, Mode, ZoneId},
};
use portguard_common::{
    Action, Arrival, Outcome, Reason,
    abi::{Counter, OUTBOUND_REASONS},
    decide,
    drops::{self, DropKey, Peer},
    outgoing,
};

use crate::sample::{NODE_V4, NODE_V6};

/// The kernel's number for the loopback interface of any network namespace.
const LOOPBACK: u32 = 1;

/// The addresses of the node in the sample packets.
const OWN: [IpAddr; 2] = [IpAddr::V4(NODE_V4), IpAddr::V6(NODE_V6)];

/// The program, loaded with an image, and the same image natively. Keeps account of what the counters must say.
pub struct Twin {
    image: Image,
    loaded: Loaded,
    arrival: Arrival,
    hook: Hook,
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

    /// The same at `hook`.
    ///
    /// # Panics
    /// When the kernel does not take the program.
    pub fn load_at(hook: Hook, matrix: &Matrix) -> Self {
        match hook {
            Hook::Xdp => Self::load(matrix),
            Hook::Tcx => Self::load(&at_tcx(matrix)),
            Hook::Egress | Hook::Clsact => Self::load_way(matrix, 0, Direction::Out),
        }
    }

    /// The same with every packet coming in by the `index`th interface of the site: test runs come in by the loopback
    /// interface, so that is what this interface is said to be.
    ///
    /// # Panics
    /// When the site has no such interface or the kernel does not take the program.
    pub fn load_on(matrix: &Matrix, index: usize) -> Self {
        Self::load_way(matrix, index, Direction::In)
    }

    /// The same on a node that sends on what is for others, where the namespace that the test runs in does.
    ///
    /// # Panics
    /// Likewise.
    pub fn load_router(matrix: &Matrix, index: usize) -> Self {
        Self::load_node(matrix, index, Direction::In, &Node::new(OWN.to_vec()).forwarding(true))
    }

    /// The same with every packet leaving by that interface, for a matrix that judges what leaves.
    ///
    /// # Panics
    /// Likewise.
    pub fn load_leaving(matrix: &Matrix, index: usize) -> Self {
        Self::load_way(matrix, index, Direction::Out)
    }

    fn load_way(matrix: &Matrix, index: usize, direction: Direction) -> Self {
        Self::load_node(matrix, index, direction, &Node::new(OWN.to_vec()))
    }

    fn load_node(matrix: &Matrix, index: usize, direction: Direction, node: &Node) -> Self {
        let object = embedded().expect("the tests are built with the eBPF object: cargo xtask test");
        let image = compile(matrix, node).expect("the matrix is small");
        let link = |(at, interface): (usize, &ImageInterface)| {
            let beyond = u32::try_from(at).expect("a site has few interfaces") + LOOPBACK + 1;
            let number = if at == index { LOOPBACK } else { beyond };
            let (name, arrival, attach) = (interface.name.clone(), interface.arrival(), interface.attach);
            Link {
                name,
                index: number,
                arrival,
                placement: Placement::In(attach),
                program: None,
                ethernet: true,
                by_pattern: false,
                parts: Vec::new(),
            }
        };
        let links: Vec<Link> = image.interfaces().iter().enumerate().map(link).collect();
        let interface = &image.interfaces()[index];
        let (arrival, hook, mode) = match direction {
            Direction::In => (interface.arrival(), interface.attach.hook(), matrix.mode),
            Direction::Out => {
                let departure = image.departure(interface).expect("the matrix judges what leaves");
                (departure, Hook::Egress, matrix.outbound.expect("likewise").mode)
            }
        };
        let loaded = Loaded::new(object, &image, &links).unwrap_or_else(|error| panic!("{error}: {error:?}"));
        Self {
            image,
            loaded,
            arrival,
            hook,
            expected: BTreeMap::new(),
            undocumented: BTreeMap::new(),
            dropped: BTreeMap::new(),
            observe: mode == Mode::Observe,
        }
    }

    /// How many bytes of `frame` may be in one piece when it is [asked about in several](Self::ask_split): at tcx the kernel
    /// has no such test run.
    pub fn splits(&self, frame: &[u8]) -> Range<usize> {
        match self.hook {
            Hook::Xdp => 14..frame.len().min(150),
            Hook::Tcx | Hook::Egress | Hook::Clsact => 0..0,
        }
    }

    /// Whether the kernel's test run takes `frame`. At tcx it has one buffer, a page less what goes before and behind, and
    /// what claims to be IP must have an IP header (of a tagged frame it looks no further than the tag).
    pub fn takes(&self, frame: &[u8]) -> bool {
        const BUFFER: usize = 3500;
        let header = match frame.get(12..14) {
            Some([0x08, 0x00]) => 20,
            Some([0x86, 0xdd]) => 40,
            _ => 0,
        };
        self.hook == Hook::Xdp || (14 + header..BUFFER).contains(&frame.len())
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
    pub fn ask_with(&mut self, frame: &[u8], kernel: impl Kernel) -> Outcome {
        let run = self.loaded.test_run(self.hook, frame, 1);
        self.compare(frame, kernel, run, 1)
    }

    /// The same for `count` copies of a frame, as fast as they can be asked.
    ///
    /// # Panics
    /// When kernel and native verdict differ.
    pub fn flood(&mut self, frame: &[u8], count: u32) -> Outcome {
        let run = self.loaded.test_run(self.hook, frame, count);
        self.compare(frame, NoSockets, run, count.into())
    }

    /// The same for a frame whose first `linear` bytes alone are in one piece. (The native verdict has one piece always.)
    ///
    /// # Panics
    /// When they differ, or the kernel cannot do this (before Linux 6.18).
    pub fn ask_split(&mut self, frame: &[u8], linear: usize) -> Outcome {
        self.ask_split_with(frame, linear, NoSockets)
    }

    /// The same where the namespace has sockets, which are made known to the native verdict.
    ///
    /// # Panics
    /// Likewise.
    pub fn ask_split_with(&mut self, frame: &[u8], linear: usize, kernel: impl Kernel) -> Outcome {
        let linear = u32::try_from(linear).expect("a frame is short");
        let run = self.loaded.test_run_split(frame, linear);
        self.compare(frame, kernel, run, 1)
    }

    fn compare(
        &mut self,
        frame: &[u8],
        kernel: impl Kernel,
        run: Result<TestRun, DatapathError>,
        count: u64,
    ) -> Outcome {
        let (native, peer) = match self.hook.direction() {
            Direction::In => {
                (decide(frame, self.arrival, &NativeTables::new(&self.image, kernel)), Peer::Source)
            }
            Direction::Out => {
                let tables = NativeTables::outbound(&self.image, kernel);
                (outgoing(frame, self.arrival, &tables), Peer::Destination)
            }
        };
        let run = run.unwrap_or_else(|error| panic!("{error}: {error:?}"));
        let expected = match native.reason.action() {
            Action::Drop if !self.observe => Answer::Drop,
            Action::Drop | Action::Pass => Answer::Pass,
        };
        assert_eq!(run.verdict, expected, "kernel and native differ on {frame:02x?}: {native:?}");
        self.expect(native, count);
        // What is about a connection that is gone is counted, and nothing else: it is no attack.
        if native.reason.action() == Action::Drop && native.reason != Reason::Stale {
            let key = drops::key(frame, peer, self.arrival, native.to_bits());
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
        let (own, by_port) = match self.hook.direction() {
            Direction::In => (reason as u32, Reason::SourceNotAdmitted),
            Direction::Out => (OUTBOUND_REASONS + reason as u32, Reason::DestinationNotAdmitted),
        };
        if ![Reason::Admitted, by_port].contains(&reason) {
            *self.expected.entry(own).or_default() += count;
        }
    }

    /// How many packets `reason` counted in the kernel.
    ///
    /// # Panics
    /// When the counters cannot be read.
    pub fn counted(&self, reason: Reason) -> u64 {
        self.counter(reason).packets
    }

    /// How many bytes those packets had.
    ///
    /// # Panics
    /// Likewise.
    pub fn counted_bytes(&self, reason: Reason) -> u64 {
        self.counter(reason).bytes
    }

    fn counter(&self, reason: Reason) -> Counter {
        self.counters().reason(self.hook.direction(), reason, self.image.legend())
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

/// `matrix` with its interfaces at tcx; a site without interfaces gets one, as those at XDP are not asked for theirs.
pub fn at_tcx(matrix: &Matrix) -> Matrix {
    let mut matrix = matrix.clone();
    if matrix.interfaces.is_empty() {
        let name = "eth0".to_owned();
        matrix.interfaces.push(Interface { name, zone: ZoneId::new(0), attach: Attach::Tcx, dhcp: false });
    }
    matrix.interfaces.iter_mut().for_each(|interface| interface.attach = Attach::Tcx);
    matrix
}
