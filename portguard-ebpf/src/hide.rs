//! Keeping from the compiler what the verifier can't follow.

#![expect(unsafe_code, reason = "inline assembly")]

use core::arch::asm;

/// `value` itself, of which the compiler knows nothing any more. In a register, unlike `core::hint::black_box`, which goes
/// through the stack.
#[inline(always)]
pub(crate) fn hidden(value: usize) -> usize {
    let mut value = value;
    // An instruction, since two sites of none could share an address, which the kernel refuses in line information.
    // SAFETY: it moves a register to itself.
    unsafe { asm!("{0} = {0}", inout(reg) value, options(pure, nomem, nostack, preserves_flags)) };
    value
}

/// The sum of two numbers, of which the compiler knows nothing: what [`hidden`] would cost is the addition itself.
#[inline(always)]
pub(crate) fn sum(first: usize, second: usize) -> usize {
    let mut sum = first;
    // SAFETY: it adds two registers.
    unsafe {
        asm!("{0} += {1}", inout(reg) sum, in(reg) second, options(pure, nomem, nostack, preserves_flags));
    }
    sum
}

/// The difference of two numbers, likewise.
#[inline(always)]
pub(crate) fn difference(first: usize, second: usize) -> usize {
    let mut difference = first;
    // SAFETY: it subtracts one register from another.
    unsafe {
        asm!("{0} -= {1}", inout(reg) difference, in(reg) second, options(pure, nomem, nostack, preserves_flags));
    }
    difference
}

/// `value` modulo `2^BITS`, likewise.
#[inline(always)]
pub(crate) fn low_bits<const BITS: u32>(value: usize) -> usize {
    let mut value = value;
    // SAFETY: it takes bits out of a register.
    unsafe {
        asm!("{0} &= {1}", inout(reg) value, const (1_i32 << BITS) - 1, options(pure, nomem, nostack, preserves_flags));
    }
    value
}
