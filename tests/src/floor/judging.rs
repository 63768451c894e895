//! The least that PortGuard's verdict comes to: a plain TCP packet from a source that no rule admits, judged by instructions that were
//! written by hand, for IPv4 or for IPv6 alone.

use std::os::fd::{AsFd as _, FromRawFd as _, OwnedFd};

use anyhow::Context as _;
use portguard_common::wire::ipv6;

use super::{
    ADD, AND, EXIT, Floor, JUMP_IF_GREATER, JUMP_IF_ZERO, LOAD, MOVE, STACK, STORE, TO_NETWORK_ORDER,
    XDP_DROP, XDP_PASS, bpf, frame_of, instruction, load, number,
};

/// Of `enum bpf_cmd` and `enum bpf_map_type` (`include/uapi/linux/bpf.h`).
const MAP_CREATE: libc::c_long = 0;
const ARRAY: u32 = 2;
const PER_CPU_ARRAY: u32 = 6;
/// `call bpf_map_lookup_elem`, which the kernel replaces by the load itself where the map is an array.
const CALL_LOOKUP: u64 = 1 << 32 | 0x85;
/// What the address that is loaded is: of a map, or of an array's first element.
const OF_MAP: u8 = 1;
const OF_ELEMENT: u8 = 2;
/// Operations, of `include/uapi/linux/bpf_common.h` and `bpf.h`.
const LOAD_ADDRESS: u8 = 0x18;
const LOAD_BYTE: u8 = 0x71;
const LOAD_HALF: u8 = 0x69;
const LOAD_DOUBLE: u8 = 0x79;
const STORE_DOUBLE: u8 = 0x7b;
const LOAD_NUMBER: u8 = 0x18;
const ADD_REGISTER: u8 = 0x0f;
const MULTIPLY: u8 = 0x27;
const MULTIPLY_REGISTER: u8 = 0x2f;
const AND_REGISTER: u8 = 0x5f;
const XOR_REGISTER: u8 = 0xaf;
const SUBTRACT_REGISTER: u8 = 0x1f;
const SHIFT_LEFT: u8 = 0x67;
const SHIFT_RIGHT: u8 = 0x77;
const JUMP_IF_EQUAL: u8 = 0x15;
const JUMP_UNLESS_EQUAL_REGISTER: u8 = 0x5d;
const JUMP_UNLESS_EQUAL: u8 = 0x55;
const JUMP_IF_BELOW: u8 = 0xa5;
const JUMP_IF_ABOVE: u8 = 0x25;
/// The offset of a jump to the end, before that is known.
const TO_THE_END: u16 = u16::MAX;

/// The registers that hold the frame's beginning and end, its source's class, and the IP packet's length.
const FRAME: u8 = 7;
const END: u8 = 8;
const CLASS: u8 = 9;
const LENGTH: u8 = 6;

/// The bytes of a port's entry, as a power of two, of a node of the trie and of a cell.
const ENTRY_SHIFT: u32 = 3;
const NODE_SHIFT: u32 = 2;
const CELLS: u32 = 4;
/// The buckets of the table of IPv6 sources, as a power of two, and the bytes of one.
const BUCKETS_SHIFT: u32 = 10;
const BUCKET: u32 = 48;
/// Where the payload of IPv4 and of IPv6 begins, if nothing is between.
const PAYLOAD4: u16 = 34;
const PAYLOAD6: u16 = 54;
/// The bytes of a header of TCP without options.
const TCP: u16 = 20;

/// The part of `union bpf_attr` that making a map needs.
#[repr(C)]
#[derive(Default)]
struct MapAttr {
    map_type: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
}

impl Floor {
    /// Drops every TCP packet over IPv4 that asks for a connection, and passes all others.
    ///
    /// On the way it does what PortGuard's verdict does with such a packet at a documented port: the headers are plain and within the
    /// frame, the source is possible, and its class, the port's entry and the cell of both are read from tables as long as
    /// PortGuard's; then it counts packet and bytes at the entry's place.
    pub fn judging() -> anyhow::Result<Self> {
        let table = |bytes| map(ARRAY, bytes, 1);
        let (ports, trie, cells) =
            (table(1 << (16 + ENTRY_SHIFT))?, table(1 << (16 + NODE_SHIFT))?, table(CELLS << 1)?);
        let counters = map(PER_CPU_ARRAY, 16, 1)?;
        Self::dropping_where(
            PAYLOAD4,
            [ipv4().to_vec(), class(&trie), tcp(PAYLOAD4).to_vec(), cell(PAYLOAD4, &ports, &cells)].concat(),
            &counters,
        )
    }

