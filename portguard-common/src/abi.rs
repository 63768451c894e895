//! The layout of what lives in maps: records, page sizes, map names. Host byte order, no padding.
//!
//! Each source, port and cell table is one flat array in a map of one element, a section of zeros in the object that the
//! loader makes as long as the image needs: the program reads it without a call. Counters are cut into pages.

use crate::{Reason, drops::DropKey};

/// Raised whenever a record, a page or the meaning of an index changes. A generation that was loaded by another
/// version can be told by it.
pub const ABI_VERSION: u32 = 12;

/// The names of the tables' and settings' symbols, of the maps and of the programs in the object.
pub mod names {
    /// [`PortEntry`](super::PortEntry)s.
    pub const PORTS: &str = "PORTS";
    /// The IPv4 source trie.
    pub const TRIE4: &str = "TRIE4";
    /// [`Entry6`](super::Entry6)s: the IPv6 source table.
    pub const TABLE6: &str = "TABLE6";
    /// Its [`Pilot6`](super::Pilot6)s.
    pub const PILOTS6: &str = "PILOTS6";
    /// Cells.
    pub const CELLS: &str = "CELLS";
    /// Pages of counters, one copy a CPU.
    pub const COUNTERS: &str = "COUNTERS";
    /// Interfaces by a hash of their index.
    pub const INTERFACES: &str = "INTERFACES";
    /// Pages of counters of undocumented ports, one copy after the other.
    pub const UNDOCUMENTED: &str = "UNDOCUMENTED";
    /// Two halves of [`DropBucket`](super::DropBucket)s, one copy a CPU.
    pub const DROPS: &str = "DROPS";
    /// [`DropTally`](super::DropTally)s of the two halves, one copy a CPU.
    pub const TALLIES: &str = "TALLIES";
    /// The section with the epoch, a number of 32 bits: its lowest bit says which half is written.
    pub const EPOCH: &str = ".bss.epoch";
    /// The ring buffer of [`DropEvent`](super::DropEvent)s.
    pub const EVENTS: &str = "EVENTS";
    /// The [`Settings`](super::Settings).
    pub const SETTINGS: &str = "SETTINGS";
    /// The XDP program.
    pub const PROGRAM: &str = "portguard";
    /// The tc program of what leaves.
    pub const EGRESS_PROGRAM: &str = "portguard_out";
    /// The tc program.
    pub const TC_PROGRAM: &str = "portguard_tcx";
}

/// The most bytes of a table: the verifier takes no greater offset into a map's element (`BPF_MAX_VAR_OFF` of
/// `kernel/bpf/verifier.c`).
pub const MAX_TABLE_BYTES: usize = (1 << 29) - 1;

/// What the matrix says about one port: where its row of cells and its counters are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct PortEntry {
    /// The first of the port's counters: refused, unanswered, then one for each rule of the row. Ports that no rule names
    /// share those of their zone, of which only the rules' ever count.
    pub slot: u32,
    /// The index of the row's first cell. 0 is the row of the ports that no rule names: its cells are read with
    /// [`Settings::failsafe`] alone, and admit the failsafe groups.
    pub cells: u32,
}

/// Where the counters of outbound packets' reasons begin, with [`Settings::outbound`]; those of inbound ones begin at 0.
#[expect(
    clippy::cast_possible_truncation,
    reason = "there are no more than a discriminant of one byte can tell apart"
)]
pub const OUTBOUND_REASONS: u32 = Reason::ALL.len() as u32;

/// Where each protocol's entries begin, within the port table of one zone. With [`Settings::outbound`] the same zones come
/// once more, for what leaves: [`Settings::outbound_zones`] zones further.
pub mod port_entries {
    /// Destination ports of TCP.
    pub const TCP: u32 = 0;
    /// Destination ports of UDP.
    pub const UDP: u32 = 0x1_0000;
    /// Destination ports of SCTP.
    pub const SCTP: u32 = 0x2_0000;
    /// ICMP types for IPv4.
    pub const ICMPV4: u32 = 0x3_0000;
    /// ICMP types for IPv6.
    pub const ICMPV6: u32 = ICMPV4 + 0x100;
    /// IP protocols by number.
    pub const PROTOCOL: u32 = ICMPV6 + 0x100;
    /// Later fragments by IP protocol; index [`FRAGMENT`](crate::wire::protocol::FRAGMENT) stands for "any protocol",
    /// for IPv6, whose later fragments don't tell theirs.
    pub const FRAGMENTS: u32 = PROTOCOL + 0x100;
    /// The entries of one zone.
    pub const PER_ZONE: u32 = FRAGMENTS + 0x100;
}

