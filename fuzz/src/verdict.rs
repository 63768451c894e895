//! What must hold of the verdict, whatever frame and tables it is given: no panic, however the tables contradict
//! themselves; one answer, whether the shortcut, the long way or its second reading gives it; and a tag changes nothing.
//!
//! The tables are made up too: [`HEADER`] bytes of the input, each of which stands for many entries, so that every way
//! through a look-up is met often. The frame follows.

use portguard_common::{
    Action, Arrival, Outcome, Reason,
    abi::{Cell, Entry6, Length6, Pilot6, PortEntry, TRIE_NARROW_BIT, TRIE_NODE_BIT, undocumented},
    decide, general, outgoing, plain,
    tables::{Flow, OutboundTables, SocketState, SourceAddress, Tables},
    unless_transit,
    wire::{Frame, FromBytes, ipv6},
};

/// A byte each: the posture with the arrival and failsafe groups, the shape of the IPv6 table, sockets, where the frame is split; then the
/// arrays of [`Made`].
const HEADER: usize = 4 + LENGTHS + 16 + 3 * PLACES + 2 * PORTS + ROOTS + NODES + CELLS;
const LENGTHS: usize = 4;
const PLACES: usize = 4;
const PORTS: usize = 8;
const ROOTS: usize = 8;
const NODES: usize = 8;
const CELLS: usize = 8;
/// The first 14 bytes of a frame are always in its first piece, or the driver would not know what it is.
const LEAST_LINEAR: usize = 14;
/// Where a tag goes: behind the two addresses.
const TAG_AT: usize = 12;

/// Tables out of a few bytes. An index beyond an array begins again at its front.
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
struct Made {
    posture_pass: bool,
    transit: bool,
    fragments_pass: bool,
    failsafe: bool,
    arrival: Arrival,
    default_class6: u32,
    length_count6: u32,
    place_shift6: u32,
    /// What sockets there are follows from the ports and this.
    sockets: u8,
    masks6: [u128; LENGTHS],
    places: [Entry6; PLACES],
    pilots: [Pilot6; PLACES],
    ports: [PortEntry; PORTS],
    roots: [u32; ROOTS],
    nodes: [u32; NODES],
    cells: [Cell; CELLS],
}

impl Made {
    fn new(header: &[u8; HEADER]) -> Self {
        let mut bytes = header.iter().skip(1).copied();
        let mut next = || bytes.next().expect("as many as are asked for");
        let [about, shape, sockets] = [header[0], next(), next()];
        // The split is not the tables'.
        next();
        let masks6 = std::array::from_fn(|_| u128::MAX << (next() & 127));
        let site = u128::from_be_bytes(std::array::from_fn(|_| next()));
        let mut pilots = [0; PLACES];
        let places = pilots.each_mut().map(|pilot| {
            let [tag, class] = [next(), next()];
            *pilot = next();
            let [high, low] = halves(site & masks6[usize::from(tag.wrapping_sub(1)) % LENGTHS]);
            Entry6 { high, low, class: (class & 15).into(), tag: (tag & 7).into() }
        });
        // Of an image one thing is sure: its counters have numbers, and those of the reasons come first.
        let ports = std::array::from_fn(|_| PortEntry {
            slot: u32::try_from(Reason::ALL.len()).expect("there are few") + u32::from(next()),
            cells: next().into(),
        });
        let mut trie = || {
            let byte = next();
            let node = match byte >> 6 {
                0 | 1 => 0,
                2 => TRIE_NODE_BIT,
                _ => TRIE_NODE_BIT | TRIE_NARROW_BIT,
            };
            node | u32::from(byte & 0x0f)
        };
        let (roots, nodes) = (std::array::from_fn(|_| trie()), std::array::from_fn(|_| trie()));
        let cells = std::array::from_fn(|_| Cell::from(next()));
        Self {
            posture_pass: about & 1 == 1,
            transit: about & 64 == 64,
            fragments_pass: about & 128 == 128,
            failsafe: about & 32 == 32,
            arrival: Arrival::new(u16::from(about >> 2 & 3), about & 2 == 2),
            default_class6: (shape >> 4).into(),
            length_count6: (shape & 7).into(),
            place_shift6: if shape & 8 == 0 { 63 } else { 62 },
            sockets,
            masks6,
            places,
            pilots,
            ports,
            roots,
            nodes,
            cells,
        }
    }