    /// The same for IPv6: the class is that of whom no bucket knows, once one was asked for each of these lengths of prefixes.
    pub fn judging6(lengths: &[u8]) -> anyhow::Result<Self> {
        let table = |bytes| map(ARRAY, bytes, 1);
        let (ports, buckets, cells) =
            (table(1 << (16 + ENTRY_SHIFT))?, table(BUCKET << BUCKETS_SHIFT)?, table(CELLS << 1)?);
        let counters = map(PER_CPU_ARRAY, 16, 1)?;
        Self::dropping_where(
            PAYLOAD6,
            [
                ipv6().to_vec(),
                class6(&buckets, lengths),
                tcp(PAYLOAD6).to_vec(),
                cell(PAYLOAD6, &ports, &cells),
            ]
            .concat(),
            &counters,
        )
    }

    /// The same without tables: it recognizes the headers, and counts in one place.
    pub fn recognizing() -> anyhow::Result<Self> {
        let counters = map(PER_CPU_ARRAY, 16, 1)?;
        Self::dropping_where(PAYLOAD4, [&ipv4()[..], &tcp(PAYLOAD4), &[load(1, 0)]].concat(), &counters)
    }

    /// The same for IPv6.
    pub fn recognizing6() -> anyhow::Result<Self> {
        let counters = map(PER_CPU_ARRAY, 16, 1)?;
        Self::dropping_where(PAYLOAD6, [&ipv6()[..], &tcp(PAYLOAD6), &[load(1, 0)]].concat(), &counters)
    }

    /// Drops the packets with a header of TCP at `payload` with which `judging` comes to its end, and counts them at the place that
    /// is in the first register then; passes the others.
    fn dropping_where(payload: u16, judging: Vec<u64>, counters: &OwnedFd) -> anyhow::Result<Self> {
        let mut program = frame_of(u32::from(payload + TCP), TO_THE_END).to_vec();
        program.extend(judging);
        program.extend(count(counters));
        program.extend([load(0, XDP_DROP), EXIT]);
        let end = program.len();
        for (place, instruction) in program.iter_mut().enumerate() {
            if *instruction >> 16 & 0xffff == u64::from(TO_THE_END) {
                let over = u64::try_from(end - place - 1)?;
                *instruction = *instruction & !(u64::from(TO_THE_END) << 16) | over << 16;
            }
        }
        program.extend([load(0, XDP_PASS), EXIT]);
        Self::of(&program)
    }
}

/// Goes to the end where the first register compares so with `value`.
const fn end_if(comparison: u8, value: u32) -> u64 {
    instruction(comparison, 1, 0, TO_THE_END, value)
}

/// IPv4 without options and not in pieces, TCP, of a length that the frame has, from a unicast source.
fn ipv4() -> [u64; 20] {
    [
        instruction(LOAD_HALF, 1, FRAME, 12, 0),
        end_if(JUMP_UNLESS_EQUAL, 0x0008),
        instruction(LOAD_BYTE, 1, FRAME, 14, 0),
        end_if(JUMP_UNLESS_EQUAL, 0x45),
        instruction(LOAD_HALF, 1, FRAME, 20, 0),
        // All but "don't fragment".
        instruction(AND, 1, 0, 0, 0xffbf),
        end_if(JUMP_UNLESS_EQUAL, 0),
        instruction(LOAD_BYTE, 1, FRAME, 23, 0),
        end_if(JUMP_UNLESS_EQUAL, 6),
        instruction(LOAD_HALF, LENGTH, FRAME, 16, 0),
        instruction(TO_NETWORK_ORDER, LENGTH, 0, 0, 16),
        instruction(MOVE, 1, FRAME, 0, 0),
        instruction(ADD_REGISTER, 1, LENGTH, 0, 0),
        instruction(ADD, 1, 0, 0, 14),
        instruction(JUMP_IF_GREATER, 1, END, TO_THE_END, 0),
        instruction(LOAD_BYTE, 1, FRAME, 26, 0),
        end_if(JUMP_IF_EQUAL, 0),
        end_if(JUMP_IF_EQUAL, 127),
        end_if(JUMP_IF_ABOVE, 223),
        instruction(LOAD, 1, FRAME, 26, 0),
    ]
}

