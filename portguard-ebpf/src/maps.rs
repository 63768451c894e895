//! Where the tables are: the maps of one generation. Userspace sets their lengths when it loads the program.

#![expect(
    unsafe_code,
    reason = "tables and settings are read through raw pointers, so that the compiler can't fold them"
)]

use core::{arch::asm, hint::assert_unchecked, ptr};

use aya_ebpf::{
    btf_maps::{Array, PerCpuArray, RingBuf},
    helpers::generated::bpf_get_smp_processor_id,
    macros::btf_map,
};
use portguard_common::{
    Arrival,
    abi::{
        ARRIVAL_DIFFERS, COUNTERS_PER_PAGE, Cell, CounterPage, Counters, DROP_BUCKETS, DropBucket, DropEvent,
        DropTally, EVENT_BYTES, Entry6, InterfaceEntry, Length6, MAX_LENGTHS6, Pilot6, PortEntry, Settings,
        undocumented,
    },
    tables::{self, Flow, OutboundTables, SocketState, SourceAddress, Tables},
};

use crate::{
    context::{Context, Skb, Xdp},
    frame::forgotten,
    hide::sum,
    socket, transit,
};

/// Not to be written by programs; the kernel checks it.
const READ_ONLY: usize = aya_ebpf::bindings::BPF_F_RDONLY_PROG as usize;

#[btf_map]
static INTERFACES: Array<InterfaceEntry, 1, READ_ONLY> = Array::new();
#[btf_map]
pub(crate) static COUNTERS: PerCpuArray<CounterPage, 1> = PerCpuArray::new();

#[btf_map]
static UNDOCUMENTED: Array<Counters, 1> = Array::new();
#[btf_map]
pub(crate) static DROPS: PerCpuArray<DropBucket, { 2 * DROP_BUCKETS as usize }> = PerCpuArray::new();
#[btf_map]
pub(crate) static TALLIES: PerCpuArray<DropTally, 2> = PerCpuArray::new();
#[btf_map]
pub(crate) static EVENTS: RingBuf<DropEvent, { EVENT_BYTES as usize }> = RingBuf::new();

/// A table: entries one after the other in a map's only element. It has one entry here; the loader makes the section as
/// long as the image needs, and [`SETTINGS`] tells the program how long that is.
#[repr(transparent)]
struct Table<T>(T);

// SAFETY: written by userspace alone, before the program is attached; the program only reads.
unsafe impl<T> Sync for Table<T> {}

impl<T> Table<T> {
    /// The entry at `index`.
    ///
    /// # Safety
    /// The table has more than `index` entries. The verifier, which knows the length of the map and the values of the
    /// settings, refuses a program that can't show it.
    #[inline(always)]
    unsafe fn entry(&self, index: usize) -> *const T {
        // Hidden, since the compiler takes the object for one entry.
        let entry = sum((&raw const self.0).expose_provenance(), index * size_of::<T>());
        ptr::with_exposed_provenance(entry)
    }
}

macro_rules! tables {
    ($($name:ident: $entry:ident = $empty:expr, $section:literal;)*) => {
        $(
            #[unsafe(no_mangle)]
            #[unsafe(link_section = $section)]
            static $name: Table<$entry> = Table($empty);
        )*
    };
}

type TrieEntry = u32;

tables! {
    PORTS: PortEntry = PortEntry { slot: 0, cells: 0 }, ".bss.ports";
    TRIE4: TrieEntry = 0, ".bss.trie4";
    TABLE6: Entry6 = Entry6::EMPTY, ".bss.table6";
    PILOTS6: Pilot6 = 0, ".bss.pilots6";
    CELLS: Cell = 0, ".bss.cells";
}

/// Written by userspace before the program is loaded, read-only from then on: the verifier knows the values and takes
/// out the code that a site doesn't use.
#[unsafe(no_mangle)]
static SETTINGS: Settings = Settings::EMPTY;

/// Written by userspace whenever it wants to read the half of the table of drops that is written now; read without a call.
#[unsafe(no_mangle)]
#[unsafe(link_section = ".bss.epoch")]
static mut EPOCH: u32 = 0;

/// The half of the table of drops that is written now.
#[inline(always)]
pub(crate) fn half() -> u32 {
    // SAFETY: the static is live and aligned, and this program does not write it; volatile, since userspace does.
    unsafe { (&raw const EPOCH).read_volatile() & 1 }
}

macro_rules! setting {
    ($field:ident) => {
        // SAFETY: a reference to a live static is valid and aligned; volatile, since the loader changes the bytes
        // behind the compiler's back.
        unsafe { ptr::read_volatile(&raw const SETTINGS.$field) }
    };
}

