//! Where the tables are: the maps of one generation. Userspace sets their lengths when it loads the program.

#![expect(
    unsafe_code,
    reason = "settings are read through a raw pointer, so that the compiler can't fold them"
)]

use core::ptr;

use aya_ebpf::{
    bindings::xdp_md,
    btf_maps::{Array, PerCpuArray},
    macros::btf_map,
    programs::XdpContext,
};
use portguard_common::{
    Arrival,
    abi::{CellPage, CounterPage, InterfaceEntry, PortPage, Settings, TablePage6, TriePage},
    tables::{Flow, SocketState, SourceAddress, Tables},
};

use crate::socket;

/// Not to be written by programs; the kernel checks it.
const READ_ONLY: usize = aya_ebpf::bindings::BPF_F_RDONLY_PROG as usize;

#[btf_map]
static PORTS: Array<PortPage, 1, READ_ONLY> = Array::new();
#[btf_map]
static TRIE4: Array<TriePage, 1, READ_ONLY> = Array::new();
#[btf_map]
static TABLE6: Array<TablePage6, 1, READ_ONLY> = Array::new();
#[btf_map]
static CELLS: Array<CellPage, 1, READ_ONLY> = Array::new();
#[btf_map]
static INTERFACES: Array<InterfaceEntry, 1, READ_ONLY> = Array::new();
#[btf_map]
pub(crate) static COUNTERS: PerCpuArray<CounterPage, 1> = PerCpuArray::new();

/// Written by userspace before the program is loaded, read-only from then on: the verifier knows the values and takes
/// out the code that a site doesn't use.
#[unsafe(no_mangle)]
static SETTINGS: Settings = Settings::EMPTY;

macro_rules! setting {
    ($field:ident) => {
        // SAFETY: a reference to a live static is valid and aligned; volatile, since the loader changes the bytes
        // behind the compiler's back.
        unsafe { ptr::read_volatile(&raw const SETTINGS.$field) }
    };
}

/// Whether drops are only counted.
#[inline(always)]
pub(crate) fn observe() -> bool {
    setting!(observe) != 0
}

/// The zone that the packet came in by. `None`: the interface is not in the table.
#[inline(always)]
pub(crate) fn arrival(context: &XdpContext) -> Option<Arrival> {
    if setting!(one_interface_kind) != 0 {
        return Some(Arrival::from_bits(setting!(arrival)));
    }
    let index = context.ingress_ifindex() as u32;
    let entry = INTERFACES.get(index & setting!(interface_mask))?;
    (entry.index == index).then_some(Arrival::from_bits(entry.arrival))
}

/// The tables of this generation.
pub(crate) struct Maps {
    context: *mut xdp_md,
}

impl Maps {
    #[inline(always)]
    pub(crate) fn new(context: &XdpContext) -> Self {
        Self { context: context.ctx }
    }
}

impl Tables for Maps {
    #[inline(always)]
    fn posture_pass(&self) -> bool {
        setting!(posture_pass) != 0
    }

    #[inline(always)]
    fn classes(&self) -> u32 {
        setting!(classes)
    }

    #[inline(always)]
    fn default_class6(&self) -> u32 {
        setting!(default_class6)
    }

    #[inline(always)]
    fn bucket_mask6(&self) -> u32 {
        setting!(bucket_mask6)
    }

    #[inline(always)]
    fn length_count6(&self) -> u32 {
        setting!(length_count6)
    }

    #[inline(always)]
    fn length6(&self, index: u32) -> Option<u8> {
        let lengths = &raw const SETTINGS.lengths6;
        // SAFETY: the mask keeps the index within the array; volatile as above.
        Some(unsafe { ptr::read_volatile(lengths.cast::<u8>().add(index as usize & 127)) })
    }

    #[inline(always)]
    fn port_page(&self, index: u32) -> Option<&PortPage> {
        PORTS.get(index)
    }

    #[inline(always)]
    fn trie_page4(&self, index: u32) -> Option<&TriePage> {
        TRIE4.get(index)
    }

    #[inline(always)]
    fn table_page6(&self, index: u32) -> Option<&TablePage6> {
        TABLE6.get(index)
    }

    #[inline(always)]
    fn cell_page(&self, index: u32) -> Option<&CellPage> {
        CELLS.get(index)
    }

    #[inline(always)]
    fn tcp_socket<A: SourceAddress>(&self, flow: &Flow<A>) -> Option<SocketState> {
        socket::tcp(self.context, flow)
    }

    #[inline(always)]
    fn tcp_listener<A: SourceAddress>(&self, flow: &Flow<A>) -> bool {
        socket::tcp_listener(self.context, flow)
    }

    #[inline(always)]
    fn udp_socket<A: SourceAddress>(&self, flow: &Flow<A>) -> Option<SocketState> {
        socket::udp(self.context, flow)
    }
}
