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