    fn state<A: SourceAddress>(&self, flow: &Flow<A>) -> u8 {
        let [ports, peer] = [flow.ports.destination(), flow.ports.source()].map(|port| port.to_be_bytes()[1]);
        (ports ^ peer ^ self.sockets) & 15
    }
}

fn halves(key: u128) -> [u64; 2] {
    ipv6::address(key.to_be_bytes())
}

impl Tables for Made {
    fn posture_pass(&self) -> bool {
        self.posture_pass
    }

    fn failsafe(&self) -> bool {
        self.failsafe
    }

    fn default_class6(&self) -> u32 {
        self.default_class6
    }

    fn place_shift6(&self) -> u32 {
        self.place_shift6
    }

    fn pilot_shift6(&self) -> u32 {
        self.place_shift6
    }

    fn length_count6(&self) -> u32 {
        self.length_count6
    }

    fn length6(&self, index: u32) -> Option<Length6> {
        let [high, low] = halves(*self.masks6.get(index as usize)?);
        Some(Length6 { high, low, multiplier: 0x9e37_79b9_7f4a_7c15 })
    }

    fn port(&self, index: u32) -> Option<PortEntry> {
        // No entry of the last zone: it is not there.
        (index >> 18 < 3).then(|| self.ports[index as usize % PORTS])
    }

    fn root4(&self, high: u16) -> Option<u32> {
        Some(self.roots[usize::from(high) % ROOTS])
    }

    fn trie4(&self) -> impl Fn(u32) -> Option<u32> {
        |index| Some(self.nodes[index as usize % NODES])
    }

    fn pilot6(&self, index: usize) -> Option<Pilot6> {
        self.pilots.get(index).copied()
    }

    fn entry6(&self, index: usize) -> Option<&Entry6> {
        self.places.get(index)
    }

    fn cell(&self, index: u32) -> Option<Cell> {
        self.cells.get(index as usize % (2 * CELLS)).copied()
    }

    fn fragments_pass(&self) -> bool {
        self.fragments_pass
    }

    fn transit(&self) -> bool {
        self.transit
    }

    fn forwards<A: SourceAddress>(&self, _source: A, _destination: A) -> bool {
        self.sockets & 32 == 32
    }

    fn tcp_socket<A: SourceAddress>(&self, flow: &Flow<A>) -> Option<SocketState> {
        Some(self.state(flow)).filter(|&state| state > 0).map(|state| SocketState(state.into()))
    }

    fn tcp_listener<A: SourceAddress>(&self, flow: &Flow<A>) -> bool {
        self.state(flow) & 4 == 4
    }

    fn udp_socket<A: SourceAddress>(&self, flow: &Flow<A>) -> Option<SocketState> {
        self.tcp_socket(flow)
    }

    fn udp_listener<A: SourceAddress>(&self, flow: &Flow<A>) -> bool {
        self.tcp_listener(flow)
    }
}

impl OutboundTables for Made {
    fn zones(&self) -> u32 {
        (self.sockets & 3).into()
    }

    fn observes_inbound(&self) -> bool {
        self.sockets & 16 == 16
    }
}

/// A frame of which only the first bytes can be read at once, as the program reads it first.
struct FirstPiece<'a> {
    frame: &'a [u8],
    len: usize,
}

