//! Where the frame's bytes come from.
//!
//! Nearly every frame is one piece of memory, `data..data_end`: [`Head`]. Of a jumbo frame, spread over several buffers,
//! that is the first, with the headers: [`Linear`]. Where a driver splits these, [`Scattered`] lets the kernel copy.

#![expect(unsafe_code, reason = "packet memory is reached through raw pointers that the verifier bounds")]

use core::{hint::black_box, mem::MaybeUninit};

use portguard_common::wire::{
    Frame, FromBytes,
    ipv4::{Options, OptionsAre},
};

use crate::{
    context::Context,
    hide::{difference, hidden},
};

/// No header ends beyond: 14 bytes of Ethernet, 4 tags, 40 bytes of IPv6 and 8 extension headers of at most 2,048 each
/// are less. The verifier wants to see a bound.
const HEADERS_END: usize = 0x7fff;

/// The frame's first piece of memory, taken for the whole frame: what lies beyond is not there.
#[derive(Clone, Copy)]
pub(crate) struct Head {
    start: usize,
    end: usize,
}

impl Head {
    /// The bytes of this piece.
    #[inline(always)]
    pub(crate) fn bytes(self) -> u64 {
        (self.end - self.start) as u64
    }

    /// The `T` at `offset`.
    #[inline(always)]
    fn get<T: FromBytes>(self, offset: usize) -> Option<T> {
        if offset > HEADERS_END {
            return None;
        }
        let from = self.start + offset;
        // Of one byte the compiler would make `from < end`, out of which the verifier learns nothing.
        let to = if size_of::<T>() == 1 { black_box(from + 1) } else { from + size_of::<T>() };
        if to > self.end {
            return None;
        }
        // SAFETY: `from..to` lies within `data..data_end`, which the lines above test and the verifier checks; any bytes
        // are a value of a type that is `FromBytes`, and the read asks for no alignment.
        Some(unsafe { (from as *const T).read_unaligned() })
    }
}

/// A frame by its first piece of memory.
pub(crate) trait First<C>: Frame {
    /// The frame that the kernel hands over with `context`.
    fn new(context: C) -> Self;
}

impl<C: Context> First<C> for Head {
    #[inline(always)]
    fn new(context: C) -> Self {
        Self { start: context.data(), end: context.data_end() }
    }
}

/// The frame's first piece of memory, and how long the frame is with all others.
#[derive(Clone, Copy)]
pub(crate) struct Linear<C> {
    context: C,
    head: Head,
    /// The bytes of the frame, all buffers together.
    len: u64,
}

impl<C: Context> First<C> for Linear<C> {
    #[inline(always)]
    fn new(context: C) -> Self {
        // Asked first, while nothing has to be kept over the call.
        let len = context.len();
        Self { context, head: Head::new(context), len }
    }
}

impl<C: Context> Linear<C> {
    /// The bytes of the frame, all buffers together.
    #[inline(always)]
    pub(crate) fn bytes(&self) -> u64 {
        self.len
    }

    /// Whether there is more of the frame than this piece.
    #[inline(always)]
    pub(crate) fn is_partial(&self) -> bool {
        self.len > self.head.bytes()
    }
}

impl Frame for Head {
    #[inline(always)]
    fn at<T: FromBytes>(&self, offset: usize) -> Option<T> {
        self.get(offset)
    }

    #[inline(always)]
    fn has(&self, end: usize) -> bool {
        // Hidden, or the compiler would leave out comparisons that follow from this one, which the verifier needs. As numbers: Linux 6.12
        // does not know how large one is whose bytes were swapped, and adds no such number to the frame's address.
        end <= difference(self.end, self.start)
    }

    /// None: nobody asks of a frame that has no lengths of its own making.
    #[inline(always)]
    fn copy(&self, _offset: usize, _len: usize, _to: &mut [u8]) -> bool {
        false
    }
}

impl<C: Context> Frame for Linear<C> {
    #[inline(always)]
    fn tags_removed(&self) -> usize {
        self.context.tags_removed()
    }

    #[inline(always)]
    fn at<T: FromBytes>(&self, offset: usize) -> Option<T> {
        self.head.get(offset)
    }

    #[inline(always)]
    fn has(&self, end: usize) -> bool {
        hidden(end.wrapping_sub(self.len as usize)).cast_signed() <= 0
    }

    #[inline(always)]
    fn forget(&self, number: usize) -> usize {
        forgotten(number)
    }