/// In [`Settings::arrival`]: interfaces differ. No port table has such a zone.
pub const ARRIVAL_DIFFERS: u32 = u32::MAX;

/// The entries at the root of the IPv4 trie, one for each value of an address's first 16 bits.
pub const TRIE_ROOT: usize = 1 << 16;
/// The entries of every other node of the trie, one for each value of the next octet.
pub const TRIE_FANOUT: usize = 256;
/// The entries of the nodes for half of the last octet.
pub const TRIE_NARROW_FANOUT: usize = 16;
/// In an entry of the trie: it holds a [`TRIE_INDEX`]. Without it: the source's class.
pub const TRIE_NODE_BIT: u32 = 1 << 31;
/// Beside that: the node there has [`TRIE_NARROW_FANOUT`] entries, for half of the last octet.
pub const TRIE_NARROW_BIT: u32 = 1 << 30;
/// The index of the first entry of the node for the next octet, or half of one.
pub const TRIE_INDEX: u32 = TRIE_NARROW_BIT - 1;

/// An entry of the IPv6 table: a prefix, and the class of an address whose longest match it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Entry6 {
    /// The prefix's first 64 bits, in network order as all halves here ([`ipv6::Address`](crate::wire::ipv6::Address)).
    pub high: u64,
    /// Its last 64 bits.
    pub low: u64,
    /// The class.
    pub class: u32,
    /// Which of the table's prefix lengths it has: its index among them, plus 1; 0 for an empty place.
    pub tag: u32,
}

impl Entry6 {
    /// What a place without an entry holds.
    pub const EMPTY: Self = Self { high: 0, low: 0, class: 0, tag: 0 };
}

/// One of the prefix lengths of the IPv6 table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Length6 {
    /// The mask's first 64 bits, in network order.
    pub high: u64,
    /// Its last 64 bits.
    pub low: u64,
    /// An odd number that the keys of this length are hashed with ([`Hash6`](crate::tables::Hash6)).
    pub multiplier: u64,
}

impl Length6 {
    /// What a place without a length holds.
    pub const EMPTY: Self = Self { high: 0, low: 0, multiplier: 1 };
}

/// What was found for the few keys that share it, when the image was compiled: with it each of them hashes to a place that no other
/// key has ([`Hash6`](crate::tables::Hash6)).
pub type Pilot6 = u8;

/// A cell, `row + class`, says which rule of the row admits the class: 0 none, else its ordinal from 1.
pub type Cell = u16;

/// Packets and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Counter {
    /// Packets.
    pub packets: u64,
    /// Bytes on the wire, without preamble and checksum. Padding beyond a frame's first buffer (a page, about) may be left
    /// out.
    pub bytes: u64,
}

/// The counters to a page.
pub const COUNTERS_PER_PAGE: u32 = 256;
/// Counters one after the other.
pub type Counters = [Counter; COUNTERS_PER_PAGE as usize];

/// A page of counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct CounterPage {
    /// Its counters.
    pub counters: Counters,
    /// Of the drops that were counted in this page, those beyond [`NOTES_PER_TICK`], by the half of the table of drops that was
    /// written then. They only grow, as counters do; [`DropTally::unnoted_before`] is what there was when a half was cleared.
    pub unnoted: [Counter; 2],
}

/// The offsets of a documented port's counters from its [`PortEntry::slot`]. Before them all stand the counters of the
/// reasons, by discriminant, and with [`Settings::outbound`] once more from [`OUTBOUND_REASONS`] on. Whether what was to be dropped was dropped depends on the generation's mode.
pub mod port_slots {
    /// Packets from sources, or outbound to destinations, that no rule admits. The reason's own counter is the sum of these.
    pub const REFUSED: u32 = 0;
    /// Packets to the port that drop for another reason, which counts them too.
    pub const UNANSWERED: u32 = 1;
    /// Packets that the row's first rule admitted; those of the other rules follow. The reason's own counter is the sum of
    /// these.
    pub const ADMITTED: u32 = 2;
}

/// The buckets of one half of the table of drops, on each CPU: a power of two.
pub const DROP_BUCKETS: u32 = 512;
/// The places of one bucket.
pub const DROPS_PER_BUCKET: usize = 2;