/// `shift`, of which the compiler knows then that it need not take the remainder itself: the instruction does.
#[inline(always)]
fn below_64(shift: u32) -> u32 {
    // SAFETY: what compiles the settings that the loader writes shifts by 40 to 63.
    unsafe { assert_unchecked(shift < u64::BITS) };
    shift
}

/// Whether drops are only counted.
#[inline(always)]
pub(crate) fn observe<C: Context>() -> bool {
    if C::OUTBOUND { setting!(outbound_observe) != 0 } else { setting!(observe) != 0 }
}

/// Whether what no rule admits comes in where the node sends it on to others.
#[inline(always)]
pub(crate) fn transit<C: Context>() -> bool {
    !C::OUTBOUND && setting!(transit) != 0
}

/// Counts one packet of `bytes` to the undocumented port with this place. Exported, so that the verifier takes it by itself.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn count_undocumented(place: u32, bytes: u64) -> u32 {
    // SAFETY: the helper takes nothing and returns a number.
    let copy = unsafe { bpf_get_smp_processor_id() } & setting!(copy_mask);
    // A copy has the places of what leaves, too, where that is judged.
    let pages = undocumented::PAGES << (setting!(outbound) & 1);
    let page = copy * pages + place / COUNTERS_PER_PAGE;
    let Some(page) = UNDOCUMENTED.get_ptr_mut(page) else { return 0 };
    // SAFETY: the index is within the page.
    let counter = unsafe { (*page).as_mut_ptr().add((place % COUNTERS_PER_PAGE) as usize) };
    // SAFETY: both fields are aligned, as records of maps are; other CPUs reach them in this way alone.
    unsafe {
        atomic_add(&raw mut (*counter).packets, 1);
        atomic_add(&raw mut (*counter).bytes, bytes);
    }
    0
}

/// Adds to a number that other CPUs add to at the same time. `core` has nothing for this target.
///
/// # Safety
/// The pointer is to an aligned number in a map, which everybody else reaches by single instructions too.
#[inline(always)]
unsafe fn atomic_add(to: *mut u64, what: u64) {
    // SAFETY: the caller vouches for the pointer; nothing else is touched.
    unsafe {
        asm!("lock *(u64 *)({0} + 0) += {1}", in(reg) to, in(reg) what, options(nostack, preserves_flags));
    }
}

/// Whether it is noted who was dropped.
#[inline(always)]
pub(crate) fn details() -> bool {
    setting!(details) != 0
}

/// The zone that the packet came in by, or leaves by. `None`: the interface is not in the table.
#[inline(always)]
pub(crate) fn arrival<C: Context>(context: C) -> Option<Arrival> {
    let arrival = interface(context)?;
    Some(if C::OUTBOUND { arrival.departing(setting!(outbound_zones)) } else { arrival })
}

#[inline(always)]
fn interface<C: Context>(context: C) -> Option<Arrival> {
    let arrival = setting!(arrival);
    if arrival != ARRIVAL_DIFFERS {
        return Some(Arrival::from_bits(arrival));
    }
    let index = context.interface();
    let entry = INTERFACES.get(index & setting!(interface_mask))?;
    (entry.index == index).then_some(Arrival::from_bits(entry.arrival))
}

/// The tables of this generation. `CALL`: sources are looked up by functions of their own.
pub(crate) struct Maps<C, const CALL: bool> {
    context: C,
}

/// For the frames that nearly all are.
pub(crate) type Inlined<C> = Maps<C, false>;
/// For the others: what is a call is verified once, and not once for each way that leads to it.
pub(crate) type Called<C> = Maps<C, true>;

impl<C: Context, const CALL: bool> Maps<C, CALL> {
    #[inline(always)]
    pub(crate) fn new(context: C) -> Self {
        Self { context }
    }
}

/// What the functions below return for tables that contradict themselves: no class.
const DAMAGED: u32 = u32::MAX;

#[inline(always)]
fn is_class(class: &u32) -> bool {
    *class != DAMAGED
}

/// The class of an IPv4 source. Exported, so that the verifier takes it by itself ("global" functions); likewise below.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn source_class4(address: u32) -> u32 {
    tables::class4(&Inlined::new(Xdp::none()), address).unwrap_or(DAMAGED)
}

/// The class of an IPv6 source.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn source_class6(high: u64, low: u64) -> u32 {
    tables::class6(&Inlined::new(Xdp::none()), high, low).unwrap_or(DAMAGED)
}

impl<C: Context, const CALL: bool> Tables for Maps<C, CALL> {
    #[inline(always)]
    fn posture_pass(&self) -> bool {
        if C::OUTBOUND { setting!(outbound_posture_pass) != 0 } else { setting!(posture_pass) != 0 }
    }