/// IPv6 without extension headers, TCP, of a length that the frame has, from a unicast source.
fn ipv6() -> [u64; 16] {
    [
        instruction(LOAD_HALF, 1, FRAME, 12, 0),
        end_if(JUMP_UNLESS_EQUAL, 0xdd86),
        instruction(LOAD_BYTE, 1, FRAME, 14, 0),
        instruction(AND, 1, 0, 0, 0xf0),
        end_if(JUMP_UNLESS_EQUAL, 0x60),
        instruction(LOAD_BYTE, 1, FRAME, 20, 0),
        end_if(JUMP_UNLESS_EQUAL, 6),
        instruction(LOAD_HALF, LENGTH, FRAME, 18, 0),
        instruction(TO_NETWORK_ORDER, LENGTH, 0, 0, 16),
        // As IPv4 has it: from the header's beginning.
        instruction(ADD, LENGTH, 0, 0, 40),
        instruction(MOVE, 1, FRAME, 0, 0),
        instruction(ADD_REGISTER, 1, LENGTH, 0, 0),
        instruction(ADD, 1, 0, 0, 14),
        instruction(JUMP_IF_GREATER, 1, END, TO_THE_END, 0),
        instruction(LOAD_BYTE, 1, FRAME, 22, 0),
        end_if(JUMP_IF_EQUAL, 0xff),
    ]
}

/// The class of the source: that of the prefix of one of these lengths in one of its buckets, or 0. Its upper half is not zero (`::`,
/// `::1`).
fn class6(buckets: &OwnedFd, lengths: &[u8]) -> Vec<u64> {
    let mut program =
        vec![instruction(LOAD_DOUBLE, 1, FRAME, 22, 0), end_if(JUMP_IF_EQUAL, 0), load(CLASS, 0)];
    program.extend(lengths.iter().flat_map(|&length| probe6(buckets, length)));
    program
}

/// Asks the bucket of the source's first `length` bits, which is of two prefixes.
fn probe6(buckets: &OwnedFd, length: u8) -> Vec<u64> {
    const HIGH: u8 = 1;
    const LOW: u8 = 2;
    let long = |register: u8, number: u64| {
        let [low, high] = [number & 0xffff_ffff, number >> 32];
        [low << 32 | u64::from(register) << 8 | u64::from(LOAD_NUMBER), high << 32]
    };
    let mut program =
        vec![instruction(LOAD_DOUBLE, HIGH, FRAME, 22, 0), instruction(LOAD_DOUBLE, LOW, FRAME, 30, 0)];
    let mask = u128::MAX << (128 - u32::from(length));
    let (high, low) = ipv6::halves(ipv6::address(mask.to_be_bytes()));
    // In the order of the network, which the frame has.
    for (register, mask) in [(HIGH, high.to_be()), (LOW, low.to_be())] {
        if mask != u64::MAX {
            program.extend(long(3, mask));
            program.push(instruction(AND_REGISTER, register, 3, 0, 0));
        }
    }
    program.extend([instruction(MOVE, 3, HIGH, 0, 0), instruction(MOVE, 4, LOW, 0, 0)]);
    // A mixing like that of `Hash6`.
    program.extend(long(5, 0x9e37_79b9_7f4a_7c15));
    program.push(instruction(MULTIPLY_REGISTER, 3, 5, 0, 0));
    program.extend(long(5, 0xc2b2_ae3d_27d4_eb4f));
    program.extend([
        instruction(MULTIPLY_REGISTER, 4, 5, 0, 0),
        instruction(XOR_REGISTER, 3, 4, 0, 0),
        instruction(MOVE, 4, 3, 0, 0),
        instruction(SHIFT_RIGHT, 4, 0, 0, 32),
        instruction(XOR_REGISTER, 3, 4, 0, 0),
        instruction(MULTIPLY_REGISTER, 3, 5, 0, 0),
        instruction(SHIFT_RIGHT, 3, 0, 0, 40),
        instruction(AND, 3, 0, 0, (1 << BUCKETS_SHIFT) - 1),
        instruction(MULTIPLY, 3, 0, 0, BUCKET),
    ]);
    program.extend(address(4, buckets, OF_ELEMENT));
    program.push(instruction(ADD_REGISTER, 4, 3, 0, 0));
    for entry in [0, 24] {
        program.extend([
            instruction(LOAD_DOUBLE, 5, 4, entry, 0),
            instruction(JUMP_UNLESS_EQUAL_REGISTER, 5, HIGH, 3, 0),
            instruction(LOAD_DOUBLE, 5, 4, entry + 8, 0),
            instruction(JUMP_UNLESS_EQUAL_REGISTER, 5, LOW, 1, 0),
            instruction(LOAD, CLASS, 4, entry + 16, 0),
        ]);
    }
    program
}