/// A place in the table of drops: packets of one kind. Times are nanoseconds of `CLOCK_MONOTONIC`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct DropEntry {
    /// Their kind.
    pub key: DropKey,
    /// How many there were; no packet: the place is empty.
    pub counter: Counter,
    /// When the first came.
    pub first: u64,
    /// When the last came.
    pub last: u64,
    /// Packets that had no place for its sake.
    pub against: u32,
    /// The tick in which the last came ([`Clock::tick`](crate::drops::Clock::tick)).
    pub tick: u32,
}

/// A bucket of the table of drops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct DropBucket {
    /// Its places.
    pub entries: [DropEntry; DROPS_PER_BUCKET],
}

/// What one half of the table of drops does not say, and what became of its events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct DropTally {
    /// Packets that found no place in the table, or lost it. Together with those that were never tried
    /// ([`CounterPage::unnoted`]) they are all that the table does not tell of.
    pub lost: Counter,
    /// Events that were handed to the ring buffer.
    pub told: u64,
    /// Events that were not made, since too many had been within a moment.
    pub withheld: u64,
    /// Events for which the ring buffer had no room.
    pub unheard: u64,
    /// The moment in which events were made last, in units of 2^30 ns.
    pub moment: u64,
    /// How many were made in it.
    pub in_moment: u64,
    /// What had been counted as [`CounterPage::unnoted`] in this half before its epoch began. Written by userspace alone, and all in
    /// one CPU's tally.
    pub unnoted_before: Counter,
}

/// The most events that one CPU makes within 2^30 ns, a second or so.
pub const EVENTS_PER_MOMENT: u64 = 64;
/// The most drops that are noted within a tick of the kernel's clock, by all CPUs together: with 250 ticks a second, a quarter of a
/// million a second. What drops beyond that is counted as lost to the table, so that a flood is dropped at the speed of counting.
pub const NOTES_PER_TICK: u32 = 1024;
/// The bytes of the ring buffer: a power of two, and whole pages of any machine.
pub const EVENT_BYTES: u32 = 1 << 16;

/// The first packet of a kind was dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct DropEvent {
    /// Its kind.
    pub key: DropKey,
    /// When, in nanoseconds of `CLOCK_MONOTONIC`.
    pub at: u64,
    /// Its bytes.
    pub bytes: u64,
    /// Who sent it, if it was to leave.
    pub sender: Sender,
}

/// Who has opened the socket that a packet comes from, as the kernel tells it of packets that leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Sender {
    /// The number of its cgroup in the unified hierarchy (`bpf_skb_cgroup_id`); 0: no socket of a process.
    pub cgroup: u64,
    /// The user's number in the network's user namespace (`bpf_get_socket_uid`).
    pub user: u32,
    /// Zero; it makes up a whole word.
    pub unused: u32,
}

/// The places of the counters of undocumented ports, those of all zones together.
pub mod undocumented {
    /// Destination ports of TCP.
    pub const TCP: u32 = 0;
    /// Destination ports of UDP.
    pub const UDP: u32 = 0x1_0000;
    /// ICMP types for IPv4.
    pub const ICMPV4: u32 = 0x2_0000;
    /// ICMP types for IPv6.
    pub const ICMPV6: u32 = ICMPV4 + 0x100;
    /// How many there are.
    pub const COUNT: u32 = ICMPV6 + 0x100;
    /// The same places for what leaves, with [`Settings::outbound`](super::Settings::outbound), begin here.
    pub const OUT: u32 = COUNT;
    /// The pages that those of one direction fill.
    pub const PAGES: u32 = COUNT / super::COUNTERS_PER_PAGE;
    /// The most copies that there are of them: CPUs share one where there are more, or the counters of a large machine
    /// would fill its memory.
    pub const MOST_COPIES: u32 = 8;
}

/// The class of a source that is in no group.
pub const CLASS_NONE: u32 = 0;
/// The class of the node's own addresses.
pub const CLASS_OWN: u32 = 1;
/// The first class that stands for a set of groups.
pub const CLASS_FIRST: u32 = 2;

/// The most distinct prefix lengths of IPv6: 1 to 128.
pub const MAX_LENGTHS6: usize = 128;