    #[inline(always)]
    fn failsafe(&self) -> bool {
        setting!(failsafe) != 0
    }

    #[inline(always)]
    fn default_class6(&self) -> u32 {
        setting!(default_class6)
    }

    #[inline(always)]
    fn place_shift6(&self) -> u32 {
        below_64(setting!(place_shift6))
    }

    #[inline(always)]
    fn pilot_shift6(&self) -> u32 {
        below_64(setting!(pilot_shift6))
    }

    #[inline(always)]
    fn length_count6(&self) -> u32 {
        setting!(length_count6)
    }

    #[inline(always)]
    fn length6(&self, index: u32) -> Option<Length6> {
        let lengths = &raw const SETTINGS.lengths6;
        // SAFETY: the remainder is within the array.
        let length = unsafe { lengths.cast::<Length6>().add(index as usize % MAX_LENGTHS6) };
        // SAFETY: the fields of one entry, which is live and aligned; volatile as above.
        Some(unsafe {
            Length6 {
                high: (&raw const (*length).high).read_volatile(),
                low: (&raw const (*length).low).read_volatile(),
                multiplier: (&raw const (*length).multiplier).read_volatile(),
            }
        })
    }

    #[inline(always)]
    fn port(&self, index: u32) -> Option<PortEntry> {
        // SAFETY: the setting is the table's length.
        (index < setting!(ports)).then(|| unsafe { *PORTS.entry(index as usize) })
    }

    #[inline(always)]
    fn root4(&self, high: u16) -> Option<u32> {
        // SAFETY: a trie has 2^16 entries at least.
        Some(unsafe { *TRIE4.entry(usize::from(high)) })
    }

    #[inline(always)]
    fn trie4(&self) -> impl Fn(u32) -> Option<u32> {
        let len = setting!(trie4);
        // SAFETY: the setting is the table's length.
        move |index| (index < len).then(|| unsafe { *TRIE4.entry(index as usize) })
    }

    #[inline(always)]
    fn pilot6(&self, index: usize) -> Option<Pilot6> {
        // SAFETY: of a number shifted by `pilot_shift6` (`Tables::pilot6`), and there are 2^(64 - that) pilots.
        Some(unsafe { *PILOTS6.entry(index) })
    }

    #[inline(always)]
    fn entry6(&self, index: usize) -> Option<&Entry6> {
        // SAFETY: of a number shifted by `place_shift6` (`Tables::entry6`), and there are 2^(64 - that) places.
        Some(unsafe { &*TABLE6.entry(index) })
    }

    #[inline(always)]
    fn cell(&self, index: u32) -> Option<Cell> {
        // SAFETY: the setting is the table's length.
        (index < setting!(cells)).then(|| unsafe { *CELLS.entry(index as usize) })
    }

    #[inline(always)]
    fn forget(&self, number: u32) -> u32 {
        forgotten(number as usize) as u32
    }

    #[inline(always)]
    fn class4(&self, address: u32) -> Option<u32> {
        if CALL { Some(source_class4(address)).filter(is_class) } else { tables::class4(self, address) }
    }

    #[inline(always)]
    fn class6(&self, high: u64, low: u64) -> Option<u32> {
        if CALL { Some(source_class6(high, low)).filter(is_class) } else { tables::class6(self, high, low) }
    }

    #[inline(always)]
    fn fragments_pass(&self) -> bool {
        setting!(fragments_pass) != 0
    }

    #[inline(always)]
    fn transit(&self) -> bool {
        transit::<C>()
    }

    #[inline(always)]
    fn forwards<A: SourceAddress>(&self, source: A, destination: A) -> bool {
        transit::forwards(self.context, source, destination)
    }

    #[inline(always)]
    fn tcp_socket<A: SourceAddress>(&self, flow: &Flow<A>) -> Option<SocketState> {
        socket::tcp(self.context.pointer(), flow)
    }

    #[inline(always)]
    fn tcp_listener<A: SourceAddress>(&self, flow: &Flow<A>) -> bool {
        socket::tcp_listener(self.context.pointer(), flow)
    }

    #[inline(always)]
    fn udp_socket<A: SourceAddress>(&self, flow: &Flow<A>) -> Option<SocketState> {
        socket::udp(self.context.pointer(), flow)
    }

    #[inline(always)]
    fn udp_listener<A: SourceAddress>(&self, flow: &Flow<A>) -> bool {
        socket::udp_listener(self.context.pointer(), flow)
    }
}

impl<const CALL: bool> OutboundTables for Maps<Skb<true>, CALL> {
    #[inline(always)]
    fn zones(&self) -> u32 {
        setting!(outbound_zones)
    }

    #[inline(always)]
    fn observes_inbound(&self) -> bool {
        setting!(observe) != 0
    }
}