/// The class of the source in the first register, by the root of the trie: none of the sources is known more closely.
fn class(trie: &OwnedFd) -> Vec<u64> {
    let mut program = vec![instruction(TO_NETWORK_ORDER, 1, 0, 0, 32), instruction(SHIFT_RIGHT, 1, 0, 0, 16)];
    program.extend([instruction(AND, 1, 0, 0, 0xffff), instruction(SHIFT_LEFT, 1, 0, 0, NODE_SHIFT)]);
    program.extend(address(2, trie, OF_ELEMENT));
    program.extend([
        instruction(ADD_REGISTER, 2, 1, 0, 0),
        instruction(LOAD, CLASS, 2, 0, 0),
        instruction(MOVE, 1, CLASS, 0, 0),
        // Not the node's own, and no further node.
        end_if(JUMP_IF_EQUAL, 1),
        end_if(JUMP_IF_ABOVE, i32::MAX.cast_unsigned()),
    ]);
    program
}

/// A header of TCP at `payload` that is within the packet, and asks for a connection.
fn tcp(payload: u16) -> [u64; 9] {
    [
        instruction(LOAD_BYTE, 1, FRAME, payload + 12, 0),
        instruction(SHIFT_RIGHT, 1, 0, 0, 2),
        instruction(AND, 1, 0, 0, 0x3c),
        end_if(JUMP_IF_BELOW, 20),
        // The IP header before it: the length counts from there.
        instruction(ADD, 1, 0, 0, u32::from(payload - 14)),
        instruction(JUMP_IF_GREATER, 1, LENGTH, TO_THE_END, 0),
        instruction(LOAD_BYTE, 1, FRAME, payload + 13, 0),
        // SYN, and not ACK.
        instruction(AND, 1, 0, 0, 0x12),
        end_if(JUMP_UNLESS_EQUAL, 2),
    ]
}

/// The counter of the port's entry in the first register, where the cell of port and class has no rule.
fn cell(payload: u16, ports: &OwnedFd, cells: &OwnedFd) -> Vec<u64> {
    let mut program = vec![
        instruction(LOAD_HALF, 1, FRAME, payload + 2, 0),
        instruction(TO_NETWORK_ORDER, 1, 0, 0, 16),
        instruction(SHIFT_LEFT, 1, 0, 0, ENTRY_SHIFT),
    ];
    program.extend(address(2, ports, OF_ELEMENT));
    program.extend([
        instruction(ADD_REGISTER, 2, 1, 0, 0),
        instruction(LOAD, LENGTH, 2, 0, 0),
        instruction(LOAD, 1, 2, 4, 0),
        instruction(ADD_REGISTER, 1, CLASS, 0, 0),
        end_if(JUMP_IF_ABOVE, CELLS - 1),
        instruction(SHIFT_LEFT, 1, 0, 0, 1),
    ]);
    program.extend(address(2, cells, OF_ELEMENT));
    program.extend([
        instruction(ADD_REGISTER, 2, 1, 0, 0),
        instruction(LOAD_HALF, 1, 2, 0, 0),
        end_if(JUMP_UNLESS_EQUAL, 0),
        instruction(MOVE, 1, LENGTH, 0, 0),
    ]);
    program
}

/// One packet more at the place in the first register, and its bytes.
fn count(counters: &OwnedFd) -> Vec<u64> {
    const KEY: u16 = 4;
    let mut program = vec![
        instruction(STORE, STACK, 1, KEY.wrapping_neg(), 0),
        instruction(MOVE, 2, STACK, 0, 0),
        instruction(ADD, 2, 0, 0, i32::from(KEY).wrapping_neg().cast_unsigned()),
    ];
    program.extend(address(1, counters, OF_MAP));
    program.extend([
        CALL_LOOKUP,
        instruction(JUMP_IF_ZERO, 0, 0, TO_THE_END, 0),
        instruction(SUBTRACT_REGISTER, END, FRAME, 0, 0),
        instruction(LOAD_DOUBLE, 1, 0, 0, 0),
        instruction(ADD, 1, 0, 0, 1),
        instruction(STORE_DOUBLE, 0, 1, 0, 0),
        instruction(LOAD_DOUBLE, 1, 0, 8, 0),
        instruction(ADD_REGISTER, 1, END, 0, 0),
        instruction(STORE_DOUBLE, 0, 1, 8, 0),
    ]);
    program
}

/// `register` is the address of `map`, or of its only element.
fn address(register: u8, map: &OwnedFd, of: u8) -> [u64; 2] {
    [instruction(LOAD_ADDRESS, register, of, 0, number(map.as_fd())), 0]
}

fn map(map_type: u32, value_size: u32, max_entries: u32) -> anyhow::Result<OwnedFd> {
    let mut attr = MapAttr { map_type, key_size: 4, value_size, max_entries };
    let descriptor = bpf(MAP_CREATE, &mut attr).context("making a map")?;
    // SAFETY: the kernel has just made this descriptor for us, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}