/// One interface that the program is attached to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct InterfaceEntry {
    /// Its index in the kernel; 0 for an empty place.
    pub index: u32,
    /// What is known of a packet that comes in by it ([`Arrival::to_bits`](crate::Arrival::to_bits)).
    pub arrival: u32,
}

/// What holds for every packet of a generation. Read-only data of the program, so that the verifier takes out what a
/// site doesn't use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Settings {
    /// The entries of the port table.
    pub ports: u32,
    /// The entries of the IPv4 trie.
    pub trie4: u32,
    /// The number of cells.
    pub cells: u32,
    /// The class of IPv6 sources that match no prefix.
    pub default_class6: u32,
    /// What a number of 64 bits is shifted by to become the index of a place of the IPv6 table: there are 2^(64 - this).
    pub place_shift6: u32,
    /// The same of its pilots.
    pub pilot_shift6: u32,
    /// How many of `lengths6` are used.
    pub length_count6: u32,
    /// The length of the interface table less one (a power of two less one) when interfaces differ; else unused.
    pub interface_mask: u32,
    /// The number of copies of the counters of undocumented ports less one; the number is a power of two.
    pub copy_mask: u32,
    /// What is known of a packet from any interface ([`Arrival::to_bits`](crate::Arrival::to_bits)), where all have the same zone
    /// and the same DHCP; else [`ARRIVAL_DIFFERS`], and the interface is looked up.
    pub arrival: u32,
    /// With `outbound`: how many zones there are. As many zones further in the port table as this, a zone's entries for what
    /// leaves stand.
    pub outbound_zones: u32,
    /// 1 when inbound drops are only counted.
    pub observe: u8,
    /// 1 when undocumented traffic comes in.
    pub posture_pass: u8,
    /// 1 when it is noted who was dropped.
    pub details: u8,
    /// 1 when there are failsafe groups, which ports that no rule names admit, too.
    pub failsafe: u8,
    /// 1 when what leaves is judged: there are outbound entries and counters.
    pub outbound: u8,
    /// 1 when outbound drops are only counted.
    pub outbound_observe: u8,
    /// 1 when undocumented traffic leaves.
    pub outbound_posture_pass: u8,
    /// 1 when what no rule admits comes in where the node sends it on to others.
    pub transit: u8,
    /// 1 when later fragments come in from anybody.
    pub fragments_pass: u8,
    /// Zeros; they make up a whole word.
    pub unused: [u8; 3],
    /// The distinct prefix lengths of the IPv6 table, in the order of a heap: the `n`th, from 1, has the shorter lengths below the
    /// `2n`th and the longer ones below the one after that.
    pub lengths6: [Length6; MAX_LENGTHS6],
}

impl Settings {
    /// Settings of tables without an entry but the two empty places and pilots that IPv6's have at least.
    pub const EMPTY: Self = Self {
        ports: 0,
        trie4: 0,
        cells: 0,
        default_class6: CLASS_NONE,
        place_shift6: 63,
        pilot_shift6: 63,
        length_count6: 0,
        interface_mask: 0,
        copy_mask: 0,
        arrival: 0,
        outbound_zones: 0,
        observe: 0,
        posture_pass: 0,
        details: 0,
        failsafe: 0,
        outbound: 0,
        outbound_observe: 0,
        outbound_posture_pass: 0,
        transit: 0,
        fragments_pass: 0,
        unused: [0; 3],
        lengths6: [Length6::EMPTY; MAX_LENGTHS6],
    };
}

// No padding: userspace hands these to the kernel as bytes.
const _: () = {
    assert!(size_of::<PortEntry>() == 8);
    assert!(size_of::<Entry6>() == 24);
    assert!(size_of::<Counter>() == 16);
    assert!(size_of::<InterfaceEntry>() == 8);
    assert!(size_of::<DropKey>() == 24);
    assert!(size_of::<DropEntry>() == 64);
    assert!(size_of::<DropTally>() == 72);
    assert!(size_of::<Sender>() == 16);
    assert!(size_of::<DropEvent>() == 56);
    assert!(size_of::<CounterPage>() == (COUNTERS_PER_PAGE as usize + 2) * size_of::<Counter>());
    assert!(undocumented::COUNT.is_multiple_of(COUNTERS_PER_PAGE));
    assert!(undocumented::MOST_COPIES.is_power_of_two());
    assert!(DROP_BUCKETS.is_power_of_two());
    assert!(size_of::<Settings>() == 56 + 24 * MAX_LENGTHS6);
};
