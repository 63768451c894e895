//! Who sent what must not leave is told so at once: the packet turns round and comes back as the answer.

#![expect(unsafe_code, reason = "helpers take raw pointers")]

use aya_ebpf::{
    bindings::{__sk_buff, BPF_F_INGRESS, BPF_F_INVALIDATE_HASH, TC_ACT_SHOT},
    btf_maps::PerCpuArray,
    helpers::generated::{bpf_redirect, bpf_skb_change_tail, bpf_skb_load_bytes, bpf_skb_store_bytes},
    macros::btf_map,
};
use portguard_common::wire::{
    ethernet, protocol,
    refusal::{
        DATAGRAM_LEN4, DATAGRAM_LEN6, LEN4, LEN6, PROHIBITED_LEN4, PROHIBITED_LEN6, prohibited4, prohibited6,
        reset4, reset6,
    },
};

use crate::context::{Context as _, Skb};

const SHOT: i32 = TC_ACT_SHOT;
/// Behind an Ethernet header.
const IP: usize = 14;
/// In an IPv4 header, "more fragments" and where the fragment belongs: a whole packet has neither.
const FRAGMENT: u16 = 0x3fff;
/// Of TCP's flags.
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

/// Where an answer is made: of the stack the verifier wants words aligned.
#[repr(C, align(8))]
pub(crate) struct Scratch {
    frame: [u8; LEN6],
    answer: [u8; PROHIBITED_LEN6],
}

#[btf_map]
static SCRATCH: PerCpuArray<Scratch, 1> = PerCpuArray::new();

/// Drops the packet. If it asks for a TCP connection, the answer is a reset; if it is a datagram, that it is prohibited: the
/// packet becomes the answer, which takes no memory, and goes where packets come in. Others, those with options, extension
/// headers or in fragments, and those to several hosts, which nobody answers (RFC 1122 section 3.2.2, RFC 4443 section 2.4), just go.
#[inline(never)]
pub(crate) fn refuse(context: Skb<true>) -> i32 {
    let Some(scratch) = SCRATCH.get_ptr_mut(0) else { return SHOT };
    // SAFETY: it belongs to this CPU, on which nothing interrupts this program with another run of it; userspace does not
    // know the map.
    let scratch = unsafe { &mut *scratch };
    let buffer = context.buffer();
    if context.tags_removed() > 0 || !load::<DATAGRAM_LEN4>(buffer, &mut scratch.frame) {
        return SHOT;
    }
    // Multicast and broadcast of IP go to such addresses, too.
    if scratch.frame[0] & 1 == 1 {
        return SHOT;
    }
    match u16::from_be_bytes([scratch.frame[12], scratch.frame[13]]) {
        ethernet::IPV4 => refuse4(buffer, scratch),
        ethernet::IPV6 => refuse6(buffer, scratch),
        _ => SHOT,
    }
}

#[inline(always)]
fn refuse4(buffer: *mut __sk_buff, Scratch { frame, answer }: &mut Scratch) -> i32 {
    let is_whole = u16::from_be_bytes([frame[IP + 6], frame[IP + 7]]) & FRAGMENT == 0;
    if frame[IP] != 0x45 || !is_whole {
        return SHOT;
    }
    let carried = frame[IP + 9];
    match carried {
        protocol::TCP if load::<LEN4>(buffer, frame) && opens(frame[LEN4 - 7]) => {
            reset4(part(frame), part_mut(answer));
            turn::<LEN4>(buffer, answer)
        }
        protocol::UDP => {
            prohibited4(part(frame), part_mut(answer));
            turn::<PROHIBITED_LEN4>(buffer, answer)
        }
        _ => SHOT,
    }
}

#[inline(always)]
fn refuse6(buffer: *mut __sk_buff, Scratch { frame, answer }: &mut Scratch) -> i32 {
    let carried = frame[IP + 6];
    match carried {
        protocol::TCP if load::<LEN6>(buffer, frame) && opens(frame[LEN6 - 7]) => {
            reset6(frame, part_mut(answer));
            turn::<LEN6>(buffer, answer)
        }
        protocol::UDP if load::<DATAGRAM_LEN6>(buffer, frame) => {
            prohibited6(part(frame), answer);
            turn::<PROHIBITED_LEN6>(buffer, answer)
        }
        _ => SHOT,
    }
}

#[inline(always)]
fn opens(flags: u8) -> bool {
    flags & (SYN | ACK) == SYN
}

/// The first `N` bytes of what is longer.
#[inline(always)]
fn part<const N: usize, const LEN: usize>(bytes: &[u8; LEN]) -> &[u8; N] {
    const { assert!(N <= LEN) };
    // SAFETY: a longer array begins with a shorter one.
    unsafe { &*bytes.as_ptr().cast() }
}

/// Likewise.
#[inline(always)]
fn part_mut<const N: usize, const LEN: usize>(bytes: &mut [u8; LEN]) -> &mut [u8; N] {
    const { assert!(N <= LEN) };
    // SAFETY: as above; the longer one is lent out meanwhile.
    unsafe { &mut *bytes.as_mut_ptr().cast() }
}

/// Copies the packet's first `N` bytes to `to`, if there are so many.
#[inline(always)]
fn load<const N: usize>(buffer: *mut __sk_buff, to: &mut [u8; LEN6]) -> bool {
    const { assert!(N <= LEN6) };
    // SAFETY: the buffer is that of the context that the kernel called this program with, and there is room for `N` bytes.
    unsafe { bpf_skb_load_bytes(buffer.cast(), 0, to.as_mut_ptr().cast(), N as u32) == 0 }
}

/// Makes the packet the first `N` bytes of `frame`, and hands it to the receiving side of its interface.
#[inline(always)]
fn turn<const N: usize>(buffer: *mut __sk_buff, frame: &[u8; PROHIBITED_LEN6]) -> i32 {
    const { assert!(N <= PROHIBITED_LEN6) };
    // SAFETY: as above; the helper refuses what it can't do, and the packet is dropped then as it would have been.
    if unsafe { bpf_skb_change_tail(buffer, N as u32, 0) } != 0 {
        return SHOT;
    }
    // SAFETY: as above; the frame has `N` bytes, and so has the packet now.
    let stored = unsafe {
        bpf_skb_store_bytes(
            buffer.cast(),
            0,
            frame.as_ptr().cast(),
            N as u32,
            u64::from(BPF_F_INVALIDATE_HASH),
        )
    };
    if stored != 0 {
        return SHOT;
    }
    // SAFETY: as above.
    unsafe { bpf_redirect((*buffer).ifindex, u64::from(BPF_F_INGRESS)) as i32 }
}