impl Frame for FirstPiece<'_> {
    fn at<T: FromBytes>(&self, offset: usize) -> Option<T> {
        self.frame[..self.len].at(offset)
    }

    fn has(&self, end: usize) -> bool {
        self.frame.has(end)
    }

    fn copy(&self, offset: usize, len: usize, to: &mut [u8]) -> bool {
        self.frame.copy(offset, len, to)
    }
}

/// A frame has one outcome, whichever way it is read.
pub fn verdict(input: &[u8]) {
    let Some((header, frame)) = input.split_first_chunk() else { return };
    let tables = &Made::new(header);
    let whole = general(frame, tables.arrival, tables);
    is_consistent(whole, tables);
    leaves(frame, tables);
    if let Some(short) = plain(frame, || Some(tables.arrival), tables) {
        assert_eq!(short.verdict(frame, tables), whole, "the shortcut is none");
    }
    let decided = decide(frame, tables.arrival, tables);
    assert_eq!(decided, unless_transit(frame, whole, tables));
    if decided != whole {
        let drops = whole.reason.action() == Action::Drop && whole.reason.may_be_transit();
        assert!(
            tables.transit && drops && decided == Outcome::of(Reason::Transit),
            "{whole:?} -> {decided:?}"
        );
    }
    if frame.len() < LEAST_LINEAR {
        return;
    }
    in_pieces(frame, frame.len().min(LEAST_LINEAR + usize::from(header[3])), tables, whole);
    let (addresses, rest) = frame.split_at(TAG_AT);
    let tagged = general(&[addresses, &[0x81, 0, 0, 7], rest].concat()[..], tables.arrival, tables);
    if tagged.reason != Reason::VlanDepth {
        assert_eq!(tagged, whole, "a tag makes it another");
    }
}

/// A reason that only a documented port's counters count comes with one, and no counter is a reason's. What the posture
/// passes, it passes where it is one that does.
fn is_consistent(outcome: Outcome, tables: &Made) {
    let first = tables.ports.iter().map(|port| port.slot).min().expect("there are some");
    match outcome.slot() {
        Some(slot) => assert!(slot >= first, "{outcome:?} counts as a reason"),
        None => assert!(!outcome.reason.is_counted_by_port(), "{outcome:?} is not counted"),
    }
    let by_posture = matches!(
        outcome.reason,
        Reason::UndocumentedPassed | Reason::ProtocolPassed | Reason::EtherTypePassed
    );
    assert!(tables.posture_pass || !by_posture, "{outcome:?} under posture drop");
}

/// A frame that leaves is counted as one, and a tag makes it no other.
fn leaves(frame: &[u8], tables: &Made) {
    let whole = outgoing(frame, tables.arrival, tables);
    assert_ne!(whole.reason, Reason::SourceNotAdmitted, "{whole:?} came in");
    if whole.reason.is_counted_by_port_outbound() {
        assert!(whole.slot().is_some(), "{whole:?} is not counted");
    }
    if let Some(place) = whole.undocumented_place() {
        assert!(place >= undocumented::OUT, "{whole:?} is counted as one that comes in");
    }
    if let Some((addresses, rest)) = frame.split_at_checked(TAG_AT) {
        let tagged = outgoing(&[addresses, &[0x81, 0, 0, 7], rest].concat()[..], tables.arrival, tables);
        if tagged.reason != Reason::VlanDepth {
            assert_eq!(tagged, whole, "a tag makes it another");
        }
    }
}

/// As the program does it: from the first piece, and only if that cannot tell, from all of them.
fn in_pieces(frame: &[u8], len: usize, tables: &Made, whole: Outcome) {
    if let Some(short) = plain(&frame[..len], || Some(tables.arrival), tables) {
        assert_eq!(
            short.verdict(&frame[..len], tables),
            whole,
            "the shortcut is none for the first {len} bytes"
        );
    }
    let first = general(&FirstPiece { frame, len }, tables.arrival, tables);
    if !first.reason.is_unreadable() {
        assert_eq!(first, whole, "the first {len} bytes tell another story");
    }
}