    #[inline(always)]
    fn copy(&self, offset: usize, len: usize, to: &mut [u8]) -> bool {
        copy(self.context, offset, len, to)
    }

    #[inline(always)]
    fn walk_options(&self, options: &Options, len: usize) -> OptionsAre {
        walked(options, len)
    }
}

/// The frame wherever its bytes are. Slower: each read is a call.
pub(crate) struct Scattered<C> {
    context: C,
}

impl<C: Context> Scattered<C> {
    #[inline(always)]
    pub(crate) fn new(context: C) -> Self {
        Self { context }
    }

    /// The `T` at `offset`.
    #[inline(always)]
    fn get<T: FromBytes>(&self, offset: usize) -> Option<T> {
        let mut bytes = Aligned(MaybeUninit::uninit());
        // SAFETY: `load` returns true only when the kernel has written all of the bytes.
        unsafe { load(self.context, offset, bytes.0.as_mut_ptr()).then(|| bytes.0.assume_init()) }
    }
}

impl<C: Context> Frame for Scattered<C> {
    #[inline(always)]
    fn tags_removed(&self) -> usize {
        self.context.tags_removed()
    }

    #[inline(always)]
    fn at<T: FromBytes>(&self, offset: usize) -> Option<T> {
        self.get(offset)
    }

    #[inline(always)]
    fn has(&self, end: usize) -> bool {
        end as u64 <= self.context.len()
    }

    #[inline(always)]
    fn forget(&self, number: usize) -> usize {
        forgotten(number)
    }

    #[inline(always)]
    fn copy(&self, offset: usize, len: usize, to: &mut [u8]) -> bool {
        copy(self.context, offset, len, to)
    }

    #[inline(always)]
    fn walk_options(&self, options: &Options, len: usize) -> OptionsAre {
        walked(options, len)
    }
}

#[inline(always)]
fn copy<C: Context>(context: C, offset: usize, len: usize, to: &mut [u8]) -> bool {
    // SAFETY: `to` has room for `len` bytes.
    len <= to.len() && unsafe { context.load(offset as u32, to.as_mut_ptr().cast(), len as u32) }
}

/// Calls the function that walks options. The verifier cannot rule out that it returns other numbers than those of what it may say.
#[inline(always)]
fn walked(options: &Options, len: usize) -> OptionsAre {
    const SOUND: u32 = OptionsAre::Sound as u32;
    const SOURCE_ROUTE: u32 = OptionsAre::SourceRoute as u32;
    match walk_options(options, len as u32) {
        SOUND => OptionsAre::Sound,
        SOURCE_ROUTE => OptionsAre::SourceRoute,
        _ => OptionsAre::Malformed,
    }
}

/// Walks the first `len` bytes of options. Exported, so that the verifier, which goes through each turn of the loop, does so once.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn walk_options(options: *const Options, len: u32) -> u32 {
    // SAFETY: `walked` alone calls it, with a reference; the kernel checks that it is one to as many bytes. It may be null to the
    // verifier, which takes the function by itself.
    let options = unsafe { options.as_ref() };
    options.map_or(OptionsAre::Malformed, |options| options.walk(len as usize)) as u32
}

/// On the stack the verifier wants words aligned.
#[repr(align(8))]
struct Aligned<T>(T);

/// Copies the `T` at `offset` out of whichever buffers they are in to `to`. A function of its own in the program as
/// well, so that each read does not carry it along.
///
/// # Safety
///
/// `to` is valid for writes.
#[inline(never)]
unsafe fn load<C: Context, T: FromBytes>(context: C, offset: usize, to: *mut T) -> bool {
    // SAFETY: the caller vouches for the pointer.
    unsafe { context.load(offset as u32, to.cast(), size_of::<T>() as u32) }
}

/// Always 0; but it lies in writable memory, so the verifier takes it for any number.
#[unsafe(no_mangle)]
static mut ZERO: usize = 0;

#[inline(always)]
fn zero() -> usize {
    // SAFETY: the static is live and aligned, and nobody writes it. Volatile, or the compiler would know better.
    unsafe { (&raw const ZERO).read_volatile() }
}

/// `number`, which has no more bits than [`HEADERS_END`]. To the verifier it may be any number of so many from here on.
#[inline(always)]
pub(crate) fn forgotten(number: usize) -> usize {
    // Hidden, or a comparison of it could be made one of what is forgotten.
    hidden(number ^ (zero() & HEADERS_END))
}
