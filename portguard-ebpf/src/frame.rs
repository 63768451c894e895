//! Where the frame's bytes come from.
//!
//! Nearly every frame has its headers in one piece of memory, `data..data_end`: [`Linear`]. Where a driver splits them
//! off, or a jumbo frame is spread over several buffers, [`Scattered`] lets the kernel copy.

#![expect(unsafe_code, reason = "packet memory is reached through raw pointers that the verifier bounds")]

use core::{cell::Cell, hint::black_box, mem::MaybeUninit};

use aya_ebpf::{
    bindings::xdp_md,
    helpers::generated::{bpf_xdp_get_buff_len, bpf_xdp_load_bytes},
    programs::XdpContext,
};
use portguard_common::{Reason, wire::Frame};

/// No header ends beyond: 14 bytes of Ethernet, 4 tags, 40 bytes of IPv6 and 8 extension headers of at most 2,048 each
/// are less. The verifier wants to see a bound.
const HEADERS_END: usize = 0x7fff;

/// The frame's first piece of memory.
pub(crate) struct Linear {
    context: *mut xdp_md,
    start: usize,
    end: usize,
    /// Whether the packet is known to end beyond it.
    beyond: Cell<bool>,
    /// Whether bytes were wanted that lie beyond.
    missed: Cell<bool>,
}

impl Linear {
    #[inline(always)]
    pub(crate) fn new(context: &XdpContext) -> Self {
        Self {
            context: context.ctx,
            start: context.data(),
            end: context.data_end(),
            beyond: Cell::new(false),
            missed: Cell::new(false),
        }
    }

    /// The bytes of the frame, all buffers together.
    #[inline(always)]
    pub(crate) fn bytes(&self, reason: Reason) -> u64 {
        // The kernel is asked only where the verdict has not compared the packet's length with this piece's.
        if self.beyond.get() || reason.is_link_layer() {
            buffers_len(self.context)
        } else {
            (self.end - self.start) as u64
        }
    }

    /// Whether a verdict from this piece alone may be wrong, since there is more that it did not see.
    #[inline(always)]
    pub(crate) fn fell_short(&self) -> bool {
        self.missed.get() && buffers_len(self.context) > (self.end - self.start) as u64
    }
}

impl Frame for Linear {
    #[inline(always)]
    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        if offset > HEADERS_END {
            return None;
        }
        let from = self.start + offset;
        // Of one byte the compiler would make `from < end`, out of which the verifier learns nothing.
        let to = if N == 1 { black_box(from + N) } else { from + N };
        if to > self.end {
            self.missed.set(true);
            return None;
        }
        // SAFETY: `from..from + N` lies within `data..data_end`, which the lines above test and the verifier checks;
        // `[u8; N]` has no alignment.
        Some(unsafe { *(from as *const [u8; N]) })
    }

    #[inline(always)]
    fn has(&self, end: usize) -> bool {
        if self.start + end <= self.end {
            return true;
        }
        self.beyond.set(true);
        end as u64 <= buffers_len(self.context)
    }

    #[inline(always)]
    fn forget(&self, offset: usize) -> usize {
        offset + (unknown_zero() & HEADERS_END)
    }

    #[inline(always)]
    fn copy(&self, offset: usize, len: usize, to: &mut [u8]) -> bool {
        copy(self.context, offset, len, to)
    }
}

/// The frame wherever its bytes are. Slower: each read is a call.
pub(crate) struct Scattered {
    context: *mut xdp_md,
}

impl Scattered {
    #[inline(always)]
    pub(crate) fn new(context: &XdpContext) -> Self {
        Self { context: context.ctx }
    }
}

impl Frame for Scattered {
    #[inline(always)]
    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        let mut bytes = Aligned(MaybeUninit::uninit());
        // SAFETY: `load` returns true only when the kernel has written all of the `N` bytes.
        unsafe { load(self.context, offset, bytes.0.as_mut_ptr()).then(|| bytes.0.assume_init()) }
    }

    #[inline(always)]
    fn has(&self, end: usize) -> bool {
        end as u64 <= buffers_len(self.context)
    }

    #[inline(always)]
    fn forget(&self, offset: usize) -> usize {
        offset + (unknown_zero() & HEADERS_END)
    }

    #[inline(always)]
    fn copy(&self, offset: usize, len: usize, to: &mut [u8]) -> bool {
        copy(self.context, offset, len, to)
    }
}

#[inline(always)]
fn buffers_len(context: *mut xdp_md) -> u64 {
    // SAFETY: the context is the one that the kernel called this program with.
    unsafe { bpf_xdp_get_buff_len(context) }
}

#[inline(always)]
fn copy(context: *mut xdp_md, offset: usize, len: usize, to: &mut [u8]) -> bool {
    // SAFETY: the context is the one that the kernel called this program with; `to` has room for `len` bytes. The helper
    // itself refuses what lies beyond the frame.
    len <= to.len()
        && unsafe { bpf_xdp_load_bytes(context, offset as u32, to.as_mut_ptr().cast(), len as u32) == 0 }
}

/// On the stack the verifier wants words aligned.
#[repr(align(8))]
struct Aligned<T>(T);

/// Copies `N` bytes at `offset` out of whichever buffers they are in to `to`. A function of its own in the program as
/// well, so that each read does not carry it along.
///
/// # Safety
///
/// `context` is the one that the kernel called this program with, and `to` is valid for writes.
#[inline(never)]
unsafe fn load<const N: usize>(context: *mut xdp_md, offset: usize, to: *mut [u8; N]) -> bool {
    // SAFETY: the caller vouches for both pointers; the helper itself refuses what lies beyond the frame.
    unsafe { bpf_xdp_load_bytes(context, offset as u32, to.cast(), N as u32) == 0 }
}

/// Always 0; but it lies in writable memory, so the verifier takes it for any number.
#[unsafe(no_mangle)]
static mut ZERO: usize = 0;

#[inline(always)]
fn unknown_zero() -> usize {
    // SAFETY: the static is live and aligned, and nobody writes it. Volatile, or the compiler would know better.
    unsafe { (&raw const ZERO).read_volatile() }
}
