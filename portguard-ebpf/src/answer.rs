//! Who sent what must not leave is told so at once: the packet turns round and comes back as the answer.

#![expect(unsafe_code, reason = "helpers take raw pointers")]

use aya_ebpf::{
    bindings::{__sk_buff, BPF_F_INGRESS, BPF_F_INVALIDATE_HASH, TC_ACT_SHOT},
    helpers::generated::{bpf_redirect, bpf_skb_change_tail, bpf_skb_load_bytes, bpf_skb_store_bytes},
};
use portguard_common::wire::{
    ethernet, protocol,
    refusal::{DATAGRAM_LEN4, DATAGRAM_LEN6, LEN4, LEN6, prohibited4, prohibited6, reset4, reset6},
};

use crate::context::{Context as _, Skb};

const SHOT: i32 = TC_ACT_SHOT as i32;
/// Behind an Ethernet header.
const IP: usize = 14;
/// Of TCP's flags.
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

/// Drops the packet. If it asks for a TCP connection, the answer is a reset; if it is a datagram, that it is prohibited: the
/// packet becomes the answer, which takes no memory, and goes where packets come in. Others, and those with options, extension
/// headers or in fragments, just go.
#[inline(never)]
pub(crate) fn refuse(context: Skb<true>) -> i32 {
    let buffer = context.buffer();
    if context.tags_removed() > 0 {
        return SHOT;
    }
    let Some(start) = load::<{ DATAGRAM_LEN4 }>(buffer) else { return SHOT };
    match u16::from_be_bytes([start[12], start[13]]) {
        ethernet::IPV4 if start[IP] == 0x45 && start[IP + 6] & 0x3f == 0 && start[IP + 7] == 0 => {
            match start[IP + 9] {
                protocol::TCP => match load::<{ LEN4 }>(buffer) {
                    Some(frame) if opens(frame[LEN4 - 7]) => turn(buffer, &reset4(&frame)),
                    _ => SHOT,
                },
                protocol::UDP => turn(buffer, &prohibited4(&start)),
                _ => SHOT,
            }
        }
        ethernet::IPV6 => match start[IP + 6] {
            protocol::TCP => match load::<{ LEN6 }>(buffer) {
                Some(frame) if opens(frame[LEN6 - 7]) => turn(buffer, &reset6(&frame)),
                _ => SHOT,
            },
            protocol::UDP => match load::<{ DATAGRAM_LEN6 }>(buffer) {
                Some(frame) => turn(buffer, &prohibited6(&frame)),
                None => SHOT,
            },
            _ => SHOT,
        },
        _ => SHOT,
    }
}

#[inline(always)]
fn opens(flags: u8) -> bool {
    flags & (SYN | ACK) == SYN
}

/// The first `N` bytes, if there are so many.
#[inline(always)]
fn load<const N: usize>(buffer: *mut __sk_buff) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    // SAFETY: the buffer is that of the context that the kernel called this program with, and there is room for `N` bytes.
    let loaded = unsafe { bpf_skb_load_bytes(buffer.cast(), 0, bytes.as_mut_ptr().cast(), N as u32) };
    (loaded == 0).then_some(bytes)
}

/// Makes `frame` of the packet and hands it to the receiving side of its interface.
#[inline(always)]
fn turn<const N: usize>(buffer: *mut __sk_buff, frame: &[u8; N]) -> i32 {
    // SAFETY: as above; the helper refuses what it can't do, and the packet is dropped then as it would have been.
    if unsafe { bpf_skb_change_tail(buffer, N as u32, 0) } != 0 {
        return SHOT;
    }
    // SAFETY: as above; the frame has `N` bytes, and so has the packet now.
    let stored = unsafe {
        bpf_skb_store_bytes(buffer, 0, frame.as_ptr().cast(), N as u32, u64::from(BPF_F_INVALIDATE_HASH))
    };
    if stored != 0 {
        return SHOT;
    }
    // SAFETY: as above.
    unsafe { bpf_redirect((*buffer).ifindex, u64::from(BPF_F_INGRESS)) as i32 }
}
